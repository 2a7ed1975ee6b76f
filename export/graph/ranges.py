"""How many bits the numbers of a datapath need, for every possible image and task."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import singledispatch

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import (
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    Mean,
    Multiply,
    Operator,
    Pad,
    Pair,
    Pool,
    Rearrange,
    Reduce,
    Resize,
    Wire,
)
from export.graph.passes import zero_point
from export.graph.tensor import INT8_MAX, INT8_MIN

Range = tuple[int, int]  # least and largest, both included
INT8: Range = (INT8_MIN, INT8_MAX)


def width(range: Range) -> int:
    """Return the bits that hold every number of a range in two's complement."""
    return 1 + max((n if n >= 0 else ~n).bit_length() for n in range)


def code_ranges(graph: Graph, chosen: Collection[str] = ()) -> dict[str, Range]:
    """Return the codes that each tensor can have.

    Clamps narrow them; pools and moved channels keep what is narrow.

    Args:
        graph: the graph.
        chosen: names of Wires that copy the one of their inputs that a task chooses (Switch.chooses).
    """
    ranges = dict.fromkeys(graph.inputs, INT8)
    for operator in graph.operators:
        of_any = operator.name in chosen
        ranges[operator.output] = (
            _hull(*(ranges[name] for name in operator.inputs)) if of_any else codes_of(operator, ranges)
        )
    return ranges


def codes_of(operator: Operator, ranges: dict[str, Range]) -> Range:
    """Return the codes that an operator can make, if those of its inputs are known."""
    return _codes(operator, [ranges[name] for name in operator.inputs])


@singledispatch
def _codes(operator: Operator, inputs: list[Range]) -> Range:
    """Return the codes that an operator can make of inputs with these codes."""
    return INT8


@_codes.register
def _codes_of_clamp(operator: Convolution | ChannelScale | Pair, inputs: list[Range]) -> Range:
    return operator.minimum, operator.maximum


@_codes.register
def _codes_of_pool(operator: Pool, inputs: list[Range]) -> Range:
    low, high = (min(max(n, operator.minimum), operator.maximum) for n in inputs[0])
    return low, high


@_codes.register
def _codes_of_wire(operator: Wire, inputs: list[Range]) -> Range:
    used = range(len(inputs)) if operator.core_shuffle else np.unique(operator.sources[:, 0])
    return _hull(*(inputs[i] for i in used))


@_codes.register
def _codes_of_moved(operator: Resize | Rearrange, inputs: list[Range]) -> Range:
    return inputs[0]


@_codes.register
def _codes_of_pad(operator: Pad, inputs: list[Range]) -> Range:
    return _hull(inputs[0], (operator.value, operator.value))


def _hull(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


# --- Sums -------------------------------------------------------------------------------------------------------------


@singledispatch
def sum_range(operator: Operator, graph: Graph, codes: dict[str, Range]) -> Range | None:
    """Return the least and the largest sum of any channel, before the bias and requantisation.

    An operator sums products of codes less their zero points (of codes as they are, if the bias
    includes the zero point), or the codes that it pools. Partial sums stay within the range too, in
    any order. The range is exact for frozen codes. Codes that a task can change may be any int8.

    Args:
        operator: an operator of the graph.
        graph: the graph.
        codes: code_ranges of the graph.
    Returns: the range, or None if the operator has no such sum.
    """
    return None


@sum_range.register
def _sum_range_of_convolution(operator: Convolution, graph: Graph, codes: dict[str, Range]) -> Range:
    (low, high), channels = _values(operator, graph, codes)[0], graph.tensor(operator.output).channels
    if zero_point.is_folded(operator, graph):
        low, high = _hull((0, 0), codes[operator.inputs[0]])
    if not operator.frozen:
        return _times(operator.codes.size // channels, _products(INT8, (low, high)))
    of_channel = operator.codes if isinstance(operator, Conv2D) else np.moveaxis(operator.codes, -1, 0)
    weights = of_channel.reshape(channels, -1).astype(np.int64)
    positive, negative = weights.clip(min=0).sum(axis=1), weights.clip(max=0).sum(axis=1)
    return int((positive * low + negative * high).min()), int((positive * high + negative * low).max())


@sum_range.register
def _sum_range_of_channel_scale(operator: ChannelScale, graph: Graph, codes: dict[str, Range]) -> Range:
    return _products(_less(INT8, operator.constant_zero_point), *_values(operator, graph, codes))


@sum_range.register
def _sum_range_of_multiply(operator: Multiply, graph: Graph, codes: dict[str, Range]) -> Range:
    return _products(*_values(operator, graph, codes))


@sum_range.register
def _sum_range_of_average(operator: AveragePool | Mean, graph: Graph, codes: dict[str, Range]) -> Range:
    size = operator.window if isinstance(operator, AveragePool) else graph.tensor(operator.inputs[0]).shape[:2]
    return _times(math.prod(size), _hull((0, 0), codes[operator.inputs[0]]))


@sum_range.register
def _sum_range_of_reduce(operator: Reduce, graph: Graph, codes: dict[str, Range]) -> Range | None:
    if operator.what in ("max", "min"):
        return None
    return _times(operator.count(graph.tensor(operator.inputs[0]).shape), _hull((0, 0), codes[operator.inputs[0]]))


def _values(operator: Operator, graph: Graph, codes: dict[str, Range]) -> list[Range]:
    """Return its inputs' codes less their zero points, with 0: padding, and a sum's start."""
    return [_hull((0, 0), _less(codes[tensor.name], tensor.zero_point)) for tensor in graph.inputs_of(operator)]


def _less(range: Range, number: int) -> Range:
    return range[0] - number, range[1] - number


def _times(count: int, range: Range) -> Range:
    return count * range[0], count * range[1]


def _products(first: Range, second: Range) -> Range:
    products = [a * b for a in first for b in second]
    return min(products), max(products)
