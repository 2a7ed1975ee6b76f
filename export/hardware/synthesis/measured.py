"""Synthesis against the estimate: one block of each kind and stage, as the generator connects it, with its ROM.

Arrays are synthesised with few of their units and lanes, which are alike; the estimate that it is compared with is that of
the same few. Memories are left out on both sides: they are macros.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from export.hardware import blocks, hardwired, verilog
from export.hardware.blocks import Block, Codes, Stream
from export.hardware.estimate import area
from export.hardware.estimate.cells import LIBRARIES, Library, Logic
from export.hardware.folding import divisors
from export.hardware.schedule import Schedule
from export.hardware.synthesis import booth
from export.hardware.synthesis.processes import Process
from export.hardware.synthesis.synthesise import synthesise

PRODUCTS = 32  # at most in an array that is synthesised, where a unit has fewer
MATRIX = "stage1.unit3.pointwise"  # of the frozen core, 32x32: it is hardwired to be compared with multipliers

Counts = tuple[float, float, float]  # registers, full adders, other gates in NAND2


@dataclass(frozen=True)
class Group:
    """Blocks of one kind in one stage of one sort of core.

    Attributes:
        kind: such as "Convolve".
        place: such as "frozen stage2"; all trainable cores are "trainable".
        logic: estimated, of all of them.
        sample: one of them, with few lanes.
    """

    kind: str
    place: str
    logic: Logic
    sample: Block

    @property
    def estimated(self) -> Logic:
        """The estimate of the sample."""
        return area.part_of(self.sample).logic


def groups(schedule: Schedule) -> list[Group]:
    """Return the groups of a datapath."""
    found: dict[tuple[str, str], Group] = {}
    for block in schedule.design.blocks:
        core, stage = area.place(block.name)
        place = f"{'trainable' if core.startswith('core') else core} {stage}".strip()
        key = type(block).__name__, place
        logic = area.part_of(block).logic
        if key in found:
            found[key] = replace(found[key], logic=found[key].logic + logic)
        else:
            found[key] = Group(*key, logic, few_lanes(block))
    return list(found.values())


def few_lanes(block: Block) -> Block:
    """Return a block like it with few lanes, or few multiply-accumulate units."""
    match block:
        case blocks.Convolve():
            units = max(n for n in divisors(block.macs) if n == 1 or n * block.lanes <= PRODUCTS)
            lanes = math.gcd(units, block.output.lanes)
            codes = Codes(np.ascontiguousarray(block.codes.codes[:, : units * block.lanes]), block.codes.word)
            output = replace(_narrow(block.output, lanes), shape=(*block.output.shape[:2], units * block.passes))
            return replace(block, macs=units, codes=codes, outputs=(output,))
        case blocks.Depthwise():
            codes = Codes(np.ascontiguousarray(block.codes.codes[:, :: block.input.lanes]), block.codes.word)
            return replace(block, codes=codes, **_single_lane(block))
        case blocks.Requantise() | blocks.Blend():
            return replace(block, **_single_lane(block))
        case _:
            return block


def _single_lane(block: Block) -> dict[str, Any]:
    return {
        "inputs": tuple(_narrow(stream, 1) for stream in block.inputs),
        "outputs": tuple(_narrow(stream, 1) for stream in block.outputs),
    }


def _narrow(stream: Stream, lanes: int) -> Stream:
    return replace(stream, lanes=lanes, shape=(*stream.shape[:2], stream.beats * lanes))


def measure(schedule: Schedule, process: Process, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Synthesise a block of each group.

    Args:
        schedule: of the datapath.
        process: the cells.
        say: is told each result.
    Returns: a dict per group: kind, place, sample (its stage), synthesised, estimated and all, which is the estimate of the
        whole group; all three as Counts.
    """
    rtl = verilog.library()
    for group in groups(schedule):
        estimated = group.estimated
        if not any(astuple(estimated)):
            continue
        made = synthesise("alone", {**rtl, **verilog.alone(group.sample)}, process)
        ratio = process.library.nands(estimated) / process.library.nands(made)
        say(f"{process.library.name} {group.kind} {group.place}: {_text(made)}; estimated {ratio:.2f} times as much")
        yield {
            "kind": group.kind,
            "place": group.place,
            "sample": group.sample.name,
            "synthesised": counts(made),
            "estimated": counts(estimated),
            "all": counts(group.logic),
        }


def _text(logic: Logic) -> str:
    return f"{logic.registers:,.0f} registers, {logic.adders:,.0f} full adders, {logic.gates:,.0f} gates"


def counts(logic: Logic) -> Counts:
    """Return the counts of logic, rounded."""
    return round(logic.registers, 1), round(logic.adders, 1), round(logic.gates, 1)


def matrix_and_multipliers(codes: np.ndarray[Any, np.dtype[np.int8]], process: Process) -> dict[str, Any]:
    """Return Counts of a hardwired matrix (outputs, inputs), and of multipliers per weight: one output, and two.

    Logic only: codes of the multipliers are inputs, and sums are not registered.
    """
    outputs, inputs = codes.shape
    bits = hardwired.sum_bits(codes)
    made = synthesise("matrix", {"matrix.sv": hardwired.matrix("matrix", codes)}, process)
    found = {"layer": MATRIX, "shape": [outputs, inputs], "matrix": counts(made)}
    for few in (1, 2):
        multipliers = synthesise("booth", {"booth.sv": booth.booth("booth", few, inputs, bits)}, process)
        found[f"booth of {few}"] = counts(multipliers)
    return found


# --- What is read off -------------------------------------------------------------------------------------------------


def ratios(measured: list[dict[str, Any]], library: str, by: str) -> dict[str, tuple[float, float]]:
    """Return the NAND2 that are estimated, and those that follow from synthesis, by "kind" or by "place", and in total."""
    cells, sums = LIBRARIES[library], dict[str, tuple[float, float]]()
    for group in measured:
        whole = _nands(cells, group["all"])
        made = whole * _nands(cells, group["synthesised"]) / _nands(cells, group["estimated"])
        for key in (group[by], "total"):
            estimated, synthesised = sums.get(key, (0.0, 0.0))
            sums[key] = estimated + whole, synthesised + made
    return {**{key: value for key, value in sums.items() if key != "total"}, "total": sums["total"]}


def _nands(library: Library, of: Counts) -> float:
    return library.nands(Logic(*of))
