"""What TFLite calls what an integer graph has, and how it codes an activation."""

from __future__ import annotations

import math

import numpy as np

from export.graph.operators import Add, Maximum, Minimum, Multiply, Operator, SquaredDifference, Subtract
from export.graph.tensor import INT8_MAX, INT8_MIN

# The operator of each kind of pair, and its options. Those without a fused activation clamp nothing.
PAIRS: dict[type[Operator], tuple[str, str]] = {
    Add: ("ADD", "Add"),
    Subtract: ("SUB", "Sub"),
    Multiply: ("MUL", "Mul"),
    SquaredDifference: ("SQUARED_DIFFERENCE", "SquaredDifference"),
    Maximum: ("MAXIMUM", "MaximumMinimum"),
    Minimum: ("MINIMUM", "MaximumMinimum"),
}
ACTIVATIONS = {"NONE": (None, None), "RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}
RESIZES = {  # by the method of a Resize
    "bilinear": ("RESIZE_BILINEAR", "ResizeBilinear"),
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor"),
}
REDUCTIONS = {"sum": "SUM", "mean": "MEAN", "max": "REDUCE_MAX", "min": "REDUCE_MIN"}
# The first version of the kernel that knows int8, per-channel scales where there are any; of all others it is 2.
FIRST_VERSIONS = {
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 5,
    "CAST": 1,
    "PRELU": 1,
    "RESHAPE": 1,
    "READ_VARIABLE": 1,
    "SVDF": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
}


def activation_range(name: str, scale: float, zero_point: int) -> tuple[int, int]:
    """The clamp of int8 codes that is one of ACTIVATIONS, as TFLite's kernels compute it: in float32."""

    def code(bound: float) -> int:
        quotient = float(np.float32(bound) / np.float32(scale))
        return zero_point + int(math.copysign(math.floor(min(abs(quotient), 2.0**31) + 0.5), quotient))

    minimum, maximum = ACTIVATIONS[name]
    return (
        INT8_MIN if minimum is None else max(code(minimum), INT8_MIN),
        INT8_MAX if maximum is None else min(code(maximum), INT8_MAX),
    )
