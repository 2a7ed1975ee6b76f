"""How each Wire is written in a .tflite: by SPLIT_V and CONCATENATION, or by GATHER."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import Wire
from export.tflite.writing.channel_orders import Run, runs_of

MOST_CONCATENATED = 10  # inputs of a CONCATENATION in TFLM
MOST_RUNS = 2 * MOST_CONCATENATED - 1  # of a Wire: two CONCATENATIONs, as cheap as one before a GATHER and faster

Plans = dict[str, list[Run] | None]  # the runs of each Wire; None: it is gathered


def plan_wires(graph: Graph, orders: Mapping[str, npt.NDArray[np.integer]]) -> Plans:
    """Return the runs of each Wire, cut so that any two runs of one tensor are equal or separate."""
    wires = [operator for operator in graph.operators if isinstance(operator, Wire)]
    plans: Plans = {wire.name: runs_of(wire, orders) for wire in wires}
    while True:
        cuts = _cuts(plans, graph)
        parts: Plans = {
            name: runs and [part for run in runs for part in _cut(run, cuts, graph)] for name, runs in plans.items()
        }
        counts = {name: len(runs) for name, runs in parts.items() if runs and len(runs) > MOST_RUNS}
        if not counts:
            return parts
        plans[max(counts, key=counts.__getitem__)] = None


def _cuts(plans: Plans, graph: Graph) -> dict[str, set[int]]:
    """Return the places where a tensor is cut into parts.

    A run that is the whole tensor needs no parts.
    """
    cuts: dict[str, set[int]] = {}
    for runs in plans.values():
        for name, begin, end in runs or ():
            if (begin, end) != (0, graph.tensor(name).channels):
                cuts.setdefault(name, set()).update((begin, end))
    return cuts


def _cut(run: Run, cuts: Mapping[str, set[int]], graph: Graph) -> list[Run]:
    """Return the parts of a run."""
    name, begin, end = run
    if (begin, end) == (0, graph.tensor(name).channels):
        return [run]
    edges = sorted(cut for cut in cuts[name] if begin <= cut <= end)
    return [(name, *edge) for edge in pairwise(edges)]


def with_gaps(parts: list[tuple[int, int]], channels: int) -> list[tuple[int, int]]:
    """Return the parts and those that nobody reads, so that all together are the whole tensor."""
    edges = sorted({0, channels, *(edge for part in parts for edge in part)})
    return list(pairwise(edges))
