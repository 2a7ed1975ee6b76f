"""Wires of a graph as what the hardware has for them: whole beats of one stream, or groups of channels side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Operator, Wire
from export.graph.wires import without_wires
from export.hardware.blocks import Stream
from export.hardware.folding import divisors


def with_few(graph: Graph, chosen: Collection[str]) -> Graph:
    """Return the same graph with fewer Wires. A Wire that moves all its inputs' channels to one other Wire is one with it."""
    readers: dict[str, list[Operator]] = {}
    for operator in graph.operators:
        for name in operator.inputs:
            readers.setdefault(name, []).append(operator)
    absorbed = set()
    for operator in graph.operators:
        reading = readers.get(operator.name, [])
        whole = sum(graph.tensor(name).channels for name in operator.inputs) == graph.tensor(operator.name).channels
        moves_on = len(reading) == 1 and _is_plain(reading[0]) and reading[0].name not in chosen
        if _is_plain(operator) and operator.name not in chosen and whole and moves_on:
            absorbed.add(operator.name)
    return without_wires(graph, absorbed - {*graph.outputs})


def _is_plain(operator: Operator) -> bool:
    return isinstance(operator, Wire) and not operator.core_shuffle


def successive(wire: Wire, inputs: Sequence[Stream]) -> tuple[int, int] | None:
    """Return the first beat and the number of beats of a Wire that takes whole beats of one input, or None."""
    if len(inputs) != 1:
        return None
    channels, lanes = wire.sources[:, 1], inputs[0].lanes
    first, count = int(channels[0]), len(channels)
    if first % lanes or count % lanes or not np.array_equal(channels, np.arange(first, first + count)):
        return None
    return first // lanes, count // lanes


def groups(wire: Wire, inputs: Sequence[Stream]) -> int:
    """Return in how many equal groups of channels a Wire moves its channels, so that little is kept.

    All groups are alike, and a group of the output reads from the same group of the inputs alone.
    """
    channels = [stream.shape[2] for stream in inputs]
    possible = [n for n in divisors(len(wire.sources)) if all(count % n == 0 for count in channels)]

    def kept(count: int) -> int:
        return sum(max(stream.lanes, stream.shape[2] // count) for stream in inputs if stream.beats != count)

    return min((n for n in possible if _is_alike(wire, channels, n)), key=kept)


def _is_alike(wire: Wire, channels: Iterable[int], groups: int) -> bool:
    sizes = np.array(list(channels)) // groups
    rows = wire.sources.reshape(groups, -1, 2)
    expected = (
        rows[0]
        + np.stack([np.zeros_like(rows[0, :, 0]), sizes[rows[0, :, 0]]], axis=1) * np.arange(groups)[:, None, None]
    )
    return bool(np.all(rows[0, :, 1] < sizes[rows[0, :, 0]]) and np.array_equal(rows, expected))
