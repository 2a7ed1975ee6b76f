"""The operators of an integer graph: what each one computes in int8 codes, and what it requires.

Each operator makes one tensor. A tensor is an int8 map of (height, width, channels) without a
batch.
"""

from __future__ import annotations

from export.graph.operators.moves import Constant, Join, Pad, Rearrange, Resize, Wire, switched_sources
from export.graph.operators.operator import ADD_LEFT_SHIFT, SQUARE_LEFT_SHIFT, Operator, Pads
from export.graph.operators.products import MatMul
from export.graph.operators.recurrent import Lstm, Recurrent, Svdf
from export.graph.operators.states import ReadState, WriteState
from export.graph.operators.sums import ArgMax, LogSoftmax, Mean, Normalize, Reduce, Softmax
from export.graph.operators.values import (
    Add,
    ChannelScale,
    Extreme,
    Lookup,
    Maximum,
    Minimum,
    Multiply,
    Pair,
    Prelu,
    SquaredDifference,
    Subtract,
)
from export.graph.operators.windows import (
    AveragePool,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    MaxPool,
    Pool,
    Window,
)

__all__ = [
    "ADD_LEFT_SHIFT",
    "Add",
    "ArgMax",
    "AveragePool",
    "ChannelScale",
    "Constant",
    "Conv2D",
    "Convolution",
    "DepthwiseConv2D",
    "Extreme",
    "Join",
    "LogSoftmax",
    "Lookup",
    "Lstm",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Mean",
    "Minimum",
    "Multiply",
    "OPERATORS",
    "Normalize",
    "Operator",
    "Pad",
    "Pads",
    "Pair",
    "Pool",
    "Prelu",
    "ReadState",
    "Rearrange",
    "Recurrent",
    "Reduce",
    "Resize",
    "SQUARE_LEFT_SHIFT",
    "Softmax",
    "SquaredDifference",
    "Subtract",
    "Svdf",
    "Window",
    "Wire",
    "WriteState",
    "is_frozen",
    "switched_sources",
]

OPERATORS: dict[str, type[Operator]] = {
    kind.__name__: kind
    for kind in (
        Conv2D,
        DepthwiseConv2D,
        ChannelScale,
        Add,
        Subtract,
        Multiply,
        MatMul,
        SquaredDifference,
        Maximum,
        Minimum,
        Prelu,
        AveragePool,
        MaxPool,
        Mean,
        Reduce,
        ArgMax,
        Normalize,
        Pad,
        Resize,
        Rearrange,
        Join,
        Constant,
        ReadState,
        WriteState,
        Lstm,
        Svdf,
        Lookup,
        Softmax,
        LogSoftmax,
        Wire,
    )
}


def is_frozen(operator: Operator) -> bool:
    """Whether the codes of an operator are taped out."""
    return isinstance(operator, Convolution) and operator.frozen
