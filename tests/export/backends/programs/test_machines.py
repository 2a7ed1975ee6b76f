"""Exported C on every machine: the same bytes, and figures that are what the program is known to use."""

import os
from pathlib import Path

import pytest

from export.backends.programs.machines import MachineError, build
from export.backends.programs.tools import MissingTool
from tests.support.targets import EVERY_BOARD, EVERY_MACHINE, HOSTS, MACHINES, SANITIZERS

CHECKSUM = Path(__file__).parents[3] / "support" / "checksum"
MIXED = [7, 5, 3, 1] + [0] * 252  # of mix.c
FRAME = 64  # bytes that functions without arrays may take of the stack


def checksum(content):
    return sum(31 * byte + MIXED[byte] for byte in content).to_bytes(4, "little")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_every_machine_computes_the_same(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path)
    for content in (b"", b"\x00\x1a\r\n\xff", bytes(range(256)) * 17):
        assert program.run(content).output == content + checksum(content)


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_instructions_and_stack_are_the_same_in_every_run(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path)
    first, second = (program.run(bytes(1000)) for _ in range(2))
    assert first == second
    assert first.seconds is None


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_instructions_are_those_of_the_measured_calls(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path)
    # checksum_add is called once for each 100 bytes; the counter is 50 instructions coarse.
    once, twice, often = (program.run(bytes(100 * calls)).instructions for calls in (1, 2, 32))
    assert 1_000 < once < 10_000
    assert abs(twice - 2 * once) <= 100
    assert abs(often - 32 * once) <= 32 * 50


@pytest.mark.parametrize("machine", HOSTS)
def test_this_computer_tells_seconds(machine, tmp_path):
    result = build(machine, CHECKSUM, tmp_path).run(bytes(1 << 20))
    assert 0 < result.seconds < 60
    assert result.instructions is None and result.stack is None


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_stack_is_that_of_a_known_local_array(machine, tmp_path):
    stacks = []
    for size in (512, 4096):
        program = build(machine, CHECKSUM, tmp_path, [f"LOCAL_BYTES={size}"])
        stacks.append(program.run(bytes(10)).stack)
        assert size <= stacks[-1] <= size + FRAME
    assert 0 <= stacks[1] - stacks[0] - (4096 - 512) <= 16  # RISC-V reaches a large frame by one more register


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_a_stack_deeper_than_watched_is_no_figure(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path, ["LOCAL_BYTES=20000"])
    with pytest.raises(MachineError, match="deeper than SF_STACK_WATCHED, 16384 bytes"):
        program.run(bytes(10))
    program = build(machine, CHECKSUM, tmp_path, ["LOCAL_BYTES=20000", "SF_STACK_WATCHED=32768"])
    assert 20000 <= program.run(bytes(10)).stack <= 20000 + FRAME


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_memory_is_that_of_known_arrays(machine, tmp_path):
    small = build(machine, CHECKSUM, tmp_path / "small").memory()
    large = build(machine, CHECKSUM, tmp_path / "large", ["STATIC_BYTES=1256", "TABLE_BYTES=2256"]).memory()
    assert set(small.objects) == {"main.c", "checksum.c", "kernels/mix.c"}
    assert small.objects["checksum.c"][1] == 256 + 4 + 4  # seen, first, sum
    assert small.objects["kernels/mix.c"][1] == 0
    assert 256 < small.objects["kernels/mix.c"][0] < 256 + 64
    assert large.ram - small.ram == large.program_ram - small.program_ram == 1000
    # The code may differ: a remainder by another table length.
    assert 0 <= large.flash - small.flash - 2000 <= 64
    # So may the padding before the C library's functions.
    assert abs(large.program_flash - small.program_flash - 2000) <= 128
    for memory in (small, large):
        assert memory.flash == sum(memory.objects[name][0] for name in ("checksum.c", "kernels/mix.c"))
        assert memory.flash < memory.program_flash


