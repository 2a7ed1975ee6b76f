"""c-*: the exported C on this computer, under several compilers."""

from __future__ import annotations

from export.backends.programs import c_program
from export.backends.programs.c_program import CBackend
from export.backends.programs.machines import Machine

SANITIZERS = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def _backend(variant: str, about: str, *flags: str, quick: bool = False, also: tuple[str, ...] = ()) -> CBackend:
    """The C under one compiler. Only what is quick is worth timing."""
    machine = Machine(f"c-{variant}", variant.split("-")[0], flags)
    measures = ("seconds",) if quick else ()
    return c_program.backend(machine, about, aliases=(variant, *also), quick=quick, measures=measures)


BACKENDS = (
    _backend("gcc-O0", "the C of gcc, not optimised", "-O0"),
    _backend("gcc-O3", "the C of gcc, portable", "-O3", quick=True, also=("c",)),
    _backend("clang-O0", "the C of clang, not optimised", "-O0"),
    _backend("clang-O3", "the C of clang, portable", "-O3", quick=True),
    _backend("gcc-sanitizers", "the C of gcc with address and undefined-behaviour sanitizers", *SANITIZERS),
    _backend("clang-sanitizers", "the C of clang with the same sanitizers", *SANITIZERS),
    c_program.backend(
        Machine("c-native", "gcc", ("-O3", "-march=native")),
        "the C of gcc for this computer, with AVX kernels if it has AVX2",
        aliases=("native",),
        quick=True,
        measures=("seconds",),
    ),
)
