"""Area and energy of a datapath before anything is synthesised: per stage, for three designs.

- unrolled: each weight has its own multiplier. Those of frozen codes are shifts and adders (matrix.py).
- folded: as the generator builds it (layout.py); frozen codes in ROMs, or hardwired in stages that are unrolled.
- least area: the smaller of both, block by block.

Counts of cells were fitted on syntheses of rtl/ with osu018 (synthesise.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatch

from export.hardware import blocks
from export.hardware.blocks import Block, Codes, Stream
from export.hardware.estimate import cells, matrix
from export.hardware.estimate.cells import Library, Logic, registers_of, rom, sram_um2
from export.hardware.layout import stage_of
from export.hardware.schedule import Schedule

UNROLLED, FOLDED, LEAST = "unrolled", "folded", "least area"

# A product of two int8, added to a sum. In an array of units the digits of Booth are shared.
PRODUCT, OWN_PRODUCT = Logic(adders=48, gates=182), Logic(adders=44.2, gates=195)
NARROW_ROM = 0.15  # per bit of a ROM that feeds a few products alone
SUM_GATES = 1.35  # per bit of an accumulator or of a finished sum: start and selection
CONTROL = {  # what a block has beside its data, whatever its width
    blocks.Convolve: Logic(registers=20, gates=90),
    blocks.Depthwise: Logic(registers=8, gates=40),
    blocks.Requantise: Logic(registers=10, gates=30),
    blocks.Pool: Logic(registers=73, adders=18, gates=590),
    blocks.Lookup: Logic(registers=13, gates=192),
    blocks.Join: Logic(gates=3),
    blocks.Gate: Logic(gates=40),
}
LOADER = Logic(registers=14, gates=200)
TASK_REGISTERS = Logic(registers=188, gates=1486)
TREE = 1.2  # logic with clock tree, test and routing, over cells: 15 to 25 % more
BOOTH = 444.7  # NAND2 per trainable weight of an unrolled convolution, with its flip-flops (sky130)


@dataclass(frozen=True)
class Memory:
    """A memory and what it holds: "weights" or "rows" (line buffers, delays, columns)."""

    words: int
    bits: int
    holds: str

    def cheapest(self, library: Library) -> tuple[Logic, float]:
        """Return it as flip-flops and no macro, or as a macro (um2 in 16 nm) and no logic: the smaller."""
        logic = registers_of(self.words, self.bits)
        macro = sram_um2(self.words, self.bits)
        return (logic, 0.0) if cells.LIBRARIES["16nm"].um2(logic) < macro else (Logic(), macro)


@dataclass(frozen=True)
class Part:
    """What a stage is made of.

    Attributes:
        core, stage: such as "frozen" and "stage2".
        kind: the kind of its block.
        logic: its cells.
        matrix: adder bits of hardwired matrices.
        memories: its memories.
        macs: multiplications per frame.
        weights: its weights; frozen says whether they are frozen.
        busy: share of clocks in which it works.
    """

    core: str
    stage: str
    kind: str
    logic: Logic = field(default_factory=Logic)
    matrix: float = 0
    memories: tuple[Memory, ...] = ()
    macs: int = 0
    weights: int = 0
    frozen: bool = False
    unrolled: bool = False
    busy: float = 0

    def logic_um2(self, library: Library) -> float:
        """Return the area of its cells, and of memories that are smaller as cells."""
        total = self.logic
        for memory in self.memories:
            total = total + memory.cheapest(library)[0]
        return library.um2(total) + library.nand * library.matrix * self.matrix

    def memory_um2(self, library: Library, holds: str) -> float:
        """Return the area of its macros that hold "weights" or "rows"."""
        return sum(each.cheapest(library)[1] for each in self.memories if each.holds == holds)


@dataclass(frozen=True)
class Report:
    """The area of one design: its parts, in one library."""

    name: str
    parts: tuple[Part, ...]
    library: Library

    def mm2(self, parts: Iterable[Part] | None = None) -> dict[str, float]:
        """Return mm2 by what they are for, of all parts or some: logic, weights, rows, total."""
        chosen = self.parts if parts is None else list(parts)
        found = {"logic": sum(part.logic_um2(self.library) for part in chosen) / 1e6}
        if self.library.memory:
            for holds in ("weights", "rows"):
                found[holds] = sum(part.memory_um2(self.library, holds) for part in chosen) / 1e6
        return {**found, "total": sum(found.values())}

    def of(self, core: str, stage: str | None = None) -> list[Part]:
        """Return the parts of a core, or of one of its stages."""
        return [part for part in self.parts if part.core == core and stage in (None, part.stage)]

    def energy(self, parts: Iterable[Part] | None = None) -> tuple[float, float]:
        """Return nJ per frame of multiplications, and uW of leakage of weights: ASAP7, without memories and wires."""
        chosen = self.parts if parts is None else list(parts)
        fj = sum(part.macs * (cells.UNROLLED_FJ if part.unrolled else cells.FOLDED_FJ) for part in chosen)
        nw = sum(part.weights * (cells.UNROLLED_NW if part.unrolled else cells.FOLDED_NW) for part in chosen)
        return fj / 1e6, nw / 1e3


def estimate(schedule: Schedule, library: Library, design: str) -> Report:
    """Return the area of a design.

    Args:
        schedule: of the folded datapath.
        library: the process.
        design: UNROLLED, FOLDED or LEAST.
    """
    parts = [Part("chip", "task registers", "Task", TASK_REGISTERS)]
    for block in schedule.design.blocks:
        folded = replace(part_of(block), busy=schedule.busy[block.output.name])
        if not isinstance(block, blocks.Convolve | blocks.Depthwise):
            parts.append(folded)
            continue
        unrolled = replace(_unrolled(block), busy=schedule.busy[block.output.name])
        is_hardwired = design == UNROLLED
        if design == LEAST:
            areas = [sum(Report("", (each,), cells.LIBRARIES["16nm"]).mm2().values()) for each in (unrolled, folded)]
            is_hardwired = areas[0] < areas[1]
        parts.append(unrolled if is_hardwired else folded)
    return Report(design, tuple(parts), library)


def place(name: str) -> tuple[str, str]:
    """Return the core and the stage of a block by its name; a core shuffle is of the core that it feeds."""
    core = re.search(r"frozen|core\d+", name)
    if name.startswith("head."):
        return "head", name.split(".")[1]
    if name.startswith("image"):
        return "image", "rows"
    return (core[0], stage_of(name.removeprefix(f"{core[0]}."))) if core else ("other", stage_of(name))


# --- What each block is made of ---------------------------------------------------------------------------------------


def part_of(block: Block) -> Part:
    """Return what a block of the generator is made of."""
    core, stage = place(block.name)
    logic, memories = _made_of(block)
    part = Part(core, stage, type(block).__name__, CONTROL.get(type(block), Logic()) + logic, memories=memories)
    if isinstance(block, blocks.Convolve | blocks.Depthwise):
        codes = block.codes
        macs = codes.codes.size * block.output.pixels
        part = replace(part, macs=macs, weights=codes.codes.size, frozen=codes.frozen)
    if isinstance(block, blocks.Hardwired):
        count, bits = block.codes.size, matrix.estimated(block.codes)
        macs = count * block.output.pixels
        part = replace(part, matrix=bits, macs=macs, weights=count, frozen=True, unrolled=True)
    return part


@singledispatch
def _made_of(block: Block) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(), ()


@_made_of.register
def _fifo(block: blocks.Fifo) -> tuple[Logic, tuple[Memory, ...]]:
    return _fifo_of(block.depth, block.input.kept_width, block.pack)


def _fifo_of(depth: int, bits: int, pack: int = 1) -> tuple[Logic, tuple[Memory, ...]]:
    address = max((depth - 1).bit_length(), 1)
    registers = 2 * address + depth.bit_length() + 1
    logic = Logic(registers=registers, adders=address, gates=15 * address)
    if pack > 1:  # words are collected, and chosen
        logic = logic + Logic(registers=pack * bits + pack.bit_length(), gates=5.5 * pack * bits + 6 * address)
    return logic, (Memory(depth // pack, pack * bits, "rows"),)


@_made_of.register
def _gear(block: blocks.Gear) -> tuple[Logic, tuple[Memory, ...]]:
    wide = max(block.input.width, block.output.width)
    is_narrower = block.input.width > block.output.width
    return Logic(registers=wide + 3, gates=20 + 2 * wide if is_narrower else 0.7 * wide), ()


@_made_of.register
def _fork(block: blocks.Fork) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(registers=len(block.outputs), gates=6.5 * len(block.outputs)), ()


@_made_of.register
def _select(block: blocks.Select) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(registers=_counter(block.input), gates=5 * _counter(block.input)), ()


@_made_of.register
def _choose(block: blocks.Choose) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(gates=2 + 2.5 * len(block.inputs) * block.output.width), ()


@_made_of.register
def _core_shuffle(block: blocks.CoreShuffle) -> tuple[Logic, tuple[Memory, ...]]:
    beat = _counter(block.input)
    return Logic(registers=1 + beat, gates=16 + 22 * block.input.lanes + 5.5 * beat), ()


def _counter(stream: Stream) -> int:
    """Return the bits that count the beats of a pixel."""
    return max((stream.beats - 1).bit_length(), 1)


@_made_of.register
def _window(block: blocks.Window) -> tuple[Logic, tuple[Memory, ...]]:
    height, width, _ = block.input.shape
    lanes, bits, beats = block.input.lanes, block.input.kept_width, block.input.beats
    counts, row, beat = max(height, width).bit_length(), (width * beats).bit_length(), beats.bit_length()
    registers = 5 * counts + 3 * row + 2 * beat + 18 + bits
    logic = Logic(registers=registers, adders=13, gates=420 + 157 * lanes)
    if block.strides[1] > 1 or block.parts > 1:
        logic = logic + Logic(registers=9 * bits, gates=15 * bits)
    if block.first_waits:
        logic = logic + Logic(registers=row + 1, adders=row + 3, gates=180)
    fifo, waiting = _fifo_of(block.depth, bits, block.pack)
    side_by_side = block.strides[0] == 1
    rows = (Memory(width * beats, (1 + side_by_side) * bits, "rows"),) * (2 - side_by_side)
    if beats == 1:
        return logic + fifo + Logic(registers=6 * bits), (*rows, *waiting)
    of_columns = Logic(gates=200)  # counters of beats, and what the memory of columns needs
    return logic + fifo + of_columns, (*rows, Memory(beats, 6 * bits, "rows"), *waiting)


def _weights(codes: Codes) -> tuple[Logic, tuple[Memory, ...]]:
    words, count = codes.codes.shape
    if codes.frozen:
        return rom(words, 8 * count), ()
    return LOADER, (Memory(words, 8 * count, "weights"),)


@_made_of.register
def _depthwise(block: blocks.Depthwise) -> tuple[Logic, tuple[Memory, ...]]:
    lanes = block.input.lanes
    products = lanes * block.input.taps // block.steps
    logic, memories = _weights(block.codes)
    logic = logic + OWN_PRODUCT * products + Logic(registers=8 * products)
    if block.steps > 1:  # taps are chosen, and sums are kept
        bits = block.output.bits
        kept = Logic(registers=bits + 4, adders=0.6 * bits, gates=SUM_GATES * bits + 1.9 * 8 * block.input.taps)
        logic = logic + kept * lanes
        if block.codes.frozen:
            logic = logic + Logic(gates=NARROW_ROM * 8 * block.codes.codes.size)
    return logic, memories


@_made_of.register
def _convolve(block: blocks.Convolve) -> tuple[Logic, tuple[Memory, ...]]:
    logic, memories = _weights(block.codes)
    bits = block.macs * block.output.bits
    if block.stores_sums:
        fifo, finished = _fifo_of(block.passes, bits)
        return logic + fifo + units(block.macs, block.lanes, 0), (
            *memories,
            Memory(block.passes, bits, "rows"),
            *finished,
        )
    return logic + units(block.macs, block.lanes, (2 * block.passes if block.input.beats > 1 else 1) * bits), memories


def units(macs: int, lanes: int, kept: int) -> Logic:
    """Return multiply-accumulate units. kept: bits of all their sums."""
    return PRODUCT * (macs * lanes) + Logic(registers=kept + 8 * lanes, gates=SUM_GATES * kept)


@_made_of.register
def _hardwired(block: blocks.Hardwired) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(registers=block.input.width + 1, gates=5), ()


@_made_of.register
def _requantise(block: blocks.Requantise) -> tuple[Logic, tuple[Memory, ...]]:
    lanes, bits = block.output.lanes, block.sum_bits
    short, digit = block.factor_bits, block.factor_bits // block.steps  # bits of the multiplier: all, per clock
    if block.steps == 1:
        each = Logic(adders=(2 + short / 2) * bits - short - 3, gates=(23.5 + 2.2 * short) * bits + 37)
    elif digit == 1:
        each = Logic(adders=2 * bits - 1, gates=22 * bits + 3.5 * short + 54)
    else:
        each = Logic(adders=(3 + digit / 2) * bits - 4, gates=(23.5 + 2.04 * digit) * bits + 3.5 * short + 54)
    each = each + Logic(registers=block.input.bits + bits + 6)
    if block.share is not None:  # one for all streams, each of which has its turn, its address and its last code
        address = (block.output.beats * block.share.streams).bit_length()
        own = Logic(registers=address + 11, gates=3.5 * address + 2.5 * block.share.in_bits + 30)
        if block.share.position:
            return own, ()
        each, lanes = each + own, 1
    words = block.output.beats * (block.share.streams if block.share else 1)
    constants = (Memory(words, lanes * (block.bias_bits + blocks.SHIFT_BITS + block.factor_bits), "weights"),)
    return each * lanes + LOADER, constants


@_made_of.register
def _blend(block: blocks.Blend) -> tuple[Logic, tuple[Memory, ...]]:
    lanes = block.output.lanes
    constants = (Memory(block.output.beats, 8 * lanes, "weights"),) * 2
    beat = _counter(block.output)
    control = Logic(registers=18 + 3 * beat, gates=250 + 20 * beat)
    return Logic(registers=17, adders=94, gates=1139) * lanes + control, constants


@_made_of.register
def _pool(block: blocks.Pool) -> tuple[Logic, tuple[Memory, ...]]:
    bits = block.input.pixels.bit_length() + 8
    return Logic(), (Memory(block.input.beats, bits, "rows"),) * 2


@_made_of.register
def _lookup(block: blocks.Lookup) -> tuple[Logic, tuple[Memory, ...]]:
    return Logic(), (Memory(256, 8, "weights"),)


# --- Unrolled ---------------------------------------------------------------------------------------------------------


def _unrolled(block: blocks.Convolve | blocks.Depthwise) -> Part:
    """Return a convolution with a multiplier per weight, and registers for the pixel and its sums."""
    part = part_of(block)
    codes, channels = block.codes, block.output.shape[2]
    taken = 8 * block.input.shape[2] * block.input.taps
    registers = Logic(registers=taken + channels * block.output.bits)
    if not codes.frozen:
        nands = BOOTH * codes.codes.size
        return replace(
            part, logic=Logic(gates=nands), memories=(Memory(1, 8 * codes.codes.size, "weights"),), unrolled=True
        )
    rows = codes.codes
    if isinstance(block, blocks.Depthwise):
        bits = matrix.ALONE * matrix.digits(rows)
    else:
        outputs = block.macs * block.passes
        bits = matrix.estimated(rows.reshape(outputs, -1))
    return replace(part, logic=registers, memories=(), matrix=bits, unrolled=True)
