"""The task image: everything in a network that a task can change, in one little-endian file.

It is a header of 80 bytes, the position of each of the datapath's switches
(export/graph/switches.py), int32 each, and the sections of the stages in their order. All offsets
follow from the datapath alone, so an image has no sizes or offsets that a reader would have to
trust. The stages of each further pass through the last module come after all others, and an image
ends with the last pass of its task.

    offset  bytes  header
    0       4      "SFTI"
    4       4      version, 1
    8       4      bytes of the whole image
    12      4      CRC-32 of everything after it
    16      32     SHA-256 of the frozen codes that it belongs to; zeros if there are none
    48      32     SHA-256 of the datapath

    section of            parts, each padded to 4 bytes
    convolution           bias, int32 per channel; factors, one word per channel;
                          shifts, int8 per channel, only with wide multipliers;
                          codes, unless frozen: int8, or words if paired (weight_layout.py)
    channel scale         factor; codes, int8 per channel
    prelu                 two factors; slopes, int8 per channel
    add, subtract,        three factors: of both operands, and of their sum, difference or
    squared difference    the square of that
    multiply, mean,       factor
    matmul
    reduce                factor, if it sums
    constant              codes of the map, int8
    lookup                table, 256 int8
    softmax               factor; smallest difference, int32
    lstm                  nine factors: of the gates' sums over the input, then over the last output, and of the output;
                          bias, int32 per gate and unit, then as many for the last output, both with zero
                          points; codes, then recurrent codes, int8
    svdf                  two factors: of a filter's sum and of a unit's; bias, int32 per unit, then one per filter,
                          with the zero point; codes of the last values, int16; codes, int8
    log softmax           two factors: of differences, and back; smallest difference, int32
    core shuffle          1 if it is on, else 0, int32

A factor is multiplier * 2^(shift - 31). It is two int32 words. A convolution without wide
multipliers has one word per channel: the multiplier's upper 25 bits, and shift + 64 in the lower 7.
With wide multipliers the word is the multiplier. A bias includes the zero point of the
convolution's input if no window covers padding (export/graph/passes/zero_point.py).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from export.datapath import structure, weight_layout
from export.graph import golden
from export.graph.arithmetic import rounding, softmax
from export.graph.graph import Graph, core_digest
from export.graph.operators import (
    Add,
    ChannelScale,
    Constant,
    Convolution,
    LogSoftmax,
    Lookup,
    Lstm,
    MatMul,
    Mean,
    Multiply,
    Operator,
    Prelu,
    Reduce,
    Softmax,
    SquaredDifference,
    Svdf,
    Wire,
)
from export.graph.passes import zero_point
from export.graph.switches import PASSES, Switch
from export.streaming.line_plan import LinePlan, Stage

MAGIC, VERSION = b"SFTI", 1
HEADER = struct.Struct("<4sIII32s32s")
CHECKED = 16  # offset of what the CRC-32 covers
SHIFT_OFFSET, SHIFT_MASK = 64, 0x7F


@dataclass(frozen=True)
class TaskImage:
    """A task image: its bytes, and the offset of each stage's section, by stage name."""

    content: bytes
    sections: dict[str, int]


def write(plan: LinePlan) -> TaskImage:
    """Return the task image of a network. The same network has the same bytes."""
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
    """Return the bytes of an image in each position of the plan's first switch.

    In the last one the image is whole.
    """
    bytes_of: dict[int, int] = {}
    for stage in plan.stages:
        before = _passes_before(stage, plan)
        bytes_of[before] = bytes_of.get(before, 0) + len(section(stage.operator, plan.graph))
    fixed = HEADER.size + 4 * len(plan.switches)
    return [fixed + sum(bytes_of.get(i, 0) for i in range(n + 1)) for n in range(len(plan.switches[0].positions))]


def switches(plan: LinePlan, image: bytes) -> tuple[Switch, ...]:
    """Return the switches of a plan as an image of its datapath sets them."""
    found = struct.unpack_from(f"<{len(plan.switches)}i", image, HEADER.size)
    return tuple(replace(switch, position=position) for switch, position in zip(plan.switches, found))


def _passes_before(stage: Stage, plan: LinePlan) -> int:
    """Return how many passes through the last module a stage needs before its own."""
    if stage.when is None or plan.switches[stage.when.switch].name != PASSES:
        return 0
    return stage.when.positions[0] - 1


# --- Sections ---------------------------------------------------------------------------------------------------------


@singledispatch
def section(operator: Operator, graph: Graph) -> bytes:
    """Return what a task can change about an operator.

    It is empty for pools and for operators that only move bytes.
    """
    return b""


