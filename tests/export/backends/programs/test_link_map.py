"""The linker's map: what is counted, and for which object."""

from export.backends.programs.link_map import object_sizes, section_sizes

MAP = """
Archive member included to satisfy reference by file (symbol)

Discarded input sections

 .text          0x00000000       0x40 main.o
 .text.unused   0x00000000      0x400 kernels/mix.o

Linker script and memory map

LOAD main.o

.text           0x00000400       0x80
 *(.text .text.*)
 .text.a_function_with_a_long_name
                0x00000400       0x10 kernels/mix.o
                0x00000400                a_function_with_a_long_name
 .text.short    0x00000410        0x6 kernels/mix.o
 *fill*         0x00000416        0x2
 .rodata.str1.4
                0x00000418        0xc a folder/main.o
                                 0x42 (size before relaxing)
 .text          0x00000424       0x5c /usr/lib/libc.a(lib_a-memcpy.o)

.a_section_with_a_long_name
                0x00000480       0x20
 .a_section_with_a_long_name
                0x00000480       0x20 kernels/mix.o

.data           0x20000000        0x8 load address 0x000004a0
                0x20000000                sf_data_start = .
 .data          0x20000000        0x8 a folder/main.o
"""


def test_sections_are_counted_with_their_padding():
    assert section_sizes(MAP) == {".text": 0x80, ".a_section_with_a_long_name": 0x20, ".data": 8}


def test_objects_are_counted_as_linked_and_not_what_was_discarded():
    assert object_sizes(MAP) == {
        (".text", "kernels/mix.o"): 0x16,
        (".text", "a folder/main.o"): 0xC,
        (".text", "/usr/lib/libc.a(lib_a-memcpy.o)"): 0x5C,
        (".a_section_with_a_long_name", "kernels/mix.o"): 0x20,
        (".data", "a folder/main.o"): 8,
    }
