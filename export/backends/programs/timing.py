"""Cycles of instructions that were executed, by the timing tables that Arm publishes for its cores.

A table says what each instruction takes if memory answers at once: no wait states of flash, no cache
that misses, no interrupt. Where it gives a range, so does this. What the rules are and how far off
they can be is in docs/cycles.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONDITION = "(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
CALL = re.compile(rf"blx?{CONDITION}$")
LOAD, STORE = re.compile(r"v?ldr(?!ex)"), re.compile(r"v?str(?!ex)")
SEVERAL = re.compile(r"(v?ldm|v?stm|push|pop|vpush|vpop)")
ACCUMULATE, LONG, LONG_ACCUMULATE = re.compile(r"ml[as]"), re.compile(r"[su]mull"), re.compile(r"[su]mla?al")
DIVIDE = re.compile(r"[su]div")


@dataclass(frozen=True)
class Instruction:
    """An instruction as a disassembler writes it."""

    mnemonic: str
    operands: str

    @property
    def name(self) -> str:
        """The mnemonic without the width of its encoding."""
        return self.mnemonic.removesuffix(".n").removesuffix(".w")

    @property
    def registers(self) -> int:
        """Number of registers in braces: r4-r7 is four."""
        listed = re.search(r"{(.*)}", self.operands)
        count = 0
        for part in listed[1].split(",") if listed else ():
            ends = [int(number) for number in re.findall(r"[rsd](\d+)", part)]
            count += ends[1] - ends[0] + 1 if len(ends) == 2 else 1
        return count

    @property
    def is_double(self) -> bool:
        """Whether it loads or stores two words."""
        return re.match(r"(ldrd|strd|vldr|vstr)", self.name) is not None and self.name[0] != "v"


@dataclass(frozen=True)
class Block:
    """Instructions that are executed one after the other, how often, and how often something else than the
    instruction behind them came next.
    """

    instructions: tuple[Instruction, ...]
    runs: int
    taken: int


@dataclass(frozen=True)
class Cycles:
    """Least and most cycles. `expected` is None for a core of which Arm publishes no table."""

    least: int
    most: int
    expected: int | None = None

    def __str__(self) -> str:
        range = f"{self.least:,} to {self.most:,}"
        return range if self.expected is None else f"{self.expected:,} ({range})"


@dataclass(frozen=True)
class Table:
    """What instructions of a core take, each as (least, expected, most).

    Attributes:
        accumulate, long, long_accumulate, divide: MLA, SMULL, SMLAL, SDIV and their like.
        refill: what a branch that is taken costs more.
        call, load_pc: the same of BL, and of a POP or LDM with pc.
        pipelined: whether a load behind another load or store takes one cycle.
    """

    accumulate: tuple[float, float, float]
    long: tuple[float, float, float]
    long_accumulate: tuple[float, float, float]
    divide: tuple[float, float, float]
    refill: tuple[float, float, float]
    call: tuple[float, float, float]
    load_pc: tuple[float, float, float]
    pipelined: bool


ONE, REFILL = (1, 1, 1), (1, 2, 3)
# Cortex-M0+ (DDI 0484C, table 3-1), with the fast multiplier; M3 (DDI 0337H, table 18-1); M4 (DDI 0439B, table 3-1).
M0 = Table(ONE, ONE, ONE, ONE, ONE, (2, 2, 2), (2, 2, 2), pipelined=False)
M3 = Table((2, 2, 2), (3, 4, 5), (4, 5.5, 7), (2, 7, 12), REFILL, REFILL, REFILL, pipelined=True)
M4 = Table(ONE, ONE, ONE, (2, 7, 12), REFILL, REFILL, REFILL, pipelined=True)


def by_table(table: Table, blocks: Iterable[Block]) -> Cycles:
    """Return the cycles of blocks on a core with a table."""
    totals = [0.0, 0.0, 0.0]
    for block in blocks:
        for way in range(3):
            totals[way] += block.runs * _straight(table, block.instructions, way)
            totals[way] += block.taken * _refill(table, block.instructions[-1], way)
    return Cycles(int(totals[0]), int(totals[2]), int(totals[1]))


def m33(blocks: Iterable[Block]) -> Cycles:
    """Return the range of a Cortex-M33, of which there is no table: from one cycle each to the M4's most."""
    blocks = list(blocks)
    least = sum(block.runs * len(block.instructions) + block.taken for block in blocks)
    return Cycles(least, by_table(M4, blocks).most)


def m7(blocks: Iterable[Block]) -> Cycles:
    """Return the range of a Cortex-M7, of which there is no table: from two instructions per cycle to the M4's most."""
    blocks = list(blocks)
    least = sum(block.runs * -(-len(block.instructions) // 2) for block in blocks)
    return Cycles(least, by_table(M4, blocks).most)


LEAST, EXPECTED, MOST = range(3)


def _straight(table: Table, instructions: Sequence[Instruction], way: int) -> float:
    """Return the cycles of instructions whose branch is not taken."""
    total, before = 0.0, None
    for instruction in instructions:
        behind = table.pipelined and way != MOST and before is not None and _follows(before, instruction)
        total += _of_one(table, instruction, behind, way)
        before = instruction
    return total


def _of_one(table: Table, instruction: Instruction, behind: bool, way: int) -> float:
    name = instruction.name
    if SEVERAL.match(name):
        return 1 + instruction.registers
    if instruction.is_double:
        return 3
    if LOAD.match(name):
        return 1 if behind else 2
    if STORE.match(name):  # an M3 or M4 stores while it goes on, unless it has to add two registers
        waits = not table.pipelined or way == MOST and re.search(r"\[\w+, r\d+", instruction.operands)
        return 2 if waits else 1
    if DIVIDE.match(name):
        return table.divide[way]
    if LONG.match(name):
        return table.long[way]
    if LONG_ACCUMULATE.match(name):
        return table.long_accumulate[way]
    return table.accumulate[way] if ACCUMULATE.match(name) else 1


def _follows(before: Instruction, load: Instruction) -> bool:
    """Return whether a load is pipelined behind an instruction: a load or store that does not make its address."""
    if not (LOAD.match(before.name) or STORE.match(before.name)) or before.is_double:
        return False
    made = before.operands.split(",")[0].strip() if LOAD.match(before.name) else ""
    address = re.search(r"\[(.*)\]", load.operands)
    return address is None or made not in re.findall(r"\w+", address[1])


def _refill(table: Table, last: Instruction, way: int) -> float:
    if SEVERAL.match(last.name):
        return table.load_pc[way]
    return table.call[way] if CALL.match(last.name) else table.refill[way]
