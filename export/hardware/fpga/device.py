"""FPGAs that a datapath can be built for, and what it needs of them."""

from __future__ import annotations

from dataclasses import dataclass

from export.hardware.blocks import Design
from export.hardware.fpga import luts
from export.hardware.fpga.memories import Memory, Placed, memories_of, placed

ROUTABLE = 0.9  # of the look-up tables of a device, assumed: nextpnr needs room for wires
SERIAL = Memory(64, 8)  # holds what arrives at the serial port


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
    """What a design needs of an FPGA, estimated before synthesis.

    Attributes:
        luts: look-up tables: of logic, carries, and memories that are made of them.
        placed: which memories those are.
        multipliers: of convolutions, and of requantisers if the device has so many.
        soft: whether requantisers multiply with look-up tables.
    """

    luts: int
    placed: Placed
    multipliers: int
    soft: bool

    def fit(self, chip: Device) -> bool:
        """Return whether a device has them."""
        fits = self.luts <= ROUTABLE * chip.luts and self.placed.blocks <= chip.memories
        return fits and self.multipliers <= chip.multipliers


def needs(design: Design, chip: Device) -> Needs:
    """Return what a design, its delays sized (schedule.py), needs of a device."""
    made = placed((SERIAL, *(memory for block in design.blocks for memory in memories_of(block))), chip.memories)
    soft = sum(map(luts.products, design.blocks)) > chip.multipliers
    logic = sum(luts.logic(block, soft) for block in design.blocks)
    multipliers = sum(luts.products(block, soft) for block in design.blocks)
    return Needs(round(luts.REST + logic + made.luts), made, multipliers, soft)


def sentence(design: Design, name: str) -> str:
    """Return what a design needs of a device and what that has, as a part of a sentence."""
    chip = device(name)
    needed = needs(design, chip)
    return (
        f"it needs about {needed.luts:,} look-up tables, {needed.placed.blocks} block memories and {needed.multipliers} "
        f"multipliers; {name} has {chip.luts:,}, {chip.memories} and {chip.multipliers}"
    )
