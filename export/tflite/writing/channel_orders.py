"""Channel orders: how the Wires of a graph become few contiguous copies in a .tflite, or none.

The channels of a graph are in the order of the paper. In a .tflite they may be in another, physical
order: the rows and columns of a convolution's weights can be permuted freely, so a channel shuffle
need not move anything. An order is an int array; order[i] is the logical channel at physical place
i.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import (
    ArgMax,
    Constant,
    Conv2D,
    MatMul,
    Operator,
    Pad,
    ReadState,
    Rearrange,
    Recurrent,
    Reduce,
    Wire,
    WriteState,
)
from export.graph.wires import wire_of, with_operators

ORDERED = ".ordered"  # suffix of a copy that is put back into logical order

Order = npt.NDArray[np.integer]
Orders = dict[str, Order]  # by tensor
Readers = dict[str, list[Wire]]  # the Wires that read a tensor


class Group:
    """Tensors that must share one order: inputs and outputs of channel-wise operators."""

    def __init__(self, tensor: str):
        self.tensors = [tensor]
        self.pinned = False  # to the logical order


def choose_orders(graph: Graph) -> tuple[Graph, Orders]:
    """Choose a physical channel order for every tensor such that the Wires are few contiguous runs.

    The groups of tensors that share one order are visited from the network's outputs to its inputs.
    Each sorts its channels by the tensors that they come from and the Wires that read them, and
    then by their place in its consumers. Then, from the inputs to the outputs, a group follows its
    producers if that leaves fewer runs.

    Args:
        graph: a graph whose Wires are composed.
    Returns: (graph, order by tensor name). The graph has one more Wire, NAME.ordered, where an
        output or the input of a grouped convolution must be in logical order and its channel-wise
        relatives need fewer runs in another.
    """
    graph = _pin(graph)
    groups = _groups(graph)
    readers = _reading_wires(graph)
    place = {tensor: i for i, tensor in enumerate([*graph.inputs, *(operator.name for operator in graph.operators)])}
    orders: Orders = {}
    distinct = {id(group): group for group in groups.values()}.values()
    from_last = sorted(distinct, key=lambda group: -max(place[tensor] for tensor in group.tensors))
    for group in from_last:
        channels = graph.tensor(group.tensors[0]).channels
        order = np.arange(channels) if group.pinned else _order(group, graph, readers, orders)
        orders.update({tensor: order for tensor in group.tensors})
    for group in reversed(from_last):
        if not group.pinned:
            _follow_producers(group, graph, readers, orders)
    return graph, orders


def _groups(graph: Graph) -> dict[str, Group]:
    """Return the group of every tensor."""
    groups = {name: Group(name) for name in graph.inputs}
    for operator in graph.operators:
        groups[operator.output] = Group(operator.output)
        if _is_channel_wise(operator):
            for name in operator.inputs:
                _merge(groups, name, operator.output)
    for name in [*graph.inputs, *graph.outputs]:
        groups[name].pinned = True
    for operator in filter(_keeps_order, graph.operators):
        for name in (*operator.inputs, operator.output):
            groups[name].pinned = True
    return groups


def _merge(groups: dict[str, Group], first: str, second: str) -> None:
    kept, merged = groups[first], groups[second]
    if kept is not merged:
        kept.tensors += merged.tensors
        groups.update({tensor: kept for tensor in merged.tensors})


def _is_channel_wise(operator: Operator) -> bool:
    """Return whether output channel i depends on input channels i, or (Softmax) on all."""
    of_all = isinstance(operator, Reduce) and 2 in operator.axes
    return not (isinstance(operator, (Conv2D, Wire, Constant)) or of_all or _keeps_order(operator))


def _keeps_order(operator: Operator) -> bool:
    """Return whether its channels must stay in logical order.

    Grouped convolutions and channels of padding do so, and what names channels, moves them to other pixels or keeps them.
    """
    grouped = isinstance(operator, Conv2D) and operator.groups > 1
    return (
        grouped
        or isinstance(operator, ArgMax | MatMul | Rearrange | Recurrent | ReadState | WriteState)
        or (isinstance(operator, Pad) and operator.padding[2] != (0, 0))
    )


def _pin(graph: Graph) -> Graph:
    """Add ordered copies of tensors that must be in logical order and have related Wires.

    Pinning a whole group would make each of its Wires restore the order; one copy restores it once.
    """
    groups = _groups(graph)
    wires = {operator.name for operator in graph.operators if isinstance(operator, Wire)}
    wished = {
        *graph.outputs,
        *(name for operator in graph.operators if _keeps_order(operator) for name in operator.inputs),
    }
    wished -= {*graph.inputs, *(state.name for state in graph.states)}  # which are in logical order
    copied = {name for name in wished if len(groups[name].tensors) > 1 and wires & set(groups[name].tensors)}
    operators, tensors = [], []
    for operator in graph.operators:
        if _keeps_order(operator):
            operator = replace(
                operator, inputs=tuple(name + ORDERED if name in copied else name for name in operator.inputs)
            )
        operators.append(operator)
        if operator.output in copied:
            tensor = graph.tensor(operator.output)
            tensors.append(replace(tensor, name=tensor.name + ORDERED))
            channels = [(tensor.name, channel) for channel in range(tensor.channels)]
            operators.append(wire_of(tensor.name + ORDERED, channels))
    outputs = [name + ORDERED if name in copied else name for name in graph.outputs]
    return with_operators(graph, operators, tensors, outputs)


def _reading_wires(graph: Graph) -> Readers:
    readers: Readers = {tensor.name: [] for tensor in graph.tensors}
    for operator in graph.operators:
        if isinstance(operator, Wire):
            for name in operator.inputs:
                readers[name].append(operator)
    return readers


def _order(group: Group, graph: Graph, readers: Readers, orders: Orders) -> Order:
    """Return the order of a group that breaks its Wires into the fewest runs."""
    channels = graph.tensor(group.tensors[0]).channels
    partitions = _partitions(group, graph, readers)
    distinct = list({partition.tobytes(): partition for partition in partitions}.values())
    places = [_places(tensor, wire, channels, orders) for tensor in group.tensors for wire in readers[tensor]]
    ties = [np.arange(channels), *reversed([place for place in places if place is not None])]
    candidates = (
        np.lexsort([*ties, *distinct[5:], *reversed(priorities)]) for priorities in permutations(distinct[:5])
    )
    return min(candidates, key=lambda order: sum(np.count_nonzero(np.diff(labels[order])) for labels in partitions))


def _follow_producers(group: Group, graph: Graph, readers: Readers, orders: Orders) -> None:
    """Sort a group by the sources of one of its Wires, if that leaves fewer runs."""
    made_by = [graph.operator(tensor) for tensor in group.tensors if tensor not in graph.inputs]
    wires = [operator for operator in made_by if isinstance(operator, Wire)]
    touched = {wire.name: wire for wire in [*wires, *(wire for tensor in group.tensors for wire in readers[tensor])]}

    def runs(order: Order) -> int:
        trial = {**orders, **{tensor: order for tensor in group.tensors}}
        return sum(len(runs_of(wire, trial)) for wire in touched.values())

    current = orders[group.tensors[0]]
    candidates = [current]
    for wire in wires:
        places = [np.argsort(orders[name]) for name in wire.inputs]
        place = np.array([places[input][channel] for input, channel in wire.sources])
        candidates += [np.lexsort([place, wire.sources[:, 0]])]
    best = min(candidates, key=runs)
    orders.update({tensor: best for tensor in group.tensors})


Run = tuple[str, int, int]  # places begin..end of a tensor


def runs_of(wire: Wire, orders: Mapping[str, Order]) -> list[Run]:
    """Return the maximal contiguous runs of places in a Wire's sources, in the Wire's order."""
    places = [np.argsort(orders[name]) for name in wire.inputs]
    runs: list[Run] = []
    for input, channel in wire.sources[orders[wire.name]]:
        name, place = wire.inputs[input], int(places[input][channel])
        if runs and runs[-1][0] == name and runs[-1][2] == place:
            runs[-1] = (name, runs[-1][1], place + 1)
        else:
            runs.append((name, place, place + 1))
    return runs


def _partitions(group: Group, graph: Graph, readers: Readers) -> list[Order]:
    """Return labels of channels that should be neighbours: by their source, by their readers."""
    channels = graph.tensor(group.tensors[0]).channels
    partitions = []
    for tensor in group.tensors:
        operator = None if tensor in graph.inputs else graph.operator(tensor)
        if isinstance(operator, Wire):
            partitions.append(operator.sources[:, 0])
        if readers[tensor]:
            reads = np.zeros((len(readers[tensor]), channels), bool)
            for row, wire in enumerate(readers[tensor]):
                reads[row, wire.sources[wire.sources[:, 0] == wire.inputs.index(tensor), 1]] = True
            partitions.append(np.unique(~reads, axis=1, return_inverse=True)[1].reshape(-1))
    return [partition for partition in partitions if np.ptp(partition) > 0]


def _places(tensor: str, wire: Wire, channels: int, orders: Orders) -> Order | None:
    """Return where a Wire puts each channel of a tensor; None if the Wire's order is not known."""
    if wire.name not in orders:
        return None
    places = np.full(channels, len(wire.sources))
    source = wire.sources[orders[wire.name]]
    mine = np.flatnonzero(source[:, 0] == wire.inputs.index(tensor))
    places[source[mine, 1]] = mine
    return places
