"""Channels that never change, whatever the image: found by interval arithmetic, and taken out of a graph.

Each channel of each tensor has a least and a largest code over all images and pixels. They follow from
the codes, the bias, requantisation and clamp of what makes it. Where the two are equal, the channel
is a constant, and what reads it can have that constant in its bias. This is exact: no image was looked at.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from export.graph import golden
from export.graph.arithmetic.rounding import quantize_multiplier, wrap_to_int32
from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    Extreme,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Operator,
    Pad,
    Resize,
    Wire,
    is_frozen,
)
from export.graph.tensor import INT8_MAX, INT8_MIN

Codes = npt.NDArray[np.int8]
Bounds = tuple[Codes, Codes]  # least and largest code of each channel


def channel_bounds(graph: Graph) -> dict[str, Bounds]:
    """Return the least and the largest code that each channel of each tensor can have, int8 (channels,)."""
    bounds = {name: _any(graph.tensor(name).channels) for name in graph.inputs}
    for operator in graph.operators:
        bounds[operator.output] = _bounds(operator, graph, *(bounds[name] for name in operator.inputs))
    return bounds


def _any(channels: int) -> Bounds:
    return np.full(channels, INT8_MIN, np.int8), np.full(channels, INT8_MAX, np.int8)


@singledispatch
def _bounds(operator: Operator, graph: Graph, *inputs: Bounds) -> Bounds:
    """Return the bounds of an operator's output for inputs with these bounds."""
    return _any(graph.tensor(operator.output).channels)


@_bounds.register
def _bounds_of_convolution(operator: Convolution, graph: Graph, input: Bounds) -> Bounds:
    tensor = graph.tensor(operator.inputs[0])
    low, high = (codes.astype(np.int64) - tensor.zero_point for codes in input)
    if np.any(operator.pads(tensor.shape[:2])):  # a tap on padding has the value 0
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    weights = _weights(operator)
    if isinstance(operator, Conv2D):
        depth = weights.shape[2]
        per_group = len(weights) // operator.groups
        groups = np.repeat(np.arange(operator.groups), per_group)
        low, high = (values.reshape(operator.groups, depth)[groups] for values in (low, high))
    else:
        low, high = low[:, None], high[:, None]
    positive, negative = weights.clip(min=0).sum(axis=1), weights.clip(max=0).sum(axis=1)
    sums = (positive * low + negative * high).sum(axis=1), (positive * high + negative * low).sum(axis=1)
    ends = np.stack(sums) + operator.bias.astype(np.int64)
    made = golden.requantised(operator, graph, np.stack(sums))
    # Where a sum may overflow, so that a larger sum can give a smaller code, nothing is known.
    shift = np.maximum(quantize_multiplier(operator.multipliers(tensor, graph.tensor(operator.output)))[1], 0)
    exact = (wrap_to_int32(ends << shift) == ends << shift).all(axis=0)
    return np.where(exact, made[0], np.int8(operator.minimum)), np.where(exact, made[1], np.int8(operator.maximum))


def _weights(operator: Convolution) -> npt.NDArray[np.int64]:
    """Return the codes as (channels out, taps, channels in per group); a depthwise one has one."""
    codes = operator.codes.astype(np.int64)
    if isinstance(operator, Conv2D):
        return codes.reshape(len(codes), -1, codes.shape[3])
    return np.moveaxis(codes, -1, 0).reshape(codes.shape[2], -1, 1)


@_bounds.register
def _bounds_of_values(
    operator: ChannelScale | Add | Multiply | Extreme | AveragePool | MaxPool | Mean, graph: Graph, *inputs: Bounds
) -> Bounds:
    """Of what is monotone in each of its inputs: its bounds are among what it makes of theirs."""
    made = [_value(operator, graph, *ends) for ends in itertools.product(*inputs)]
    return np.min(made, axis=0), np.max(made, axis=0)


def _value(operator: Operator, graph: Graph, *codes: Codes) -> Codes:
    """Return what an operator makes of a map whose pixels are all alike, (channels,)."""
    if isinstance(operator, AveragePool | MaxPool):
        return codes[0].clip(operator.minimum, operator.maximum)
    if isinstance(operator, Mean):
        height, width, _ = graph.tensor(operator.inputs[0]).shape
        return golden.mean_of_sums(operator, graph, codes[0].astype(np.int64) * (height * width), height * width)
    made: Codes = golden.apply(operator, graph, *(each[None, None, None] for each in codes))[0, 0, 0]
    return made


