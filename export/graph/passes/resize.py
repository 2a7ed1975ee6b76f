"""The same network for images of another size, which no weight depends on."""

from __future__ import annotations

import re
from dataclasses import replace

from export.graph.graph import Graph
from export.graph.operators import AveragePool, Constant, Operator, ReadState, Rearrange
from export.graph.tensor import GraphError, Shape, Size


def parse_size(text: str) -> Size:
    """Return (height, width) of a text such as "480x640". Raises: ValueError."""
    if not (sides := re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)):
        raise ValueError(f"the size is {text!r}; it must be HEIGHTxWIDTH, for example 480x640")
    return int(sides[1]), int(sides[2])


def resize(graph: Graph, size: Size) -> Graph:
    """Return a graph of one input with another height and width.

    A pool over the whole map stays one.

    Raises: GraphError that names the operator that does not allow the size.
    """
    if len(graph.inputs) != 1:
        raise GraphError(f"{graph.name} has {len(graph.inputs)} inputs; only a network of one image can be resized")
    image = graph.tensor(graph.inputs[0])
    shapes: dict[str, Shape] = {image.name: (*size, image.channels)}
    replace(image, shape=shapes[image.name]).check()
    operators = []
    for operator in graph.operators:
        if size != image.shape[:2] and isinstance(operator, Constant | Rearrange | ReadState):
            raise GraphError(f"{operator.name}: it is made for one size, so that the network cannot have another")
        operator = _over_the_whole_map(operator, graph, shapes)
        shapes[operator.output] = operator.output_shape(*(shapes[name] for name in operator.inputs))
        operators.append(operator)
    tensors = tuple(replace(tensor, shape=shapes[tensor.name]) for tensor in graph.tensors)
    return replace(graph, tensors=tensors, operators=tuple(operators))


def _over_the_whole_map(operator: Operator, graph: Graph, shapes: dict[str, Shape]) -> Operator:
    name = operator.inputs[0]
    if isinstance(operator, AveragePool) and tuple(operator.window) == graph.tensor(name).shape[:2]:
        return replace(operator, window=shapes[name][:2])
    return operator
