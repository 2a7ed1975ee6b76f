"""Operators on single values of one map or of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.operators.operator import ADD_LEFT_SHIFT, SQUARE_LEFT_SHIFT, Operator
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
    """Base of Add, Multiply and the like: two maps of equal shape, value by value, and an int8 clamp."""

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
class Subtract(Add):
    """The first map less the second one, of equal shape, requantised, then clamped."""


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
class SquaredDifference(Pair):
    """Square of the difference of two maps of equal shape, requantised."""

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_clamp(self.minimum, self.maximum)
        self._require_multiplier(self.multipliers(inputs[0], inputs[1], output)[2])

    def multipliers(self, first: Tensor, second: Tensor, output: Tensor) -> tuple[float, float, float]:
        """Return the factors of the first operand, the second, and their difference's square.

        Operands are shifted left by SQUARE_LEFT_SHIFT before.
        """
        unit = 2 * max(first.scale, second.scale)
        return first.scale / unit, second.scale / unit, unit * unit / (2 ** (2 * SQUARE_LEFT_SHIFT) * output.scale)


@dataclass(frozen=True, kw_only=True, eq=False)
class Extreme(Pair):
    """Base of Maximum and Minimum: the codes of two maps of equal shape are compared, whatever their scales."""

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_clamp(self.minimum, self.maximum)


@dataclass(frozen=True, kw_only=True, eq=False)
class Maximum(Extreme):
    """The larger of two values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Minimum(Extreme):
    """The smaller of two values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prelu(Operator):
    """y = x where x is not negative, else slope * x, with one slope per channel or one per value.

    The slopes are scale * (codes - constant_zero_point), codes int8 (channels,) or (height, width,
    channels).
    """

    codes: npt.NDArray[np.int8]
    scale: float
    constant_zero_point: int = 0

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_array("codes", np.int8, output.shape if self.of_each_value else (output.channels,))
        shape = (1, 1, output.channels)
        Tensor(f"{self.name} (its slopes)", shape, self.scale, self.constant_zero_point).check()
        for multiplier in self.multipliers(inputs[0], output):
            self._require_multiplier(multiplier)

    @property
    def of_each_value(self) -> bool:
        """Whether it has one slope per value."""
        return np.ndim(self.codes) == 3

    def multipliers(self, input: Tensor, output: Tensor) -> tuple[float, float]:
        """Return the factors of values that are not negative, and of the others times their slope."""
        return input.scale / output.scale, input.scale * self.scale / output.scale

    def macs(self, output: Tensor) -> int:
        return output.size


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
