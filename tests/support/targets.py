"""Backends, and the machines of those that run C, as pytest parameters, each marked with the tools that it needs."""

import pytest

from export.backends.c_program import CBackend
from export.backends.registry import ENTRIES

MARKERS = {"gcc": pytest.mark.compiler, "clang": pytest.mark.clang, "arm-none-eabi-gcc": pytest.mark.cross}


def marks(backend):
    return [MARKERS[tool] for tool in backend.tools if tool in MARKERS]


def parameters(*backends):
    return [pytest.param(backend, id=backend.name, marks=marks(backend)) for backend in backends]


EVERY_BACKEND = parameters(*ENTRIES)
MACHINES = {backend.name: backend.machine for backend in ENTRIES if isinstance(backend, CBackend)}
EVERY_MACHINE = [pytest.param(machine, id=name, marks=MARKERS[machine.compiler]) for name, machine in MACHINES.items()]
HOSTS = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is None]
BOARDS = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is not None]
SANITIZERS = [parameter for parameter in HOSTS if parameter.id.endswith("sanitizers")]
