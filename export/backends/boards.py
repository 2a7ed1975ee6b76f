"""m0, m3, m4, m7, m33, m55, rv32: the exported C on Arm Cortex-M and RISC-V boards that QEMU emulates."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from export.backends.backend import Counts, Maps
from export.backends.programs import block_counts, c_program, machines, timing
from export.backends.programs.c_program import CBackend
from export.backends.programs.machines import Machine, Program
from export.backends.programs.timing import Block, Cycles
from export.c import project
from export.network import Network

Core = Callable[[list[Block]], Cycles]
OPTIONS = ("-O2", "-g", "-ffunction-sections", "-fdata-sections")
# Builds a program that counts the instructions of each stage and row.
COUNTING = ('SF_HOOKS="sf_count_hooks.h"', "SF_COUNT")


@contextlib.contextmanager
def _program(
    machine: Machine, network: Network, inputs: Maps, defines: tuple[str, ...] = ()
) -> Iterator[tuple[Program, list[bytes]]]:
    """Build a program that runs a network on one image, and yield it with what it reads."""
    with tempfile.TemporaryDirectory() as folder:
        project.write_folder(network.compiled, Path(folder, "c"))
        program = machines.build(machine, Path(folder, "c"), Path(folder, "counting"), defines)
        task = [] if network.loaded is None else [network.loaded]
        yield program, [inputs[network.graph.inputs[0]].tobytes(), *task]


def _count(machine: Machine, network: Network, inputs: Maps) -> Counts:
    """Count by a second program, to within a count of the board's timer per row."""
    with _program(machine, network, inputs, COUNTING) as (program, given):
        stdout = program.run(*given, timeout=c_program.SECONDS).stdout
    rows = re.findall(r"^row (\d+) (\d+)$", stdout, re.MULTILINE)
    return Counts(
        stages=[int(count) for count in re.findall(r"^stage \d+ (\d+)$", stdout, re.MULTILINE)],
        rows=[int(count) for count, _ in rows],
        largest_piece=max(int(largest) for _, largest in rows),
    )


def _cycles(machine: Machine, core: Core, network: Network, inputs: Maps) -> Cycles:
    """Count the cycles of what a network does with the rows of one image."""
    return core(_blocks(machine, network, inputs)[None])


def _stage_cycles(machine: Machine, core: Core, network: Network, inputs: Maps) -> list[Cycles]:
    """Count the cycles of each stage, by a second program that marks which one is at work."""
    blocks = _blocks(machine, network, inputs, marks=True)
    return [core(blocks.get(stage, [])) for stage in range(len(network.compiled.stages))]


def _blocks(machine: Machine, network: Network, inputs: Maps, marks: bool = False) -> dict[int | None, list[Block]]:
    with _program(machine, network, inputs, block_counts.MARKS if marks else ()) as (program, given):
        return block_counts.count(program, "sf_push_row", *given, timeout=c_program.SECONDS, marks=marks)


# Of the cores of which Arm publishes how long instructions take, or nearly so.
CORES: dict[str, Core] = {
    "m0": partial(timing.by_table, timing.M0),
    "m3": partial(timing.by_table, timing.M3),
    "m4": partial(timing.by_table, timing.M4),
    "m33": timing.m33,
    "m7": timing.m7,
}


def _backend(machine: Machine, about: str, **more: bool) -> CBackend:
    measures = ("instructions", "ram", "stack", "flash")
    core = CORES.get(machine.name)
    cycles: dict[str, Any] = {}
    if core:
        cycles = {"cycles": partial(_cycles, machine, core), "stage_cycles": partial(_stage_cycles, machine, core)}
    return c_program.backend(machine, about, measures=measures, count=partial(_count, machine), **cycles, **more)


def _arm(name: str, core: str, board: str, about: str, floats: str = "hard", on_request: bool = False) -> CBackend:
    """The C on a Cortex-M. floats: how it passes floating-point numbers; soft for a core without such registers."""
    core_flags = f"-mcpu={core}", f"-mfloat-abi={floats}", "-mthumb"
    machine = Machine(name, "arm-none-eabi-gcc", (*core_flags, *OPTIONS), board)
    return _backend(machine, about, on_request=on_request)


def _riscv(name: str, architecture: str, about: str) -> CBackend:
    core_flags = f"-march={architecture}", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs"
    return _backend(Machine(name, "riscv64-unknown-elf-gcc", (*core_flags, *OPTIONS), "virt"), about)


# With the portable kernels, of which rv32 is always part of the proof.
PORTABLE = (
    # A Cortex-M3 runs the instructions of a Cortex-M0+ one for one. QEMU's only board with an M0 has 16 KB of RAM.
    ("m0", "cortex-m0plus", "mps2-an385", "the C for a Cortex-M0+, on an emulated Cortex-M3", "soft"),
    ("m3", "cortex-m3", "mps2-an385", "the C on an emulated Cortex-M3", "soft"),
    ("m33", "cortex-m33+nodsp", "mps2-an505", "the C on an emulated Cortex-M33 without DSP instructions", "hard"),
)
BACKENDS = (
    _arm("m4", "cortex-m4", "mps2-an386", "the C on an emulated Cortex-M4, with its DSP instructions"),
    _arm("m7", "cortex-m7", "mps2-an500", "the C on an emulated Cortex-M7"),
    _arm("m55", "cortex-m55", "mps3-an547", "the C on an emulated Cortex-M55, with Helium (MVE)"),
    *(_arm(*board, on_request=True) for board in PORTABLE),
    _riscv("rv32", "rv32imac", "the C on an emulated 32-bit RISC-V (RV32IMAC)"),
)
