"""m4, m7, m55: the exported C on Arm Cortex-M boards that QEMU emulates."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path

from export.backends import c_program, machines
from export.backends.backend import Maps
from export.backends.c_program import CBackend
from export.backends.machines import Machine
from export.c import project
from export.network import Network

OPTIONS = ("-mthumb", "-mfloat-abi=hard", "-O2", "-g", "-ffunction-sections", "-fdata-sections")
COUNTING = ('SF_HOOKS="sf_count_hooks.h"', "SF_COUNT")  # builds a program that counts the instructions of each stage


def _stage_costs(machine: Machine, network: Network, inputs: Maps) -> list[int]:
    """Count by a second program, to within a count of the board's timer per row."""
    image = inputs[network.graph.inputs[0]]
    with tempfile.TemporaryDirectory() as folder:
        project.write_folder(network.compiled, Path(folder, "c"))
        program = machines.build(machine, Path(folder, "c"), Path(folder, "counting"), COUNTING)
        tasks = [] if network.loaded is None else [network.loaded]
        stdout = program.run(image.tobytes(), *tasks, timeout=c_program.SECONDS).stdout
    return [int(count) for count in re.findall(r"^stage \d+ (\d+)$", stdout, re.MULTILINE)]


def _backend(core: str, board: str, about: str) -> CBackend:
    machine = Machine(core, "arm-none-eabi-gcc", (f"-mcpu=cortex-{core}", *OPTIONS), board)
    measures = ("instructions", "ram", "stack", "flash")
    return c_program.backend(machine, about, measures=measures, stage_costs=partial(_stage_costs, machine))


BACKENDS = (
    _backend("m4", "mps2-an386", "the C on an emulated Cortex-M4, with its DSP instructions"),
    _backend("m7", "mps2-an500", "the C on an emulated Cortex-M7"),
    _backend("m55", "mps3-an547", "the C on an emulated Cortex-M55, with Helium (MVE)"),
)
