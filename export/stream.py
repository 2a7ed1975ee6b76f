"""The streaming-line reference model: the graph as a machine that takes the rows of an image, one after the other.

It holds what the line plan says and no more: the kept rows of each tensor, one place that the newest rows share, the
running sums. What the C code and the hardware do with their memory, this does with NumPy arrays; what they do with
numbers is golden's arithmetic, on the rows under a window instead of on whole maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from export import golden
from export.graph import Graph, Operator, Pad, Pads, Shape, Window
from export.lines import Buffer, LinePlan, rows_read, steps

Row = tuple[str, int, np.ndarray]  # tensor, row, int8 (width, channels)


class Rows:
    """The rows of one tensor that are in memory: the newest one in the shared place, older ones in their slots.

    Attributes:
        made: how many rows there have been.
    """

    def __init__(self, buffer: Buffer, shared: np.ndarray):
        _, width, channels = buffer.tensor.shape
        self.kept = np.zeros((buffer.rows, width, channels), np.int8)
        place = slice(None) if buffer.place is None else slice(buffer.place, buffer.place + buffer.row_bytes)
        self.newest = (np.zeros(buffer.row_bytes, np.int8) if buffer.place is None else shared[place]).reshape(
            width, channels
        )
        self.made, self.is_new = 0, False

    def take(self, row: np.ndarray) -> None:
        """The next row is there."""
        self.newest[...] = row
        self.made, self.is_new = self.made + 1, True

    def __getitem__(self, y: int) -> np.ndarray:
        return self.newest if self.is_new and y == self.made - 1 else self.kept[y % len(self.kept)]

    def retire(self) -> None:
        """No other stage of this line reads the newest row: later lines find it in its slot."""
        if self.is_new:
            self.kept[(self.made - 1) % len(self.kept)] = self.newest
            self.is_new = False


class Stream:
    """A network that takes an image row by row.

    Args:
        plan: its line plan.
    """

    def __init__(self, plan: LinePlan):
        self.plan, self.graph = plan, plan.graph
        self.start()

    def start(self) -> None:
        """Makes ready for the first row of an image."""
        shared = np.zeros(self.plan.shared, np.int8)
        self.rows = {name: Rows(buffer, shared) for name, buffer in self.plan.buffers.items()}
        self.step = {stage.operator.name: 0 for stage in self.plan.stages}
        self.sums = {name: 0 for name in self.step}

    def push_row(self, row: np.ndarray) -> Iterator[Row]:
        """Takes the next row of the image, int8 (width, channels), and yields each row that any stage makes of it.

        With the last row of the image it goes on until everything is made, and is then ready for the next image.
        """
        image = self.rows[self.graph.inputs[0]]
        image.take(row)
        yield from self._line()
        if image.made == self.graph.tensor(self.graph.inputs[0]).shape[0]:
            while any(self.step[stage.operator.name] < self._steps(stage.operator) for stage in self.plan.stages):
                yield from self._line()
            self.start()

    def _line(self) -> Iterator[Row]:
        for stage in self.plan.stages:
            operator = stage.operator
            if self._is_due(operator):
                row = self._run(operator)
                if row is not None:
                    output = self.rows[operator.output]
                    output.take(row)
                    yield operator.output, output.made - 1, output.newest.copy()
            for name in stage.retires:
                self.rows[name].retire()

    def _is_due(self, operator: Operator) -> bool:
        """Whether a step is left and the rows that it reads are there."""
        return self.step[operator.name] < self._steps(operator) and all(
            self._reads(operator, name).stop <= self.rows[name].made for name in operator.inputs
        )

    def _run(self, operator: Operator) -> np.ndarray | None:
        """Does the next step of a stage: its next row, or None while it only sums up."""
        under = [np.array([self.rows[name][y] for y in self._reads(operator, name)]) for name in operator.inputs]
        step = self.step[operator.name]
        self.step[operator.name] += 1
        if not self.plan.sums_up(operator):
            return _row(operator, self.graph, step, under)
        self.sums[operator.name] = self.sums[operator.name] + under[0].astype(np.int64).sum(axis=(0, 1))
        if self.step[operator.name] < self._steps(operator):
            return None
        height, width, _ = self.graph.tensor(operator.inputs[0]).shape
        return golden.mean_of_sums(operator, self.graph, self.sums[operator.name], height * width)

    def _steps(self, operator: Operator) -> int:
        return steps(operator, self.graph)

    def _reads(self, operator: Operator, name: str) -> range:
        return rows_read(operator, self.step[operator.name], self.graph.tensor(name).shape)


def _row(operator: Operator, graph: Graph, step: int, under: list[np.ndarray]) -> np.ndarray:
    """One row of an operator's output, (width, channels), from the rows under it, (rows, width, channels) an input."""
    shape = graph.tensor(operator.inputs[0]).shape
    if isinstance(operator, Pad) and len(under[0]) == 0:  # a row of padding alone
        return np.full(graph.tensor(operator.output).shape[1:], operator.value, np.int8)
    return golden.apply(_of_one_row(operator, step, shape), graph, *(rows[None] for rows in under))[0, 0]


def _of_one_row(operator: Operator, step: int, shape: Shape) -> Operator:
    """The same operator for a map that is only what lies under one row of its output: it pads no other rows."""
    if isinstance(operator, Pad):
        return replace(operator, padding=((0, 0), *operator.padding[1:]))
    if not isinstance(operator, Window):
        return operator
    rows, columns = operator.pads(shape[:2])
    first = step * operator.strides[0] - rows[0]
    above, below = max(0, -first), max(0, first + operator.extent[0] - shape[0])
    return _padded(operator, ((above, below), columns))


@cache
def _padded(operator: Window, padding: Pads) -> Window:
    return replace(operator, padding=padding)


def run(plan: LinePlan, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Streams a batch, image by image.

    Args:
        plan: the line plan.
        inputs: int8 (batch, height, width, channels).
    Returns: every tensor that the graph makes, int8 (batch, height, width, channels) by name.
    """
    tensors = (plan.graph.tensor(stage.operator.output) for stage in plan.stages)
    maps = {tensor.name: np.empty((len(inputs), *tensor.shape), np.int8) for tensor in tensors}
    stream = Stream(plan)
    for i, image in enumerate(inputs):
        for row in image:
            for name, y, values in stream.push_row(row):
                maps[name][i, y] = values
    return maps
