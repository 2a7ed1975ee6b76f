"""A network of several inputs as one of a single input: the rows of all of them, one after the other.

The line plan, the C and a camera know one map that comes row by row. Inputs of one height lie side by side
in its rows. Otherwise they follow each other, the lower ones first, so that vectors are there from the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from export.graph import golden
from export.graph.golden import Codes
from export.graph.graph import Graph
from export.graph.operators import Lookup, Operator, Rearrange
from export.graph.tensor import Tensor

NAME = "inputs"


def with_one_input(graph: Graph) -> Graph:
    """Return the same network with one input, of which operators make the tensors that were inputs before.

    The graph itself, if it has one input. The new input has the shape (rows, 1, values): the values of a
    row of each input, in the order of the graph's inputs; filled up where inputs follow each other.
    """
    if len(graph.inputs) == 1:
        return graph
    before = [graph.tensor(name) for name in graph.inputs]
    sizes = {tensor.name: tensor.shape[1] * tensor.channels for tensor in before}
    beside = len({tensor.shape[0] for tensor in before}) == 1
    values = sum(sizes.values()) if beside else max(sizes.values())
    rows = before[0].shape[0] if beside else sum(tensor.shape[0] for tensor in before)
    name = NAME
    while any(tensor.name == name for tensor in graph.tensors):
        name += "'"
    joined = Tensor(name, (rows, 1, values), before[0].scale, before[0].zero_point)
    tensors: list[Tensor] = [joined]
    operators: list[Operator] = []
    place = 0
    for tensor in before if beside else sorted(before, key=lambda tensor: tensor.shape[0]):
        alike = (tensor.scale, tensor.zero_point) == (joined.scale, joined.zero_point)
        part = tensor if alike else replace(joined, name=f"{tensor.name}.codes", shape=tensor.shape)
        operators.append(
            Rearrange(
                name=part.name,
                inputs=(name,),
                shape=tensor.shape,
                sizes=(tensor.shape[0], sizes[tensor.name]),
                steps=(values, 1),
                first=place,
            )
        )
        tensors.append(part)
        if not alike:  # the same codes, which stand for other numbers
            table = np.arange(-128, 128).astype(np.int8)
            operators.append(Lookup(name=tensor.name, inputs=(part.name,), table=table))
            tensors.append(tensor)
        place += sizes[tensor.name] if beside else tensor.shape[0] * values
    others = [tensor for tensor in graph.tensors if tensor.name not in graph.inputs]
    return replace(graph, inputs=(name,), tensors=(*tensors, *others), operators=(*operators, *graph.operators))


def parts_of(graph: Graph, inputs: Mapping[str, Codes], names: Sequence[str]) -> list[Codes]:
    """Return the tensors of these names, which are inputs of a graph or were before it had one."""
    if set(names) <= inputs.keys():
        return [inputs[name] for name in names]
    made = [operator.output for operator in graph.operators]
    start = graph.operators[: 1 + max(made.index(name) for name in names)]
    known = {*graph.inputs, *(operator.output for operator in start)}
    tensors = tuple(tensor for tensor in graph.tensors if tensor.name in known)
    parts = golden.run(replace(graph, outputs=tuple(names), tensors=tensors, operators=start), inputs, names)
    return [parts[name] for name in names]
