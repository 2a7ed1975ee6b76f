"""The C dialect of docs/c-dialect.md: what compilers it takes, and what it says about a build that is not as it should be."""

import ctypes
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from export.backends.programs.c_program import DUMPING, Built
from export.backends.programs.machines import STRICT, build
from export.c import project
from export.graph.golden import random_inputs
from export.graph.operators import Conv2D
from export.streaming import line_plan
from tests.micro import cases
from tests.micro import kernels as c
from tests.support.networks.graphs import semifreddo
from tests.support.networks.repeated import plan_of, repeated
from tests.support.networks.tasks import every_operator
from tests.support.targets import BOARDS, MACHINES, MARKERS, thorough_but

PUBLIC = "sf_crc32", "sf_kernel_set", "sf_kernels", "sf_measure", "sf_platform", "sf_stack", "sf_stages", "sf_stream"
PUBLIC = *PUBLIC, "sf_switches", "sf_task", "sf_pixels", "sf_slots"
SMALL = semifreddo((32, 32), (8, 8, 16, 16, 32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An exported network with every kind of stage, and in a folder of its own one with switches."""
    folder = tmp_path_factory.mktemp("exported")
    project.write_folder(line_plan.plan(every_operator()), folder)
    project.write_folder(plan_of(replace(repeated(2), name="switched")), folder / "switched")
    shutil.rmtree(folder / "switched" / "sf")  # the same
    return folder


def compiled(compiler, folder, *flags, sources="*.c", text=None):
    """What a compiler says about sources, or about C that is given."""
    files = ["-"] if text is not None else [str(path) for path in sorted(folder.rglob(sources))]
    command = [compiler, *flags, "-I.", "-Isf", *files]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True)


# --- What it is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "compiler", [pytest.param("gcc", marks=pytest.mark.compiler), pytest.param("clang", marks=pytest.mark.clang)]
)
def test_nothing_is_converted_by_accident(compiler, folder):
    strict, dumping = [*STRICT, "-Wconversion", "-fsyntax-only"], [f"-D{define}" for define in DUMPING]
    for sources, defines in (("*.c", []), ("sf_stream.c", dumping), ("main.c", dumping)):
        made = compiled(compiler, folder, *strict, *defines, sources=sources)
        assert made.returncode == 0, made.stderr


@pytest.mark.thorough  # what `make test` builds is C99 by STRICT, the kernels of every instruction set too
@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c2x"])
@pytest.mark.parametrize(
    "name, flags",
    [
        ("c-gcc-O3", ()),
        ("c-clang-O3", ()),
        ("c-gcc-O3", ("-mavx2",)),
        ("c-clang-O3", ("-mavx2",)),
        ("m4", ()),
        ("m55", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_every_standard_since_c99_takes_it(name, flags, standard, folder, request):
    machine = MACHINES[name]
    request.applymarker(MARKERS[machine.compiler])
    # Not -Wconversion for Arm: gcc's intrinsics convert.
    more = [f"-DSF_BOARD_{machine.series.upper()}"] if machine.board else ["-Wconversion"]
    strict = [*STRICT, f"-std={standard}", "-fsyntax-only"]
    made = compiled(machine.compiler, folder, *strict, *machine.flags, *flags, *more)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
@pytest.mark.parametrize(
    "compiler", [pytest.param("g++", marks=pytest.mark.compiler), pytest.param("clang++", marks=pytest.mark.clang)]
)
def test_each_public_header_is_cpp_by_itself(compiler, standard, folder):
    for header in [f"sf/{name}.h" for name in PUBLIC] + ["net_stream.h", "switched/switched_stream.h"]:
        text = f'#include "{header}"\n#include "{header}"\n'
        strict = "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-fsyntax-only", "-xc++"
        made = compiled(compiler, folder, f"-std={standard}", *strict, text=text)
        assert made.returncode == 0, made.stderr


@pytest.mark.compiler
def test_without_gnu_extensions_nothing_of_them_is_left(folder, tmp_path):
    """As a compiler sees it that is not gcc or clang; what begins with __ is a compiler's own."""
    other = "-std=c99", "-U__GNUC__", "-mavx2"
    own = set()
    for path in sorted((folder / "sf").glob("*.c")):
        place = None
        for line in compiled("gcc", folder, *other, "-E", sources=path.name).stdout.splitlines():
            if marker := re.match(r'# \d+ "(.*?)"', line):
                place = marker[1]
            elif str(folder) in str(place) or str(place).startswith("sf"):
                own |= set(re.findall(r"\b(?:__\w+|asm|typeof)\b", line))
    assert own <= {"__builtin_offsetof"}  # offsetof, as gcc's own header has it
    kernels = c.Kernels(c.compile_c("gcc", tmp_path / "kernels.so", "-shared", "-fPIC", *other))
    kernels.library.sf_kernels_used.restype = ctypes.c_char_p
    assert kernels.library.sf_kernels_used() == b"portable"
    for net in cases.examples(cases.convolutions(Conv2D), 10):
        for graph, inputs, expected in cases.maps_and_golden(net, "made"):
            np.testing.assert_array_equal(kernels.run(graph, "made", *inputs), expected)


# --- What it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.compiler
@pytest.mark.parametrize(
    "macro, value, message",
    [
        ("__INT_MAX__", "32767", "an int must have 32 bits"),
        ("__CHAR_BIT__", "16", "a char must have 8 bits"),
        ("__BYTE_ORDER__", "__ORDER_BIG_ENDIAN__", "the processor must be little-endian"),
    ],
)
def test_a_processor_of_another_kind_is_refused(macro, value, message, folder):
    made = compiled("gcc", folder, "-w", f"-U{macro}", f"-D{macro}={value}", "-E", sources="sf_softmax_row.c")
    assert made.returncode != 0 and f'#error "{message}' in made.stderr


# --- What it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, flags, kernels",
    [
        ("m4", (), "arm_dsp"),
        pytest.param("m7", (), "arm_dsp", marks=pytest.mark.thorough),
        ("m55", (), "arm_mve"),
        ("m4", ("-mno-unaligned-access", "-O0"), "portable"),  # -O0: what no other test builds is built quickly
        ("c-gcc-O3", (), "portable"),
        ("c-gcc-O3", ("-mavx2", "-O0"), "avx2"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_build_says_which_kernels_it_has(name, flags, kernels, tmp_path, request):
    machine = MACHINES[name]
    request.applymarker(MARKERS[machine.compiler])
    result = Built(line_plan.plan(SMALL), replace(machine, flags=(*machine.flags, *flags)), tmp_path)
    assert f"kernels {kernels}\n" in result.run(random_inputs(SMALL, 1)["image"])[1].stdout


# --- What it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [pytest.param("-fno-builtin", marks=pytest.mark.thorough), "-ffreestanding"])
@pytest.mark.parametrize("machine", thorough_but("m4", BOARDS))
def test_a_build_without_builtins_takes_no_more_instructions(machine, flag, tmp_path):
    """-ffreestanding is -fno-builtin, and says that there is no C library."""
    image = random_inputs(SMALL, 1)["image"].tobytes()
    project.write_folder(line_plan.plan(SMALL), tmp_path / "c")
    counts = []
    for i, flags in enumerate(((), (flag,))):
        variant = replace(machine, flags=(*machine.flags, *flags))
        counts.append(build(variant, tmp_path / "c", tmp_path / str(i)).run(image).instructions)
    assert counts[1] <= 1.001 * counts[0]