@_bounds.register
def _bounds_of_lookup(operator: Lookup, graph: Graph, input: Bounds) -> Bounds:
    reached = [operator.table[low + 128 : high + 129] for low, high in zip(*(end.astype(int) for end in input))]
    return np.array([part.min() for part in reached]), np.array([part.max() for part in reached])


@_bounds.register
def _bounds_of_pad(operator: Pad, graph: Graph, input: Bounds) -> Bounds:
    rows, columns, around = operator.padding
    low, high = (np.pad(end, around, constant_values=operator.value) for end in input)
    if not any((*rows, *columns)):
        return low, high
    return np.minimum(low, np.int8(operator.value)), np.maximum(high, np.int8(operator.value))


@_bounds.register
def _bounds_of_resize(operator: Resize, graph: Graph, input: Bounds) -> Bounds:
    return input


@_bounds.register
def _bounds_of_wire(operator: Wire, graph: Graph, *inputs: Bounds) -> Bounds:
    if operator.core_shuffle:  # a task may switch it
        return _any(len(operator.sources))
    low, high = (np.array([inputs[i][end][channel] for i, channel in operator.sources]) for end in (0, 1))
    return low, high


# --- The mark in a graph -----------------------------------------------------------------------------------------------

ALL, CHANGING = CHOICES = ("all", "changing")
CHANNELS = "channels"  # in a graph's metadata, if they are not all


def for_channels(graph: Graph, which: str) -> Graph:
    """Return the graph with the mark of which channels are compiled: all, or only those that change.

    If only those that change, the structure of what is compiled depends on the weights. A graph with a
    frozen core always keeps all, because other tasks use the core too.

    Raises: ValueError for other words.
    """
    if which not in CHOICES:
        raise ValueError(f"--channels is {which!r}; expected one of {', '.join(CHOICES)}")
    frozen = any(is_frozen(operator) for operator in graph.operators)
    others = {name: value for name, value in graph.metadata.items() if name != CHANNELS}
    return replace(graph, metadata=others | ({CHANNELS: CHANGING} if which == CHANGING and not frozen else {}))


def channels_of(graph: Graph) -> str:
    """Return which channels of a graph are compiled: one of CHOICES."""
    return graph.metadata.get(CHANNELS, ALL)


# --- Taking them out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trimmed:
    """A graph without channels that never change.

    Attributes:
        graph: the graph. Its tensors have the names that they had before.
        kept: bool (channels,) by tensor of the graph before: which channels are still there.
        constants: int8 (channels,) by tensor of the graph before: the code of each channel that is not.
    """

    graph: Graph
    kept: dict[str, npt.NDArray[np.bool_]]
    constants: dict[str, Codes]

    def __str__(self) -> str:
        """How much was taken out, as a sentence; empty if nothing was."""
        total, left = sum(map(len, self.kept.values())), sum(int(each.sum()) for each in self.kept.values())
        return f"{total - left:,} of {total:,} channels never change and are left out" if left < total else ""

    def filled_in(self, before: Graph, maps: dict[str, Codes]) -> dict[str, Codes]:
        """Return maps of the trimmed graph as those of the graph before, int8 (batch, height, width, channels)."""
        count, filled = len(next(iter(maps.values()))), {}
        for tensor in before.tensors:
            kept = self.kept[tensor.name]
            if tensor.name in maps or not kept.any():
                filled[tensor.name] = np.broadcast_to(self.constants[tensor.name], (count, *tensor.shape)).copy()
                if kept.any():
                    filled[tensor.name][..., kept] = maps[tensor.name]
        return filled


