"""The machines of export.backends.machines as pytest parameters, each marked with the tools that it needs."""

import pytest

from export.backends.machines import MACHINES

MARKERS = {"gcc": pytest.mark.compiler, "clang": pytest.mark.clang, "arm-none-eabi-gcc": pytest.mark.cross}
EVERY_MACHINE = [pytest.param(machine, id=name, marks=MARKERS[machine.compiler]) for name, machine in MACHINES.items()]
HOSTS = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is None]
BOARDS = [parameter for parameter in EVERY_MACHINE if parameter.values[0].board is not None]
SANITIZERS = [parameter for parameter in HOSTS if parameter.id.endswith("sanitizers")]