@section.register
def _section_of_convolution(operator: Convolution, graph: Graph) -> bytes:
    multipliers, shifts = structure.factors(operator, graph)
    parts: list[npt.NDArray[np.integer]] = [zero_point.bias(operator, graph)]
    if structure.needs_wide_multiplier(operator, graph):
        parts += [multipliers.astype(np.int32), shifts.astype(np.int8)]
    else:
        parts += [(multipliers & ~SHIFT_MASK | shifts + SHIFT_OFFSET).astype(np.int32)]
    if not operator.frozen:
        parts += [weight_layout.paired(operator.codes) if weight_layout.is_paired(operator, graph) else operator.codes]
    return b"".join(map(padded, parts))


@section.register
def _section_of_channel_scale(operator: ChannelScale, graph: Graph) -> bytes:
    multiplier = operator.multiplier(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return factor(multiplier) + padded(operator.codes)


@section.register
def _section_of_add(operator: Add | SquaredDifference, graph: Graph) -> bytes:
    first, second = graph.inputs_of(operator)
    return b"".join(map(factor, operator.multipliers(first, second, graph.tensor(operator.output))))


@section.register
def _section_of_multiply(operator: Multiply | MatMul, graph: Graph) -> bytes:
    first, second = graph.inputs_of(operator)
    return factor(operator.multiplier(first, second, graph.tensor(operator.output)))


@section.register
def _section_of_mean(operator: Mean, graph: Graph) -> bytes:
    input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
    count = input.shape[0] * input.shape[1]
    quantised = rounding.quantize_multiplier(operator.multiplier(input, output))
    return struct.pack("<ii", *rounding.mean_multiplier(*quantised, count))


@section.register
def _section_of_prelu(operator: Prelu, graph: Graph) -> bytes:
    factors = operator.multipliers(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return b"".join(map(factor, factors)) + padded(operator.codes)


@section.register
def _section_of_reduce(operator: Reduce, graph: Graph) -> bytes:
    input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
    sums = operator.what in ("sum", "mean")
    return struct.pack("<ii", *golden.reduction_factor(operator, input, output)) if sums else b""


@section.register
def _section_of_constant(operator: Constant, graph: Graph) -> bytes:
    return padded(operator.values)


@section.register
def _section_of_lookup(operator: Lookup, graph: Graph) -> bytes:
    return padded(operator.table)


@section.register
def _section_of_softmax(operator: Softmax, graph: Graph) -> bytes:
    return struct.pack("<iii", *softmax.factor_and_smallest(operator.multiplier(graph.inputs_of(operator)[0])))


@section.register
def _section_of_log_softmax(operator: LogSoftmax, graph: Graph) -> bytes:
    multiplier, shift, smallest = softmax.factor_and_smallest(operator.multiplier(graph.inputs_of(operator)[0]))
    reverse = softmax.reverse_factor(multiplier, shift)
    return struct.pack("<iiiii", multiplier, shift, *reverse, smallest)


@section.register
def _section_of_lstm(operator: Lstm, graph: Graph) -> bytes:
    input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
    factors = [*operator.multipliers(input, output).ravel().tolist(), operator.products(output)[2]]
    biases = _with_zero_point(operator.bias, operator.codes, input.zero_point)
    recurrent = _with_zero_point(np.zeros_like(operator.bias), operator.recurrent_codes, output.zero_point)
    parts: list[npt.NDArray[np.integer]] = [biases, recurrent, operator.codes, operator.recurrent_codes]
    return b"".join((*map(factor, factors), *map(padded, parts)))


@section.register
def _section_of_svdf(operator: Svdf, graph: Graph) -> bytes:
    input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
    of_filters = _with_zero_point(np.zeros(len(operator.codes), np.int32), operator.codes, input.zero_point)
    parts: list[npt.NDArray[np.integer]] = [operator.bias, of_filters, operator.time_codes, operator.codes]
    return b"".join((*map(factor, operator.multipliers(input, output)), *map(padded, parts)))


def _with_zero_point(
    bias: npt.NDArray[np.int32], codes: npt.NDArray[np.int8], zero_point: int
) -> npt.NDArray[np.int32]:
    """Return biases that make products of codes less a zero point out of products of codes as they are."""
    return rounding.wrap_to_int32(bias - zero_point * codes.astype(np.int64).sum(axis=-1)).astype(np.int32)


@section.register
def _section_of_wire(operator: Wire, graph: Graph) -> bytes:
    return struct.pack("<i", operator.is_on) if operator.core_shuffle else b""


def factor(multiplier: float) -> bytes:
    """Return a factor as two words."""
    return struct.pack("<ii", *rounding.quantize_multiplier(multiplier))


def padded(array: npt.NDArray[np.integer]) -> bytes:
    """Return the bytes of an array, little-endian, padded to whole words."""
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return content + bytes(-len(content) % 4)
