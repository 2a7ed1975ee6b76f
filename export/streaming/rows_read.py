"""Which rows of its inputs each step of a stage reads."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import (
    AveragePool,
    Join,
    Mean,
    Operator,
    Pad,
    Rearrange,
    Reduce,
    Resize,
    Window,
    WriteState,
)
from export.graph.tensor import Shape

Ints = npt.NDArray[np.int64]


def sums_rows(operator: Operator, shape: Shape) -> bool:
    """Return whether an operator keeps running sums: whether it pools all rows of its input."""
    if isinstance(operator, AveragePool):
        return tuple(operator.window) == shape[:2] and operator.output_size(shape[:2]) == (1, 1)
    if isinstance(operator, Reduce):
        return 0 in operator.axes
    return isinstance(operator, Mean)


def steps(operator: Operator, graph: Graph) -> int:
    """Return how often a stage runs per image: once per output row, or per row that it sums."""
    input = graph.tensor(operator.inputs[0])
    return (input if sums_rows(operator, input.shape) else graph.tensor(operator.output)).shape[0]


def rows_read(operator: Operator, step: int, graph: Graph) -> dict[str, range]:
    """Return the rows of each input that a step reads, oldest first, without padding."""
    reads = rows_of_steps(operator, np.array([step]), graph)
    return {name: range(int(begin[0]), int(end[0])) for name, (begin, end) in reads.items()}


def rows_of_steps(operator: Operator, steps: Ints, graph: Graph) -> dict[str, tuple[Ints, Ints]]:
    """Return the first and the end of the rows of each input that each step reads, without padding."""
    shapes = {name: graph.tensor(name).shape for name in operator.inputs}
    if isinstance(operator, Join) and operator.axis == 0:  # one row of one input
        ends = np.cumsum([shape[0] for shape in shapes.values()])
        own = {name: steps - end + height for (name, (height, _, _)), end in zip(shapes.items(), ends)}
        return {
            name: (own[name].clip(0, height), np.where((0 <= own[name]) & (own[name] < height), own[name] + 1, 0))
            for name, (height, _, _) in shapes.items()
        }
    reads = {name: _rows_of_one(operator, steps, shape) for name, shape in shapes.items()}
    if isinstance(operator, WriteState):  # of its state nothing is read: that row was read in this line or before
        reads[operator.state] = np.full_like(steps, shapes[operator.state][0]), np.zeros_like(steps)
    return reads


def _rows_of_one(operator: Operator, steps: Ints, shape: Shape) -> tuple[Ints, Ints]:
    height = shape[0]
    first, extent, dilation = steps, 1, 1
    if isinstance(operator, Resize):
        oldest, newest, _ = operator.taps(0, height)
        return oldest[steps], newest[steps] + 1
    if isinstance(operator, Rearrange):
        oldest, newest = _rows_rearranged(operator, shape[1] * shape[2])
        return oldest[steps], newest[steps] + 1
    if isinstance(operator, Pad):
        first = steps - operator.padding[0][0]
    elif isinstance(operator, Window) and not sums_rows(operator, shape):
        first = steps * operator.strides[0] - operator.pads(shape[:2])[0][0]
        extent, dilation = operator.extent[0], operator.dilations[0]
    oldest = np.where(first >= 0, first, first % dilation)
    return np.minimum(oldest, height), np.clip(first + extent, 0, height)


@lru_cache(maxsize=64)  # it looks at every value of the map
def _rows_rearranged(operator: Rearrange, row_values: int) -> tuple[Ints, Ints]:
    return operator.rows(row_values)
