"""Operators on single values, and on the channels of single pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.operators.operator import ADD_LEFT_SHIFT, Operator
from export.graph.tensor import INT8_MAX, INT8_MIN, Shape, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelScale(Operator):
    """y = constant * x, one constant per channel, then clamped. Alpha of a blend, and 1 - alpha.

    The constants are scale * (codes - constant_zero_point), codes int8 (channels,).
    """

    codes: npt.NDArray[np.int8]
    scale: float
    constant_zero_point: int = 0
    frozen: bool = False
    minimum: int = INT8_MIN
    maximum: int = INT8_MAX

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_array("codes", np.int8, (output.channels,))
        shape = (1, 1, output.channels)
        Tensor(f"{self.name} (its constants)", shape, self.scale, self.constant_zero_point).check()
        self._require_clamp(self.minimum, self.maximum)
        self._require_multiplier(self.multiplier(inputs[0], output))

    def multiplier(self, input: Tensor, output: Tensor) -> float:
        """Return the requantisation factor of the product of two codes."""
        return input.scale * self.scale / output.scale

    def macs(self, output: Tensor) -> int:
        return output.size


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair(Operator):
    """Base of Add and Multiply: two maps of equal shape, value by value, and an int8 clamp."""

    minimum: int = INT8_MIN
    maximum: int = INT8_MAX

    arity = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        first, second = shapes
        verb = type(self).__name__.lower()
        self._require(first == second, f"it cannot {verb} shapes {first} and {second}; they must be equal")
        return first


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Pair):
    """Sum of two maps of equal shape, requantised, then clamped."""

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_clamp(self.minimum, self.maximum)
        coarsest = max(tensor.scale for tensor in inputs)
        # TFLite shifts the operands left by 20 bits. It aborts if the sum then had to be scaled up.
        fits = 2 * coarsest < 2**ADD_LEFT_SHIFT * output.scale
        self._require(fits, f"output scale {output.scale} is too fine for inputs of scale {coarsest}")

    def multipliers(self, first: Tensor, second: Tensor, output: Tensor) -> tuple[float, float, float]:
        """Return the factors of the first operand, the second, and their sum.

        Operands are shifted left before.
        """
        # The coarser operand has the factor 1/2, so that the sum of the two cannot overflow.
        unit = 2 * max(first.scale, second.scale)
        return first.scale / unit, second.scale / unit, unit / (2**ADD_LEFT_SHIFT * output.scale)


@dataclass(frozen=True, kw_only=True, eq=False)
class Multiply(Pair):
    """Product of two maps of equal shape, requantised, then clamped."""

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_clamp(self.minimum, self.maximum)
        first, second = inputs
        self._require_multiplier(self.multiplier(first, second, output))

    def multiplier(self, first: Tensor, second: Tensor, output: Tensor) -> float:
        """Return the requantisation factor of the product of two codes."""
        return first.scale * second.scale / output.scale


@dataclass(frozen=True, kw_only=True, eq=False)
class Lookup(Operator):
    """Any function of one code. table is int8 (256,): entry i is the output for code i - 128.

    breakpoints are the (x, y) pairs of the piecewise-linear function that filled the table, for
    descriptions.
    """

    table: npt.NDArray[np.int8]
    frozen: bool = False
    breakpoints: tuple[tuple[float, float], ...] = ()

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_array("table", np.int8, (256,))


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Operator):
    """Softmax over the channels of each pixel: exp(beta * x) / sum.

    Its output has scale 1/256 and zero point -128.
    """

    beta: float = 1.0

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        self._require(shape[2] < 2**12, f"it can sum up to 4095 channels; its input has {shape[2]}")
        return shape

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        coding = (output.scale, output.zero_point)
        self._require(coding == (2.0**-8, -128), f"its output is {coding}; scale and zero point must be 1/256 and -128")
        scale = inputs[0].scale
        self._require(
            self.multiplier(inputs[0]) > 1,
            f"its input has scale {scale:g}, so that all its codes stand for nearly the same number; times beta "
            f"{self.beta:g} it must be above 2^-26, 1.5e-8. Train the network before it is converted",
        )

    def multiplier(self, input: Tensor) -> float:
        """Return the factor from a difference of codes to 26 fractional bits, capped like TFLite."""
        return min(self.beta * input.scale * 2.0**26, 2.0**31 - 1)
