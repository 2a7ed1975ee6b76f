"""FPGAs that a datapath can be built for, and what it needs of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from export.hardware import blocks
from export.hardware.blocks import Design
from export.hardware.layout import HardwareError

# Memories of 16x4 bits, made of look-up tables, that yosys takes rather than a block memory; and that it is told to take
# where block memories are few, by these most words and bits of a memory.
LUT_MEMORIES = 32
MOST_WORDS, MOST_BITS = 300, 32


@dataclass(frozen=True)
class Device:
    """An FPGA.

    Attributes:
        option: of nextpnr-ecp5.
        luts: look-up tables of four inputs.
        memories: block memories of 18,432 bits.
        multipliers: of 18x18 bits.
    """

    option: str
    luts: int
    memories: int
    multipliers: int


DEVICES = {
    "ecp5-25": Device("25k", 24_288, 56, 28),
    "ecp5-45": Device("45k", 43_848, 108, 72),
    "ecp5-85": Device("85k", 83_640, 208, 156),
}


def device(name: str) -> Device:
    """Return a device by its name. Raises: ValueError if there is none."""
    if name not in DEVICES:
        raise ValueError(f"--fpga is {name!r}; expected one of {', '.join(DEVICES)}")
    return DEVICES[name]


@dataclass(frozen=True)
class Needs:
    """What a design needs of an FPGA, estimated before synthesis: block memories and multipliers."""

    memories: int
    multipliers: int

    def fit(self, chip: Device) -> bool:
        """Return whether a device has them."""
        return self.memories <= chip.memories and self.multipliers <= chip.multipliers


def needs(design: Design, thrifty: bool = False) -> Needs:
    """Return what a design needs: products of convolutions are multipliers, those of requantisers look-up tables.

    Args:
        design: the datapath.
        thrifty: whether more memories are made of look-up tables.
    """
    products = 0
    for block in design.blocks:
        if isinstance(block, blocks.Convolve):
            products += block.macs * block.lanes
        if isinstance(block, blocks.Depthwise):
            products += block.input.lanes * block.input.taps // block.steps
    return Needs(sum(block_memories(*size, thrifty) for size in _memories(design)), products)


def block_memories(words: int, bits: int, thrifty: bool) -> int:
    """Return how many block memories hold so many words; none if look-up tables do."""
    if thrifty and words <= MOST_WORDS and bits <= MOST_BITS:
        return 0
    shapes = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
    count = min(math.ceil(words / depth) * math.ceil(bits / width) for depth, width in shapes)
    return count if math.ceil(words / 16) * math.ceil(bits / 4) > LUT_MEMORIES * count else 0


def _memories(design: Design) -> Iterator[tuple[int, int]]:
    """Return words and bits of all memories."""
    for block in design.blocks:
        match block:
            case blocks.Convolve() | blocks.Depthwise():
                words, codes = block.codes.codes.shape
                yield words, 8 * codes
                if isinstance(block, blocks.Convolve) and block.stores_sums:
                    yield block.passes, block.macs * block.output.bits  # unfinished, and finished
                    yield block.passes, block.macs * block.output.bits
            case blocks.Requantise():
                yield block.output.beats, block.output.lanes * block.bias_bits
                yield block.output.beats, block.output.lanes * (blocks.SHIFT_BITS + block.factor_bits)
            case blocks.Fifo():
                yield block.depth, block.input.kept_width
            case blocks.Window():
                bits, beats = block.input.kept_width, block.input.beats
                yield block.input.shape[1] * beats, 2 * bits
                yield block.depth, bits
                yield (beats if beats > 1 else 0), 6 * bits


def require_fit(design: Design, name: str) -> None:
    """Raise HardwareError if a design does not fit on a device, as far as that is known before synthesis."""
    needed, chip = needs(design, thrifty=True), device(name)
    if not needed.fit(chip):
        raise HardwareError(
            f"{design.name}: at {design.clocks_per_pixel} clocks per pixel it needs about {needed.memories} block memories "
            f"and {needed.multipliers} multipliers; {name} has {chip.memories} and {chip.multipliers}. More clocks per pixel, "
            "a smaller size or fewer cores need less"
        )
