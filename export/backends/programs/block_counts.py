"""Which instructions of a board's program were executed, and how often: counted by a plugin of QEMU, block by block."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from export.backends.programs import machines
from export.backends.programs.machines import BOARDS, MachineError, Program
from export.backends.programs.timing import Block, Instruction

Code = dict[int, tuple[Instruction, int]]  # instructions and their bytes, by address

PLUGIN = BOARDS / "sf_blocks.c"


MARKS = ('SF_HOOKS="sf_mark_hooks.h"',)  # builds a program that marks which stage is at work


def count(
    program: Program, function: str, *inputs: bytes, timeout: float = 3600, marks: bool = False
) -> dict[int | None, list[Block]]:
    """Run a program and return the blocks that were executed within calls of a function, by stage; None: by none.

    Args:
        marks: whether the program was built with MARKS. Without, all blocks are of no stage.
    Raises: MachineError if it fails or QEMU was built without plugins; MissingTool.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plugin = _plugin(program.machine.name, folder)
        loaded = f"{plugin},function={_address(program, function)},output={folder / 'blocks'}"
        if marks:
            loaded += f",mark={_address(program, 'sf_mark')},marks={_address(program, 'sf_marks')}"
        program.run(*inputs, timeout=timeout, options=("-plugin", loaded))
        if not (folder / "blocks").exists():
            raise MachineError(f"{program.machine.name}: QEMU has no plugins, which count cycles")
        lines = (folder / "blocks").read_text().splitlines()
    code = dict(_disassembled(program))
    found: dict[int | None, list[Block]] = {None: []}
    ends: dict[int | None, int] = {}  # of the last block of each stage
    for address, size, count, place, *how_often in sorted(_numbers(line) for line in lines):
        stage = place - 1 if place else None
        blocks = found.setdefault(stage, [])
        block = _block(program, code, address, size, count, *how_often)
        joined = _joined(blocks[-1], block) if blocks and ends[stage] == address else None
        blocks[-1:] = [joined] if joined else [*blocks[-1:], block]
        ends[stage] = address + size
    return found


def _numbers(line: str) -> list[int]:
    address, *others = line.split()
    return [int(address, 16), *map(int, others)]


def _joined(block: Block, next: Block) -> Block | None:
    """Return two blocks as one if QEMU has divided it, as it does at the end of a page; else None."""
    if block.taken or block.runs != next.runs:
        return None
    return Block(block.instructions + next.instructions, next.runs, next.taken)


def _block(program: Program, code: Code, address: int, size: int, count: int, runs: int, taken: int) -> Block:
    place, end, instructions = address, address + size, []
    while place < end and place in code:
        instruction, length = code[place]
        instructions.append(instruction)
        place += length
    if len(instructions) != count:
        raise MachineError(f"{program.machine.name}: what was executed at {address:x} is not what objdump finds there")
    return Block(tuple(instructions), runs, taken)


def _plugin(backend: str, folder: Path) -> Path:
    """Build the plugin for this computer."""
    gcc = machines.find_tool(backend, "gcc")
    made = folder / "sf_blocks.so"
    command = [gcc, "-std=c99", "-O2", "-shared", "-fPIC", str(PLUGIN), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def _address(program: Program, function: str) -> int:
    symbols = subprocess.run(
        [program.machine.binutil("nm"), program.path], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(rf"^([0-9a-f]+) (\w) {function}$", symbols, re.MULTILINE)
    if found is None:
        raise MachineError(f"{program.machine.name}: the program has no function {function}")
    return int(found[1], 16) & (~1 if found[2] in "Tt" else ~0)  # a Thumb address is even


LINE = re.compile(r"^ *([0-9a-f]+):\t((?:[0-9a-f]{4,8} ?)+)\s*\t([\w.]+)\t?(.*)$")


def _disassembled(program: Program) -> Iterator[tuple[int, tuple[Instruction, int]]]:
    """Each instruction of a program with its length in bytes, by address."""
    command = [program.machine.binutil("objdump"), "-d", str(program.path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if found := LINE.match(line):
            operands = found[4].split("@")[0].split(";")[0].strip()
            yield int(found[1], 16), (Instruction(found[3], operands), len(found[2].replace(" ", "")) // 2)
