"""The memories of a datapath on an ECP5: each is made of block memories, or of look-up tables where those are few."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from export.hardware import blocks
from export.hardware.blocks import SHIFT_BITS, Block

SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))  # words and bits of a block memory
BYTE = 9  # bits of a block memory that are written alone
LUTS_16X4 = 6  # of a memory of 16 words of 4 bits
READ = 0.8  # look-up tables per bit and 16 words, which choose what is read
LUTS_16X1 = 1.3  # of a ROM
CHEAP = 100  # look-up tables that are no worse than a block memory, if there are enough of both


@dataclass(frozen=True)
class Memory:
    """A memory that is there, by its shape. lanes: parts of a word that are written alone."""

    words: int
    bits: int
    is_rom: bool = False
    lanes: int = 1

    @property
    def luts(self) -> float:
        """Look-up tables, if it is made of them."""
        rows = math.ceil(self.words / 16)
        if self.is_rom:
            return LUTS_16X1 * rows * self.bits
        lane = self.bits // self.lanes
        return LUTS_16X4 * rows * self.lanes * math.ceil(lane / 4) + READ * (rows - 1) * self.bits

    @property
    def blocks(self) -> int:
        """Block memories, if it is made of them."""
        lane = self.bits // self.lanes
        bits = self.bits if self.lanes == 1 or self.is_rom else self.lanes * BYTE * math.ceil(lane / BYTE)
        return min(math.ceil(self.words / depth) * math.ceil(bits / width) for depth, width in SHAPES)

    @property
    def luts_per_block(self) -> float:
        """Look-up tables that a block memory saves."""
        return self.luts / self.blocks


@dataclass(frozen=True)
class Placed:
    """Of what memories are made: how many block memories and look-up tables, and which shapes are made of each."""

    blocks: int
    luts: float
    of_blocks: tuple[Memory, ...]
    of_luts: tuple[Memory, ...]


def placed(memories: Iterable[Memory], most: int) -> Placed:
    """Return memories as at most so many block memories if that is possible: the cheapest are made of look-up tables."""
    counts = Counter(memories)
    shapes = sorted(counts, key=lambda each: (each.luts_per_block, each.words, each.bits))
    rest = sum(memory.blocks * count for memory, count in counts.items())
    luts, chosen = 0.0, 0
    for memory in shapes:
        if rest <= most and memory.luts_per_block > CHEAP:
            break
        rest -= memory.blocks * counts[memory]
        luts += memory.luts * counts[memory]
        chosen += 1
    return Placed(rest, luts, tuple(shapes[chosen:]), tuple(shapes[:chosen]))


def memories_of(block: Block) -> Iterator[Memory]:
    """Return the memories of a block. Those of a few words may be made of registers."""
    match block:
        case blocks.Convolve() | blocks.Depthwise():
            words, codes = block.codes.codes.shape
            yield Memory(words, 8 * codes, block.codes.frozen, 1 if block.codes.frozen else codes)
            if isinstance(block, blocks.Convolve) and block.stores_sums:
                sums = Memory(block.passes, block.macs * block.output.bits)
                yield from (sums, sums)  # unfinished, and finished
        case blocks.Requantise():
            if block.share is not None and block.share.position:
                return  # in the memories of the first
            beats, lanes = block.output.beats * (block.share.streams if block.share else 1), block.output.lanes
            yield Memory(beats, lanes * block.bias_bits, lanes=lanes)
            yield Memory(beats, lanes * (SHIFT_BITS + block.factor_bits), lanes=lanes)
        case blocks.Blend():
            codes = Memory(block.output.beats, 8 * block.output.lanes, lanes=block.output.lanes)
            yield from (codes, codes)
        case blocks.Pool():
            sums = Memory(block.input.beats, block.input.pixels.bit_length() + 8)
            yield from (sums, sums)
        case blocks.Lookup():
            yield Memory(256, 8)
        case blocks.Fifo():
            yield _queue(block.depth, block.pack, block.input.kept_width)
        case blocks.Window():
            bits, beats = block.input.kept_width, block.input.beats
            row = block.input.shape[1] * beats
            yield from [Memory(row, 2 * bits, lanes=2)] if block.strides[0] == 1 else [Memory(row, bits)] * 2
            yield _queue(block.depth, block.pack, bits)
            if beats > 1:
                yield Memory(beats, 6 * bits)


def _queue(depth: int, pack: int, bits: int) -> Memory:
    return Memory(depth // pack, pack * bits)
