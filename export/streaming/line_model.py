"""The streaming-line reference model: the graph as a machine that reads an image row by row.

Its memory is the line plan's and no more: the kept rows of each tensor, one place that the newest
rows share, and the running sums. It uses NumPy arrays as the C code and the hardware use their
memory. Reading a row that is no longer there is an error. Its numbers are those of the golden
arithmetic, on the rows under a window instead of on whole maps. Stages on ways that the task's
switches do not take do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from export.graph import golden, recurrent
from export.graph.graph import Graph
from export.graph.operators import (
    AveragePool,
    Constant,
    Mean,
    Operator,
    Pad,
    Pads,
    Prelu,
    ReadState,
    Rearrange,
    Recurrent,
    Reduce,
    Resize,
    Window,
    WriteState,
)
from export.graph.tensor import Shape
from export.streaming.line_plan import Buffer, LinePlan
from export.streaming.rows_read import rows_read, steps

Codes = npt.NDArray[np.int8]  # a row (width, channels), or a map with a batch in front
Row = tuple[str, int, Codes]  # tensor, number of the row, its codes


class Rows:
    """The rows of one tensor in memory: the newest in the shared place, older ones in slots.

    Attributes:
        made: number of rows made so far.
    """

    def __init__(self, buffer: Buffer, shared: Codes):
        self.buffer = buffer
        _, width, channels = buffer.tensor.shape
        self.slots: list[Codes] = list(np.zeros((buffer.rows, width, channels), np.int8))
        of_camera = np.zeros(buffer.row_bytes, np.int8)
        newest = of_camera if buffer.place is None else shared[buffer.place : buffer.place + buffer.row_bytes]
        self.newest = newest.reshape(width, channels)
        self.start()

    def start(self) -> None:
        """Forget all rows: the next one is the first."""
        self.made, self.is_new = 0, False
        self.in_slot: list[int | None] = [None] * self.buffer.rows  # number of the row

    def take(self, row: Codes) -> None:
        """Take the next row, which is now the newest."""
        self.newest[...] = row
        self.made, self.is_new = self.made + 1, True

    def __getitem__(self, y: int) -> Codes:
        """Return row y, (width, channels). Raises LookupError if it is not in memory."""
        if self.is_new and y == self.made - 1:
            return self.newest
        if y not in self.in_slot:
            raise LookupError(f"{self.buffer.tensor.name}: row {y} is not in memory; there are {self.in_slot}")
        return self.slots[self.in_slot.index(y)]

    def retire(self) -> None:
        """Move the newest row, which this line reads no more, into its slot, if there is one."""
        if self.is_new and self.in_slot:
            slot = (self.made - 1) % len(self.in_slot)
            self.slots[slot], self.in_slot[slot] = self.newest.copy(), self.made - 1
        self.is_new = False


class Stream:
    """A network that reads an image row by row.

    Args:
        plan: its line plan.
    """

    def __init__(self, plan: LinePlan):
        self.plan, self.graph = plan, plan.graph
        self.shared = np.zeros(plan.shared, np.int8)
        self.rows = {name: Rows(buffer, self.shared) for name, buffer in plan.buffers.items()}
        self.reset()

    def reset(self) -> None:
        """Forget all images: the next one is the first. States have their initial codes."""
        self.states = {state.name: np.full(state.shape, state.initial, np.int8) for state in self.graph.states}
        self.memories = {
            stage.operator.name: recurrent.started(stage.operator, self.graph)
            for stage in self.plan.stages
            if isinstance(stage.operator, Recurrent)
        }
        self.start()

    def start(self) -> None:
        """Prepare for the first row of an image.

        The memory keeps its content, as that of a chip does.
        """
        for rows in self.rows.values():
            rows.start()
        self.running = [stage for stage in self.plan.stages if self.plan.runs(stage)]
        self.step = {stage.operator.name: 0 for stage in self.running}
        self.sums = {
            operator.name: np.zeros(self.plan.sums_of(operator), np.int64)
            for operator in (stage.operator for stage in self.running)
            if self.plan.sums_up(operator)
        }

    def push_row(self, row: Codes) -> list[Row]:
        """Take the next row of an image. After the last row, run until everything is made.

        Args:
            row: int8 (width, channels).
        Returns: each row that any stage made meanwhile, in this order.
        Raises: ValueError if the row does not fit.
        """
        image = self.rows[self.graph.inputs[0]]
        height, width, channels = image.buffer.tensor.shape
        if row.dtype != np.int8 or row.shape != (width, channels):
            raise ValueError(f"the row is {row.dtype} {row.shape}; it must be int8 {(width, channels)}")
        if image.made == height:
            self.start()
        image.take(row)
        made = list(self._line())
        while image.made == height and self._is_unfinished():
            made += self._line()
        return made

    def output(self, name: str) -> Codes:
        """Return an output of one row, int8 (width, channels).

        It is valid from an image's end to the next one's start.
        """
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
        """Return whether a step is left and the rows that it reads are there."""
        return self.step[operator.name] < self._steps(operator) and all(
            read.stop <= self.rows[name].made for name, read in self._reads(operator).items()
        )

    def _run(self, operator: Operator) -> Codes | None:
        """Run the next step of a stage. Return its next row, or None while it only sums."""
        reads = self._reads(operator)
        under = [self._rows_of(name, reads[name]) for name in operator.inputs]
        step = self.step[operator.name]
        self.step[operator.name] += 1
        if isinstance(operator, ReadState):
            before: Codes = self.states[operator.name][step].copy()
            return before
        if isinstance(operator, Recurrent):
            remembered: Codes = recurrent.steps(operator, self.graph, self.memories[operator.name], under[0][0])[0]
            return remembered
        if isinstance(operator, WriteState):
            self.states[operator.state][step] = under[0][0, 0]
        if self.plan.sums_up(operator) and isinstance(operator, (AveragePool, Mean)):
            return self._sum(operator, under[0])
        if self.plan.sums_up(operator) and isinstance(operator, Reduce):
            return self._reduce(operator, under[0])
        if isinstance(operator, Resize):
            return _resized_row(operator, step, self.graph.tensor(operator.inputs[0]).shape, under[0])
        if isinstance(operator, Rearrange):
            begin = reads[operator.inputs[0]].start * under[0][0, 0].size
            moved: Codes = under[0].ravel()[operator.places[step] - begin]
            return moved
        one_row = _of_one_row(operator, step, self.graph)
        made: Codes = golden.apply(one_row, self.graph, *under)[0, 0]
        return made

    def _reduce(self, operator: Reduce, rows: Codes) -> Codes | None:
        """Add rows to sums, or keep the largest or smallest of all. Return the result after the last one."""
        is_first, sums = self.step[operator.name] == 1, self.sums[operator.name]
        axes = tuple(1 + axis for axis in operator.axes)
        if operator.what in ("max", "min"):
            choose = np.maximum if operator.what == "max" else np.minimum
            own = choose.reduce(rows, axis=axes, keepdims=True).astype(np.int64).ravel()
            sums[:] = own if is_first else choose(sums, own)
        else:
            sums += rows.astype(np.int64).sum(axis=axes, keepdims=True).ravel()
        if self.step[operator.name] < self._steps(operator):
            return None
        made = sums.reshape(self.graph.tensor(operator.output).shape[1:])
        return made.astype(np.int8) if operator.what in ("max", "min") else golden.reduced(operator, self.graph, made)

    def _sum(self, operator: AveragePool | Mean, rows: Codes) -> Codes | None:
        """Add rows to a running sum. Return the mean after the last one."""
        self.sums[operator.name] += rows.astype(np.int64).sum(axis=(0, 1, 2))
        if self.step[operator.name] < self._steps(operator):
            return None
        height, width, _ = self.graph.tensor(operator.inputs[0]).shape
        return golden.mean_of_sums(operator, self.graph, self.sums[operator.name], height * width)

    def _rows_of(self, name: str, rows: range) -> Codes:
        """Return some rows as a map of a batch of one, int8 (1, rows, width, channels)."""
        _, width, channels = self.graph.tensor(name).shape
        return np.array([self.rows[name][y] for y in rows], np.int8).reshape(1, len(rows), width, channels)

    def _steps(self, operator: Operator) -> int:
        return steps(operator, self.graph)

    def _reads(self, operator: Operator) -> dict[str, range]:
        return rows_read(operator, self.step[operator.name], self.graph)


def _resized_row(operator: Resize, step: int, shape: Shape, under: Codes) -> Codes:
    """Return a row that a Resize makes of the rows that this step reads."""
    first, second, weights = (each[step : step + 1] for each in operator.taps(0, shape[0]))
    row: Codes = golden.resized(under, (first - first, second - first, weights), operator.taps(1, shape[1]))[0, 0]
    return row


def _of_one_row(operator: Operator, step: int, graph: Graph) -> Operator:
    """Return the same operator for a map of only the rows that a step reads.

    Its output is one row.
    """
    if isinstance(operator, Constant):
        return replace(operator, values=operator.values[step : step + 1])
    if isinstance(operator, Prelu) and operator.of_each_value:
        return replace(operator, codes=operator.codes[step : step + 1])
    shape, read = graph.tensor(operator.inputs[0]).shape, rows_read(operator, step, graph)[operator.inputs[0]]
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


def run(plan: LinePlan, inputs: Codes) -> dict[str, Codes]:
    """Stream a batch, image by image, from a reset on.

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
