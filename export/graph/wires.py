"""Algebra of Wires, the operators that only move channels: Wires of Wires as one, and graphs without some of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Operator, Wire


def compose_wires(graph: Graph) -> Graph:
    """The same graph with Wires of Wires made one Wire, and without those that are not needed or are equal to another.

    A Wire that is a whole tensor in its own order disappears; who read it reads that tensor. What a Wire then reads is
    made by an operator, or is a map that an operator reads too, and so is there anyway.
    """
    there = {name for operator in graph.operators if not isinstance(operator, Wire) for name in operator.inputs}
    sources: dict[str, list[tuple[str, int]]] = {}  # of every Wire: (tensor, channel) of each of its channels
    stands_for: dict[str, str] = {}  # Wire that disappears -> tensor to read in its place
    first_alike: dict[tuple, str] = {}
    operators = []
    for operator in graph.operators:
        if not isinstance(operator, Wire):
            operators.append(replace(operator, inputs=[stands_for.get(name, name) for name in operator.inputs]))
            continue
        channels = _trace(operator, sources, stands_for)
        if operator.name not in there:
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


def without_wires(graph: Graph, names) -> Graph:
    """The same graph without some Wires that only Wires read, which then read what those were made of."""
    sources: dict[str, list[tuple[str, int]]] = {}  # of every Wire that goes
    operators = []
    for operator in graph.operators:
        if operator.name in names:
            sources[operator.name] = _trace(operator, sources, {})
        elif sources.keys() & set(operator.inputs):
            operators.append(wire_of(operator.name, _trace(operator, sources, {})))
        else:
            operators.append(operator)
    return with_operators(graph, operators)


def _trace(wire: Wire, sources, stands_for) -> list[tuple[str, int]]:
    """The tensors and channels, past other Wires, that a Wire's channels come from."""
    channels = [(wire.inputs[input], int(channel)) for input, channel in wire.sources]
    channels = [(stands_for.get(name, name), channel) for name, channel in channels]
    return [sources[name][channel] if name in sources else (name, channel) for name, channel in channels]


def wire_of(name: str, channels: list[tuple[str, int]]) -> Wire:
    """A Wire that makes these channels: (tensor, channel) each."""
    inputs = list(dict.fromkeys(origin for origin, _ in channels))
    return Wire(name=name, inputs=inputs, sources=np.array([(inputs.index(origin), c) for origin, c in channels]))


def _needed(operators: list[Operator], outputs) -> list[Operator]:
    """Without the Wires that nothing reads any more."""
    read = {name for operator in operators for name in operator.inputs} | set(outputs)
    return [operator for operator in operators if not isinstance(operator, Wire) or operator.name in read]


def with_operators(graph: Graph, operators, tensors=(), outputs=None) -> Graph:
    """The same graph with other operators, the tensors that they make, and other outputs if they are given."""
    names = {*graph.inputs, *(operator.name for operator in operators)}
    tensors = [tensor for tensor in [*graph.tensors, *tensors] if tensor.name in names]
    return replace(graph, operators=operators, tensors=tensors, outputs=outputs or graph.outputs)
