"""The operators of an integer graph: what each one computes in int8 codes, and what it requires.

Each operator makes one tensor. A tensor is an int8 map of (height, width, channels) without a
batch.
"""

from __future__ import annotations

from export.graph.operators.moves import Pad, Resize, Wire, switched_sources
from export.graph.operators.operator import ADD_LEFT_SHIFT, Operator, Pads
from export.graph.operators.values import Add, ChannelScale, Lookup, Multiply, Pair, Softmax
from export.graph.operators.windows import (
    AveragePool,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    MaxPool,
    Mean,
    Pool,
    Window,
)

__all__ = [
    "ADD_LEFT_SHIFT",
    "Add",
    "AveragePool",
    "ChannelScale",
    "Conv2D",
    "Convolution",
    "DepthwiseConv2D",
    "Lookup",
    "MaxPool",
    "Mean",
    "Multiply",
    "OPERATORS",
    "Operator",
    "Pad",
    "Pads",
    "Pair",
    "Pool",
    "Resize",
    "Softmax",
    "Window",
    "Wire",
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
        Multiply,
        AveragePool,
        MaxPool,
        Mean,
        Pad,
        Resize,
        Lookup,
        Softmax,
        Wire,
    )
}


def is_frozen(operator: Operator) -> bool:
    """Whether the codes of an operator are taped out."""
    return isinstance(operator, Convolution) and operator.frozen