@pytest.mark.compiler
def test_memory_of_this_computer_is_refused(tmp_path):
    with pytest.raises(MachineError, match="c-gcc-O3: memory is measured only on emulated boards"):
        build(MACHINES["c-gcc-O3"], CHECKSUM, tmp_path).memory()


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_a_fault_is_reported_with_its_line(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path, ["TRAP"])
    with pytest.raises(MachineError, match=rf"{machine.name}: .*status 70:\nfault: pc 0x.*\nat .*checksum.c:\d+"):
        program.run(b"content")


@pytest.mark.parametrize("machine", HOSTS)
def test_a_crash_is_reported(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path, ["TRAP"])
    with pytest.raises(MachineError, match=f"{machine.name}: the program was ended by SIG|AddressSanitizer: ILL"):
        program.run(b"content")


@pytest.mark.parametrize("machine", SANITIZERS)
def test_a_sanitizer_names_the_line(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path, ["OVERRUN"])
    with pytest.raises(MachineError, match=r"(?s)ended with status.*checksum.c:\d+:\d+: runtime error: index"):
        program.run(b"content")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_the_programs_own_refusal_is_shown(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path)
    with pytest.raises(MachineError, match=f"{machine.name}: the program ended with status 2:\nusage: prog INPUT"):
        program.run(b"one", b"two")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_an_endless_program_is_ended(machine, tmp_path):
    program = build(machine, CHECKSUM, tmp_path, ["ENDLESS"])
    with pytest.raises(MachineError, match=f"{machine.name}: the program did not end within 0.1 s"):
        program.run(b"content", timeout=0.1)


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_broken_c_gives_the_compilers_message(machine, tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return undeclared; }\n")
    with pytest.raises(MachineError, match=r"(?s)cannot be built:.*main.c:1:25: error: .*undeclared"):
        build(machine, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_a_warning_is_an_error(machine, tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { int unused; return 0; }\n")
    with pytest.raises(MachineError, match=r"(?s)main.c:1:22: error: unused variable 'unused' \[-Werror"):
        build(machine, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_an_array_of_variable_length_is_an_error(machine, tmp_path):
    (tmp_path / "main.c").write_text("int main(int n, char **a) { char b[n]; b[0] = **a; return b[0]; }\n")
    with pytest.raises(MachineError, match=r"(?s)main.c:1:\d+: error: .*variable.length array.*\[-Werror[=,]-?W?vla"):
        build(machine, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_a_program_without_output_is_reported(machine, tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(MachineError, match="wrote no output"):
        build(machine, tmp_path, tmp_path / "out").run(b"content")


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_too_large_for_the_board_is_the_linkers_message(machine, tmp_path):
    with pytest.raises(MachineError, match="(?si)cannot be built:.*region .RAM. overflowed"):
        build(machine, CHECKSUM, tmp_path, ["STATIC_BYTES=5000000"])


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_missing_tool_is_named_with_its_package(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(MissingTool, match=f"{machine.name} needs {machine.compiler}, which is not .*: apt install "):
        build(machine, CHECKSUM, tmp_path)


@pytest.mark.compiler
def test_a_folder_without_a_program_is_refused(tmp_path):
    with pytest.raises(MachineError, match="has no main.c"):
        build(MACHINES["c-gcc-O0"], tmp_path, tmp_path / "out")


@pytest.mark.parametrize("machine", EVERY_BOARD)
def test_flash_and_ram_may_together_be_larger_than_flash(machine, tmp_path):
    program = """
        #include <stdio.h>
        static volatile unsigned char zeros[4000000];
        static const unsigned char ones[400000] = {1, 1, 1};
        int main(int count, char **arguments) {
          FILE *output = fopen(arguments[count - 1], "wb");
          fputc(zeros[sizeof zeros - (unsigned)count] + ones[count - 1], output);
          return fclose(output);
        }
        """
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "main.c").write_text(program)
    assert build(machine, tmp_path / "c", tmp_path / "out").run(b"").output == b"\1"
