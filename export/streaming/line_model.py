"""The streaming-line reference model: the graph as a machine that takes the rows of an image, one after the other.

It holds what the line plan says and no more: the kept rows of each tensor, one place that the newest rows share, the
running sums. What the C code and the hardware do with their memory, this does with NumPy arrays, and a read of a row
that is no longer there is an error; what they do with numbers is golden's arithmetic, on the rows under a window
instead of on whole maps. Stages on ways that the task's switches do not take rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from export.graph import golden
from export.graph.operators import Operator, Pad, Pads, Window
from export.graph.tensor import Shape
from export.streaming.line_plan import Buffer, LinePlan, rows_read, steps

Row = tuple[str, int, np.ndarray]  # tensor, row, int8 (width, channels)


class Rows:
    """The rows of one tensor that are in memory: the newest one in the shared place, older ones in their slots.

    Attributes:
        made: how many rows there have been.
    """

    def __init__(self, buffer: Buffer, shared: np.ndarray):
        self.buffer = buffer
        _, width, channels = buffer.tensor.shape
        self.slots = np.zeros((buffer.rows, width, channels), np.int8)
        of_camera = np.zeros(buffer.row_bytes, np.int8)
        newest = of_camera if buffer.place is None else shared[buffer.place : buffer.place + buffer.row_bytes]
        self.newest = newest.reshape(width, channels)
        self.start()

    def start(self) -> None:
        """Forgets all rows: the next one is the first."""
        self.made, self.is_new = 0, False
        self.in_slot = [None] * self.buffer.rows  # which row

    def take(self, row: np.ndarray) -> None:
        """The next row is there."""
        self.newest[...] = row
        self.made, self.is_new = self.made + 1, True

    def __getitem__(self, y: int) -> np.ndarray:
        """Row y, (width, channels). Raises LookupError if it is not in memory."""
        if self.is_new and y == self.made - 1:
            return self.newest
        if y not in self.in_slot:
            raise LookupError(f"{self.buffer.tensor.name}: row {y} is not in memory; there are {self.in_slot}")
        return self.slots[self.in_slot.index(y)]

    def retire(self) -> None:
        """No other stage of this line reads the newest row: later lines find it in its slot, if one is left for it."""
        if self.is_new and self.in_slot:
            slot = (self.made - 1) % len(self.in_slot)
            self.slots[slot], self.in_slot[slot] = self.newest, self.made - 1
        self.is_new = False


class Stream:
    """A network that takes an image row by row.

    Args:
        plan: its line plan.
    """

    def __init__(self, plan: LinePlan):
        self.plan, self.graph = plan, plan.graph
        self.shared = np.zeros(plan.shared, np.int8)
        self.rows = {name: Rows(buffer, self.shared) for name, buffer in plan.buffers.items()}
        self.start()

    def start(self) -> None:
        """Makes ready for the first row of an image. The memory keeps what is in it, as that of a chip does."""
        for rows in self.rows.values():
            rows.start()
        self.running = [stage for stage in self.plan.stages if self.plan.runs(stage)]
        self.step = {stage.operator.name: 0 for stage in self.running}
        self.sums = {name: 0 for name in self.step}

    def push_row(self, row: np.ndarray) -> list[Row]:
        """Takes the next row of an image, and with the last one goes on until everything is made.

        Args:
            row: int8 (width, channels).
        Returns: each row that any stage made meanwhile, in this order.
        Raises: ValueError if the row does not fit.
        """
        image = self.rows[self.graph.inputs[0]]
        height, *wanted = image.buffer.tensor.shape
        if row.dtype != np.int8 or list(row.shape) != wanted:
            raise ValueError(f"the row is {row.dtype} {row.shape}; it must be int8 {tuple(wanted)}")
        if image.made == height:
            self.start()
        image.take(row)
        made = list(self._line())
        while image.made == height and self._is_unfinished():
            made += self._line()
        return made

    def output(self, name: str) -> np.ndarray:
        """An output of one row, int8 (width, channels), after the image is complete and until the next one comes."""
        return self.rows[name][0]

    def _is_unfinished(self) -> bool:
        return any(self.step[stage.operator.name] < self._steps(stage.operator) for stage in self.running)

    def _line(self) -> Iterator[Row]:
        for stage in self.plan.stages:
            operator = stage.operator
            if self.plan.runs(stage) and self._is_due(operator):
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
        under = [self._rows_of(name, self._reads(operator, name)) for name in operator.inputs]
        step = self.step[operator.name]
        self.step[operator.name] += 1
        if not self.plan.sums_up(operator):
            one_row = _of_one_row(operator, step, self.graph.tensor(operator.inputs[0]).shape)
            return golden.apply(one_row, self.graph, *under)[0, 0]
        self.sums[operator.name] = self.sums[operator.name] + under[0].astype(np.int64).sum(axis=(0, 1, 2))
        if self.step[operator.name] < self._steps(operator):
            return None
        height, width, _ = self.graph.tensor(operator.inputs[0]).shape
        return golden.mean_of_sums(operator, self.graph, self.sums[operator.name], height * width)

    def _rows_of(self, name: str, rows: range) -> np.ndarray:
        """Some rows as a map of a batch of one, int8 (1, rows, width, channels)."""
        _, width, channels = self.graph.tensor(name).shape
        return np.array([self.rows[name][y] for y in rows], np.int8).reshape(1, len(rows), width, channels)

    def _steps(self, operator: Operator) -> int:
        return steps(operator, self.graph)

    def _reads(self, operator: Operator, name: str) -> range:
        return rows_read(operator, self.step[operator.name], self.graph.tensor(name).shape)


def _of_one_row(operator: Operator, step: int, shape: Shape) -> Operator:
    """The same operator for a map that is only the rows which a step reads: padded to one row of output."""
    read = rows_read(operator, step, shape)
    if isinstance(operator, Pad):
        return replace(operator, padding=((1 - len(read), 0), *operator.padding[1:]))
    if not isinstance(operator, Window):
        return operator
    rows, columns = operator.pads(shape[:2])
    first = step * operator.strides[0] - rows[0]
    return _padded(operator, ((read.start - first, first + operator.extent[0] - read.stop), columns))


@lru_cache(maxsize=1024)  # a convolution that is replaced copies its codes
def _padded(operator: Window, padding: Pads) -> Window:
    return replace(operator, padding=padding)


def run(plan: LinePlan, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Streams a batch, image by image.

    Args:
        plan: the line plan.
        inputs: int8 (batch, height, width, channels).
    Returns: every tensor that a running stage makes, int8 (batch, height, width, channels) by name.
    """
    tensors = (plan.graph.tensor(stage.operator.output) for stage in plan.stages if plan.runs(stage))
    maps = {tensor.name: np.empty((len(inputs), *tensor.shape), np.int8) for tensor in tensors}
    stream = Stream(plan)
    for i, image in enumerate(inputs):
        for row in image:
            for name, y, values in stream.push_row(row):
                maps[name][i, y] = values
    return maps
