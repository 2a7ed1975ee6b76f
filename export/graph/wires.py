"""Algebra of Wires: Wires of Wires as one, and graphs without some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Operator, Wire
from export.graph.tensor import Tensor

Channel = tuple[str, int]  # of a tensor


def compose_wires(graph: Graph) -> Graph:
    """Return the same graph with Wires of Wires as one Wire, without unused ones and duplicates.

    A Wire that is a whole tensor in its own order disappears: its readers read that tensor. What a
    Wire then reads is made by an operator, or is a map that an operator reads too, and so is in
    memory anyway.
    """
    read_by_operators = {name for each in graph.operators if not isinstance(each, Wire) for name in each.inputs}
    sources: dict[str, list[Channel]] = {}  # of the channels of each Wire
    stands_for: dict[str, str] = {}  # Wire that disappears -> tensor to read in its place
    first_alike: dict[tuple[Channel, ...], str] = {}
    operators: list[Operator] = []
    for operator in graph.operators:
        if not isinstance(operator, Wire):
            operators.append(replace(operator, inputs=tuple(stands_for.get(name, name) for name in operator.inputs)))
            continue
        channels = _trace(operator, sources, stands_for)
        if operator.name not in read_by_operators:
            sources[operator.name] = channels
        origin = channels[0][0]
        if operator.name in graph.outputs:
            operators.append(wire_of(operator.name, channels))
        elif channels == [(origin, channel) for channel in range(graph.tensor(origin).channels)]:
            stands_for[operator.name] = origin
        elif (alike := first_alike.setdefault(tuple(channels), operator.name)) != operator.name:
            stands_for[operator.name] = alike
        else:
            operators.append(wire_of(operator.name, channels))
    return with_operators(graph, _needed(operators, graph.outputs))


def without_wires(graph: Graph, names: Collection[str]) -> Graph:
    """Return the same graph without some Wires that only Wires read.

    Those then read the sources of the removed ones.
    """
    sources: dict[str, list[Channel]] = {}  # of each Wire that is removed
    operators: list[Operator] = []
    for operator in graph.operators:
        if isinstance(operator, Wire) and operator.name in names:
            sources[operator.name] = _trace(operator, sources, {})
        elif isinstance(operator, Wire) and sources.keys() & set(operator.inputs):
            operators.append(wire_of(operator.name, _trace(operator, sources, {})))
        else:
            operators.append(operator)
    return with_operators(graph, operators)


def _trace(wire: Wire, sources: Mapping[str, list[Channel]], stands_for: Mapping[str, str]) -> list[Channel]:
    """Return where a Wire's channels come from, through other Wires."""
    channels = [(wire.inputs[input], int(channel)) for input, channel in wire.sources]
    channels = [(stands_for.get(name, name), channel) for name, channel in channels]
    return [sources[name][channel] if name in sources else (name, channel) for name, channel in channels]


def wire_of(name: str, channels: Sequence[Channel]) -> Wire:
    """Return a Wire that makes these channels."""
    inputs = tuple(dict.fromkeys(origin for origin, _ in channels))
    return Wire(name=name, inputs=inputs, sources=np.array([(inputs.index(origin), c) for origin, c in channels]))


def _needed(operators: Sequence[Operator], outputs: Iterable[str]) -> list[Operator]:
    """Return the operators without the Wires that nothing reads."""
    read = {name for operator in operators for name in operator.inputs} | set(outputs)
    return [operator for operator in operators if not isinstance(operator, Wire) or operator.name in read]


def with_operators(
    graph: Graph, operators: Iterable[Operator], tensors: Iterable[Tensor] = (), outputs: Iterable[str] = ()
) -> Graph:
    """Return the same graph with other operators and their tensors, and other outputs if given."""
    operators, outputs = tuple(operators), tuple(outputs)
    names = {*graph.inputs, *(operator.name for operator in operators)}
    kept = tuple(tensor for tensor in (*graph.tensors, *tensors) if tensor.name in names)
    return replace(graph, operators=operators, tensors=kept, outputs=outputs or graph.outputs)
