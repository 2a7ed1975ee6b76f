"""Where everything lies in a task image: a second reading of the format, from the text in export/datapath/task_image.py."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.datapath import structure
from export.graph.operators import (
    Add,
    ChannelScale,
    Constant,
    Convolution,
    DepthwiseConv2D,
    LogSoftmax,
    Lookup,
    Lstm,
    MatMul,
    Mean,
    Multiply,
    Prelu,
    Reduce,
    Softmax,
    SquaredDifference,
    Subtract,
    Svdf,
    Wire,
)
from export.streaming.line_plan import LinePlan

HEADER_BYTES = 80

FACTORS = {ChannelScale: 1, Multiply: 1, MatMul: 1, Mean: 1, Softmax: 1, Prelu: 2, LogSoftmax: 2, Svdf: 2, Lstm: 9}
FACTORS |= dict.fromkeys((Add, Subtract, SquaredDifference), 3)


@dataclass(frozen=True)
class Part:
    """A part of a stage's section.

    Attributes:
        what: "bias", "biases" (of a recurrent operator), "words" (multiplier and shift in one), "multipliers", "shifts",
            "codes", "recurrent_codes", "time_codes", "values", "paired" (codes: output channel, four, word, half),
            "factors" (pairs of multiplier and shift), "table", "smallest" or "switch".
    """

    stage: str
    what: str
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes, without padding."""
        return self.dtype.itemsize * int(np.prod(self.shape))

    def of(self, image: bytes) -> np.ndarray:
        """What an image has there."""
        return np.frombuffer(image, self.dtype, int(np.prod(self.shape)), self.offset).reshape(self.shape)


def parts(plan: LinePlan) -> Iterator[Part]:
    """The parts of all sections, one behind the other, each padded to 4 bytes."""
    offset = HEADER_BYTES
    for stage in plan.stages:
        for what, dtype, shape in _section(stage.operator, plan):
            part = Part(stage.operator.name, what, offset, np.dtype(dtype), shape)
            yield part
            offset += part.size + -part.size % 4


def _codes(operator, graph):
    if graph.metadata.get("flash") != "fast" or isinstance(operator, DepthwiseConv2D):
        return "codes", "i1", operator.codes.shape
    return "paired", "<i2", (len(operator.codes), (operator.codes[0].size + 3) // 4, 2, 2)


def _section(operator, plan):
    if isinstance(operator, Convolution):
        channels = (plan.graph.tensor(operator.name).channels,)
        yield "bias", "<i4", channels
        if structure.needs_wide_multiplier(operator, plan.graph):
            yield "multipliers", "<i4", channels
            yield "shifts", "i1", channels
        else:
            yield "words", "<i4", channels
        if not operator.frozen:
            yield _codes(operator, plan.graph)
    factors = FACTORS.get(type(operator), 0)
    if isinstance(operator, Reduce):
        factors = int(operator.what in ("sum", "mean"))
    if factors:
        yield "factors", "<i4", (factors, 2)
    if isinstance(operator, Lstm):
        yield "biases", "<i4", (2, *operator.bias.shape)
        yield "codes", "i1", operator.codes.shape
        yield "recurrent_codes", "i1", operator.recurrent_codes.shape
    if isinstance(operator, Svdf):
        yield "biases", "<i4", (operator.units + len(operator.codes),)
        yield "time_codes", "<i2", operator.time_codes.shape
        yield "codes", "i1", operator.codes.shape
    if isinstance(operator, ChannelScale | Prelu):
        yield "codes", "i1", operator.codes.shape
    if isinstance(operator, Softmax | LogSoftmax):
        yield "smallest", "<i4", (1,)
    if isinstance(operator, Lookup):
        yield "table", "i1", (256,)
    if isinstance(operator, Wire) and operator.core_shuffle:
        yield "switch", "<i4", (1,)
    if isinstance(operator, Constant):
        yield "values", "i1", operator.values.shape
