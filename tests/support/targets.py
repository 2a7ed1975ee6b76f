"""Backends, and the machines of those that run C, as pytest parameters, each marked with the tools that it needs."""

import pytest

from export.backends.programs.c_program import CBackend
from export.backends.registry import ENTRIES

MARKERS = {
    "gcc": pytest.mark.compiler,
    "clang": pytest.mark.clang,
    "arm-none-eabi-gcc": pytest.mark.cross,
    "riscv64-unknown-elf-gcc": pytest.mark.riscv,
}


def marks(backend):
    return [MARKERS[tool] for tool in backend.tools if tool in MARKERS]


def parameters(*backends):
    return [pytest.param(backend, id=backend.name, marks=marks(backend)) for backend in backends]


def thorough_but(kept: str, parameters: list) -> list:
    """Parameters of which only some run in `make test`: those whose names are in `kept`."""
    return [each if each.id in kept.split() else _thorough(each) for each in parameters]


def thorough_if_same(parameters: list) -> list:
    """Parameters of which `make test` leaves out those whose C another one runs."""
    return [_thorough(each) if each.id in SAME.split() else each for each in parameters]


def _thorough(each):
    return pytest.param(*each.values, id=each.id, marks=[*each.marks, pytest.mark.thorough])


# One for each set of kernels and each compiler: an M3 and an M33 run the C of an M0 with longer instructions, an M7 that
# of an M4. Both compilers take the C at their highest level and with sanitizers.
SAME = "m3 m33 m7 c-clang-O0"

EVERY_BACKEND = parameters(*(entry for entry in ENTRIES if entry.name != "verilator"))  # has tests of its own
MACHINES = {backend.name: backend.machine for backend in ENTRIES if isinstance(backend, CBackend)}
EVERY_MACHINE = [pytest.param(machine, id=name, marks=MARKERS[machine.compiler]) for name, machine in MACHINES.items()]
HOSTS = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is None]
EVERY_BOARD = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is not None]
BOARDS = [parameter for parameter in EVERY_BOARD if parameter.id not in SAME.split()]
SANITIZERS = [parameter for parameter in HOSTS if parameter.id.endswith("sanitizers")]
