"""What cells and memories cost: constants per library, measured, and formulas of memories, with their source.

Logic is counted as registers, full adders and gates (in NAND2), and becomes NAND2 equivalents of a library, and mm2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Logic:
    """Cells: bits of registers, full adders, and all else in NAND2."""

    registers: float = 0
    adders: float = 0
    gates: float = 0

    def __add__(self, other: Logic) -> Logic:
        return Logic(self.registers + other.registers, self.adders + other.adders, self.gates + other.gates)

    def __mul__(self, count: float) -> Logic:
        return Logic(self.registers * count, self.adders * count, self.gates * count)


@dataclass(frozen=True)
class Library:
    """A process.

    Attributes:
        name: as it is printed.
        nand: um2 of a NAND2, as its cell; in 16 nm as it is placed.
        register, adder: a flip-flop and a full adder, in NAND2.
        matrix: an adder bit of a hardwired matrix, synthesised, in NAND2.
        memory: whether the memory formula below is of this process.
        source: where the numbers are from.
    """

    name: str
    nand: float
    register: float
    adder: float
    matrix: float
    memory: bool
    source: str

    def nands(self, logic: Logic) -> float:
        """Return NAND2 equivalents."""
        return self.register * logic.registers + self.adder * logic.adders + logic.gates

    def um2(self, logic: Logic) -> float:
        """Return the area of logic."""
        return self.nand * self.nands(logic)


LIBRARIES = {
    library.name: library
    for library in (
        Library(
            "16nm", 0.18, 5.33, 5.33, 5.41, True, "assumed: 0.18 um2 per placed NAND2, cells in the ratios of sky130"
        ),
        Library("asap7", 0.05832, 5.0, 5.0, 4.94, False, "ASAP7 7.5t RVT TT, predictive 7 nm: cell areas, not placed"),
        Library("sky130", 3.7536, 5.33, 5.33, 5.41, False, "sky130_fd_sc_hd, 130 nm: cell areas, not placed"),
        Library("osu018", 24.0, 4.0, 5.0, 4.99, False, "osu018, 180 nm: cell areas, not placed"),
    )
}

SRAM_CELL = 0.08  # um2 per bit in 16 nm
SRAM_COLUMNS, SRAM_ROWS = 2.7, 162  # what periphery adds, fitted on ten real macros: columns and words


def sram_um2(words: int, bits: int) -> float:
    """Return the area of a memory in 16 nm, by its shape. Two ports are counted like one."""
    return SRAM_CELL * (bits + SRAM_COLUMNS) * (words + SRAM_ROWS)


def registers_of(words: int, bits: int) -> Logic:
    """Return a memory made of flip-flops: each bit with a multiplexer for writing, and one for reading."""
    return Logic(registers=words * bits, gates=words * bits * 3.3)


# NAND2 per bit that a ROM with so many words adds to the products that it feeds, fitted on syntheses of both together:
# ABC merges a ROM of few words with the rows of its products.
ROM_GATES = {4: 0.0, 8: 0.0, 16: 0.02, 32: 0.10, 64: 0.18, 128: 0.19, 256: 0.19}


def rom(words: int, bits: int) -> Logic:
    """Return a ROM as logic, with the registers of its address."""
    exponent = min(max(math.log2(max(words, 1)), 2), 8)
    low = 2 ** math.floor(exponent)
    high = min(2 * low, 256)
    part = exponent - math.floor(exponent)
    per_bit = ROM_GATES[low] * (1 - part) + ROM_GATES[high] * part
    return Logic(registers=max((words - 1).bit_length(), 1), gates=per_bit * words * bits)


# Energy of logic in ASAP7 at an activity of 0.2, without wires and memories (OpenSTA); leakage per weight.
FOLDED_FJ, UNROLLED_FJ = 129.0, 16.0  # per MAC
FOLDED_NW, UNROLLED_NW = 1.5, 11.5  # per weight