def trim(graph: Graph) -> Trimmed:
    """Take channels that never change out of a graph.

    A constant that a convolution reads becomes part of its bias. A channel stays if that is not
    possible: where it is padded with another code, and before an operator that needs it whole. The
    channels of frozen convolutions and of outputs stay too.
    """
    bounds = channel_bounds(graph)
    kept = {name: low != high for name, (low, high) in bounds.items()}
    for name in (*graph.inputs, *graph.outputs):
        kept[name][:] = True
    while any([_keep(operator, graph, kept, bounds) for operator in graph.operators]):
        pass
    left = {name for name, stays in kept.items() if stays.any()}
    tensors = tuple(
        replace(tensor, shape=(*tensor.shape[:2], int(kept[tensor.name].sum())))
        for tensor in graph.tensors
        if tensor.name in left
    )
    operators = tuple(
        _without(operator, graph, kept, bounds) for operator in graph.operators if operator.output in left
    )
    constants = {name: low for name, (low, _) in bounds.items()}
    return Trimmed(replace(graph, tensors=tensors, operators=operators), kept, constants)


def _keep(operator: Operator, graph: Graph, kept: dict[str, npt.NDArray[np.bool_]], bounds: dict[str, Bounds]) -> bool:
    """Mark what must stay for one operator. Return whether that is more than before."""
    names = (*operator.inputs, operator.output)
    before = [kept[name].copy() for name in names]
    if isinstance(operator, Wire) and not operator.core_shuffle:
        for (i, channel), stays in zip(operator.sources, kept[operator.output]):
            kept[operator.inputs[i]][channel] |= stays
    elif isinstance(operator, Conv2D) and operator.groups == 1 and not operator.frozen:
        reads = kept[operator.inputs[0]]
        reads |= ~_folds(operator, graph, kept[operator.output], bounds[operator.inputs[0]])
        reads[0] |= kept[operator.output].any() and not reads.any()  # a convolution of nothing is none
    elif _is_channel_by_channel(operator):
        together = np.logical_or.reduce([kept[name] for name in names])
        for name in names:
            kept[name] |= together
    else:
        for name in names:
            kept[name][:] = True
    return any((old != kept[name]).any() for old, name in zip(before, names))


def _is_channel_by_channel(operator: Operator) -> bool:
    """Whether each output channel is made of the same channel of each input."""
    plain = isinstance(
        operator, ChannelScale | Add | Multiply | Extreme | AveragePool | MaxPool | Mean | Lookup | Resize
    )
    depthwise = isinstance(operator, DepthwiseConv2D) and not operator.frozen
    return plain or depthwise or isinstance(operator, Pad) and not any(operator.padding[2])


def _folds(operator: Conv2D, graph: Graph, kept: npt.NDArray[np.bool_], input: Bounds) -> npt.NDArray[np.bool_]:
    """Return which input channels can be part of the bias, or do not matter, if they are constants."""
    tensor = graph.tensor(operator.inputs[0])
    unpadded = not np.any(operator.pads(tensor.shape[:2]))
    folds: npt.NDArray[np.bool_] = (input[0] == tensor.zero_point) | ~operator.codes[kept].any(axis=(0, 1, 2))
    return folds | unpadded


def _without(
    operator: Operator, graph: Graph, kept: dict[str, npt.NDArray[np.bool_]], bounds: dict[str, Bounds]
) -> Operator:
    """Return an operator that reads and makes only the channels that are kept."""
    stays = kept[operator.output]
    if isinstance(operator, Conv2D) and operator.groups == 1:
        reads = kept[operator.inputs[0]]
        values = bounds[operator.inputs[0]][0].astype(np.int64) - graph.tensor(operator.inputs[0]).zero_point
        constant = operator.codes.astype(np.int64).sum(axis=(1, 2)) @ np.where(reads, 0, values)
        bias = wrap_to_int32(operator.bias + constant).astype(np.int32)
        codes = operator.codes[stays][..., reads]
        return replace(operator, codes=codes, scales=operator.scales[stays], bias=bias[stays])
    if isinstance(operator, DepthwiseConv2D):
        scales, bias = operator.scales[stays], operator.bias[stays]
        return replace(operator, codes=operator.codes[..., stays], scales=scales, bias=bias)
    if isinstance(operator, ChannelScale):
        return replace(operator, codes=operator.codes[stays])
    if isinstance(operator, Wire):
        places = [np.cumsum(kept[name]) - 1 for name in operator.inputs]
        sources = [(i, places[i][channel]) for i, channel in operator.sources[stays]]
        used = sorted({i for i, _ in sources})
        inputs = tuple(operator.inputs[i] for i in used)
        return replace(operator, inputs=inputs, sources=np.array([(used.index(i), c) for i, c in sources]))
    return operator
