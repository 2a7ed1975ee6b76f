"""How wide the numbers of a datapath can become, whatever image comes and whatever task runs."""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from export.graph import zero_point
from export.graph.graph import Graph
from export.graph.operators import (
    INT8_MAX,
    INT8_MIN,
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
    Wire,
)

Range = tuple[int, int]  # least and largest, both included
INT8: Range = (INT8_MIN, INT8_MAX)


def width(range: Range) -> int:
    """Bits that hold every number of a range in two's complement."""
    return 1 + max((n if n >= 0 else ~n).bit_length() for n in range)


def code_ranges(graph: Graph) -> dict[str, Range]:
    """The codes that each tensor can have: clamps narrow them, and what only moves or pools codes passes that on."""
    ranges = dict.fromkeys(graph.inputs, INT8)
    for operator in graph.operators:
        ranges[operator.output] = _codes(operator, [ranges[name] for name in operator.inputs])
    return ranges


@singledispatch
def _codes(operator: Operator, inputs: list[Range]) -> Range:
    return INT8


@_codes.register(Convolution)
@_codes.register(ChannelScale)
@_codes.register(Pair)
def _(operator, inputs):
    return operator.minimum, operator.maximum


@_codes.register
def _(operator: Pool, inputs):
    return tuple(min(max(n, operator.minimum), operator.maximum) for n in inputs[0])


@_codes.register
def _(operator: Wire, inputs):
    used = range(len(inputs)) if operator.core_shuffle else np.unique(operator.sources[:, 0])
    return _hull(*(inputs[i] for i in used))


@_codes.register
def _(operator: Pad, inputs):
    return _hull(inputs[0], (operator.value, operator.value))


def _hull(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


# --- Sums -------------------------------------------------------------------------------------------------------------


@singledispatch
def sum_range(operator: Operator, graph: Graph, codes: dict[str, Range]) -> Range | None:
    """What an operator adds up before the bias and requantisation, least and largest of any channel.

    That is products of codes less their zero points, unless the bias takes these in, or the codes that it pools. No partial
    sum leaves the range either, in whatever order. The range is exact for frozen codes; codes that a task can change may
    be any int8.

    Args:
        operator: an operator of the graph.
        graph: the graph.
        codes: code_ranges of the graph.
    Returns: the range, or None if it adds nothing up in this way.
    """
    return None


@sum_range.register
def _(operator: Convolution, graph, codes):
    (low, high), channels = _values(operator, graph, codes)[0], graph.tensor(operator.output).channels
    if zero_point.is_folded(operator, graph):
        low, high = _hull((0, 0), codes[operator.inputs[0]])
    if not operator.frozen:
        return tuple(operator.codes.size // channels * n for n in _products(INT8, (low, high)))
    of_channel = operator.codes if isinstance(operator, Conv2D) else np.moveaxis(operator.codes, -1, 0)
    of_channel = of_channel.reshape(channels, -1).astype(np.int64)
    positive, negative = of_channel.clip(min=0).sum(axis=1), of_channel.clip(max=0).sum(axis=1)
    return int((positive * low + negative * high).min()), int((positive * high + negative * low).max())


@sum_range.register
def _(operator: ChannelScale, graph, codes):
    constants = tuple(n - operator.constant_zero_point for n in INT8)
    return _products(constants, *_values(operator, graph, codes))


@sum_range.register
def _(operator: Multiply, graph, codes):
    return _products(*_values(operator, graph, codes))


@sum_range.register(AveragePool)
@sum_range.register(Mean)
def _(operator, graph, codes):
    size = operator.window if isinstance(operator, AveragePool) else graph.tensor(operator.inputs[0]).shape[:2]
    return tuple(math.prod(size) * n for n in _hull((0, 0), codes[operator.inputs[0]]))


def _values(operator: Operator, graph: Graph, codes: dict[str, Range]) -> list[Range]:
    """Its inputs' codes less their zero points, and 0, which padding has and a sum begins with."""
    return [
        _hull((0, 0), tuple(n - tensor.zero_point for n in codes[tensor.name])) for tensor in graph.inputs_of(operator)
    ]


def _products(first: Range, second: Range) -> Range:
    products = [a * b for a in first for b in second]
    return min(products), max(products)
