"""Products of two maps that are both computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from export.graph.operators.operator import Operator
from export.graph.tensor import Shape, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class MatMul(Operator):
    """Products of matrices, one per row of two maps: TFLite's BATCH_MATMUL, whose second operand is transposed.

    Each pixel of the first map is multiplied with each of the second one, channel by channel, and the sum is a channel of
    the output: (height, width, channels) and (height, other width, channels) make (height, width, other width).
    """

    arity = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        (height, width, channels), second = shapes
        fits = second[0] == height and second[2] == channels
        self._require(fits, f"it cannot multiply {shapes[0]} by {second}; rows and channels must be equal")
        return height, width, second[1]

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_multiplier(self.multiplier(inputs[0], inputs[1], output))

    def multiplier(self, first: Tensor, second: Tensor, output: Tensor) -> float:
        """Return the requantisation factor of a sum. TFLite multiplies the scales in float32."""
        with np.errstate(over="ignore", under="ignore"):  # of scales that are then refused
            return float(np.float32(first.scale) * np.float32(second.scale)) / output.scale
