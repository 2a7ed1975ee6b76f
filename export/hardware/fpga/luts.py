"""Look-up tables of four inputs that blocks become in an ECP5, before anything is synthesised. Memories: memories.py.

They follow from the full adders and gates of the area estimate (estimate/area.py), by factors that were fitted on syntheses
of single blocks with the commands of project.py. Products of convolutions are multipliers of the device;
those of requantisers too, if it has enough.
"""

from __future__ import annotations

from dataclasses import replace

from export.hardware import blocks
from export.hardware.blocks import Block
from export.hardware.estimate import area

# Look-up tables per full adder and per NAND2, by kind of block.
FACTORS: dict[type[Block], tuple[float, float]] = {
    blocks.Fork: (0, 1.1),
    blocks.Fifo: (4, 0.2),
    blocks.Gear: (0, 0.6),
    blocks.Join: (0, 0.4),
    blocks.Select: (0, 0.33),
    blocks.Gate: (0, 0.43),
    blocks.Choose: (0, 1),
    blocks.CoreShuffle: (0, 0.4),
    blocks.Window: (9, 0.04),
    blocks.Requantise: (2, 0.5),
    blocks.Blend: (0, 0.47),
    blocks.Pool: (0, 0.3),
    blocks.Lookup: (0, 1.45),
    blocks.Hardwired: (0, 1),
}
LOADER = 85  # what fills a memory from the task image
CONVOLVE, PER_PRODUCT, PER_KEPT_BIT = 110, 50, 0.5
DEPTHWISE, PER_TAP, STEPS = 60, 28, 150  # STEPS: taps are chosen, and sums are kept
PER_MATRIX_BIT = 1.0
REQUANTISE, PER_STREAM = 430, 50  # with multipliers of the device; streams share one
WHOLE, PART = 4, 2  # multipliers of a requantiser, by a whole factor or a part of it per clock
# Task registers, swap, and the serial port, of any design
REST = 300


def logic(block: Block, soft: bool = False) -> float:
    """Return the look-up tables of a block without its memories. soft: whether requantisers multiply with them."""
    match block:
        case blocks.Requantise() if block.share is not None:
            if block.share.position:
                return PER_STREAM
            alone = replace(block, share=None)
            return PER_STREAM + (_of_gates(alone) if soft else REQUANTISE)
        case blocks.Requantise() if not soft:
            return REQUANTISE * block.output.lanes
        case blocks.Convolve():
            kept = 0 if block.stores_sums else (2 * block.passes if block.input.beats > 1 else 1) * block.macs
            luts = CONVOLVE + PER_PRODUCT * products(block) + PER_KEPT_BIT * kept * block.output.bits
            return luts + LOADER * (not block.codes.frozen)
        case blocks.Depthwise():
            taps = block.input.lanes * block.input.taps // block.steps
            luts = DEPTHWISE + PER_TAP * taps + STEPS * (block.steps > 1)
            return luts + LOADER * (not block.codes.frozen)
    return _of_gates(block)


def _of_gates(block: Block) -> float:
    part = area.part_of(block)
    per_adder, per_gate = FACTORS[type(block)]
    return per_adder * part.logic.adders + per_gate * part.logic.gates + PER_MATRIX_BIT * part.matrix


def products(block: Block, soft: bool = False) -> int:
    """Return the multipliers of a block: one per product and clock; of requantisers, if they are not soft."""
    match block:
        case blocks.Convolve():
            return block.macs * block.lanes
        case blocks.Depthwise():
            of_loader = not block.codes.frozen and block.steps & (block.steps - 1) > 0  # address of a beat and a step
            return block.input.lanes * block.input.taps // block.steps + of_loader
        case blocks.Blend():
            return 2 * block.output.lanes
        case blocks.Requantise() if not soft and (block.share is None or block.share.position == 0):
            return block.output.lanes * (WHOLE if block.steps == 1 else PART)
    return 0
