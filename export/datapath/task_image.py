"""The task image: everything about a network that a task can change, in one little-endian file.

A header of 80 bytes, then the position of each of the datapath's switches (export/graph/switches.py), int32 each, then the
sections of the stages in their order. What lies where follows from the datapath alone, so an image holds no sizes or
places that a reader would have to trust. The stages of each further pass through the last module come behind all others,
and an image ends with the last pass that its task has.

    offset  bytes  header
    0       4      "SFTI"
    4       4      version, 1
    8       4      bytes of the whole image
    12      4      CRC-32 of everything behind it
    16      32     SHA-256 of the frozen codes that it belongs to; zeros if there are none
    48      32     SHA-256 of the datapath

    section of            parts, each padded to 4 bytes
    convolution           bias, int32 a channel; factors, a word a channel; if wide, shifts, int8 a channel; codes, int8,
                          unless they are frozen; or words, if widened (export/datapath/weight_layout.py)
    channel scale         factor; codes, int8 a channel
    add                   three factors: of both operands, and of their sum
    multiply, mean        factor
    lookup                table, 256 int8
    softmax               factor; smallest difference, int32
    core shuffle          1 if it is on, else 0, int32

A factor is multiplier * 2^(shift - 31): two int32 words, or for a convolution that is not wide one word, the
multiplier's upper 25 bits and shift + 64 in the lower 7. A bias takes in the zero point of the convolution's input where
no window meets padding (export/graph/zero_point.py).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from export.datapath import structure, weight_layout
from export.graph import rounding, softmax, zero_point
from export.graph.graph import Graph, core_digest
from export.graph.operators import Add, ChannelScale, Convolution, Lookup, Mean, Multiply, Operator, Softmax, Wire
from export.graph.switches import PASSES, Switch
from export.streaming.line_plan import LinePlan, Stage

MAGIC, VERSION = b"SFTI", 1
HEADER = struct.Struct("<4sIII32s32s")
CHECKED = 16  # offset of what the CRC-32 covers
SHIFT_OFFSET, SHIFT_MASK = 64, 0x7F


@dataclass(frozen=True)
class TaskImage:
    """A task image: its bytes, and where each stage's section begins, by stage name."""

    content: bytes
    sections: dict[str, int]


def write(plan: LinePlan) -> TaskImage:
    """Writes the task image of a network; the same network gives the same bytes."""
    positions = [switch.position for switch in plan.switches]
    sections, body = {}, struct.pack(f"<{len(positions)}i", *positions)
    for stage in sorted(plan.stages, key=lambda stage: _passes_before(stage, plan)):
        sections[stage.operator.name] = HEADER.size + len(body)
        if plan.runs(stage) or not _passes_before(stage, plan):
            body += section(stage.operator, plan.graph)
    digests = bytes.fromhex(core_digest(plan.graph)), bytes.fromhex(structure.digest(plan))
    checked = b"".join(digests) + body
    size = CHECKED + len(checked)
    return TaskImage(struct.pack("<4sIII", MAGIC, VERSION, size, zlib.crc32(checked)) + checked, sections)


def sizes(plan: LinePlan) -> list[int]:
    """Bytes of an image in each position of the plan's first switch, in whose last one it is whole."""
    bytes_of = {}
    for stage in plan.stages:
        before = _passes_before(stage, plan)
        bytes_of[before] = bytes_of.get(before, 0) + len(section(stage.operator, plan.graph))
    fixed = HEADER.size + 4 * len(plan.switches)
    return [fixed + sum(bytes_of.get(i, 0) for i in range(n + 1)) for n in range(len(plan.switches[0].positions))]


def switches(plan: LinePlan, image: bytes) -> tuple[Switch, ...]:
    """The switches of a plan as an image of its datapath sets them."""
    found = struct.unpack_from(f"<{len(plan.switches)}i", image, HEADER.size)
    return tuple(replace(switch, position=position) for switch, position in zip(plan.switches, found))


def _passes_before(stage: Stage, plan: LinePlan) -> int:
    """How many passes through the last module a stage needs before its own."""
    is_of_a_pass = stage.when is not None and plan.switches[stage.when.switch].name == PASSES
    return stage.when.positions[0] - 1 if is_of_a_pass else 0


# --- Sections ---------------------------------------------------------------------------------------------------------


@singledispatch
def section(operator: Operator, graph: Graph) -> bytes:
    """What a task can change about an operator. Nothing, for those that only move bytes or pool."""
    return b""


@section.register
def _(operator: Convolution, graph):
    multipliers, shifts = structure.factors(operator, graph)
    parts = [zero_point.bias(operator, graph)]
    if structure.is_wide(operator, graph):
        parts += [multipliers.astype(np.int32), shifts.astype(np.int8)]
    else:
        parts += [(multipliers & ~SHIFT_MASK | shifts + SHIFT_OFFSET).astype(np.int32)]
    codes = weight_layout.widened(operator.codes) if weight_layout.is_widened(operator, graph) else operator.codes
    return b"".join(map(padded, parts if operator.frozen else [*parts, codes]))


@section.register
def _(operator: ChannelScale, graph):
    multiplier = operator.multiplier(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return factor(multiplier) + padded(operator.codes)


@section.register
def _(operator: Add, graph):
    return b"".join(map(factor, operator.multipliers(*graph.inputs_of(operator), graph.tensor(operator.output))))


@section.register
def _(operator: Multiply, graph):
    return factor(operator.multiplier(*graph.inputs_of(operator), graph.tensor(operator.output)))


@section.register
def _(operator: Mean, graph):
    input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
    count = input.shape[0] * input.shape[1]
    quantised = rounding.quantize_multiplier(operator.multiplier(input, output))
    return struct.pack("<ii", *rounding.mean_multiplier(*quantised, count))


@section.register
def _(operator: Lookup, graph):
    return padded(operator.table)


@section.register
def _(operator: Softmax, graph):
    return struct.pack("<iii", *softmax.factor_and_smallest(operator.multiplier(graph.inputs_of(operator)[0])))


@section.register
def _(operator: Wire, graph):
    return struct.pack("<i", operator.is_on) if operator.core_shuffle else b""


def factor(multiplier: float) -> bytes:
    return struct.pack("<ii", *rounding.quantize_multiplier(multiplier))


def padded(array: np.ndarray) -> bytes:
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return content + bytes(-len(content) % 4)
