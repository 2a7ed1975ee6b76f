"""Operators that make one value of many: of the channels of a pixel, or of a whole map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from export.graph.operators.operator import MOST_SUMMED, Operator
from export.graph.tensor import Shape, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Mean(Operator):
    """Mean over the whole map, one value per channel, requantised: TFLite's MEAN."""

    def output_shape(self, *shapes: Shape) -> Shape:
        ((height, width, channels),) = shapes
        self._require_summable((height, width))
        return 1, 1, channels

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_multiplier(self.multiplier(inputs[0], output))

    def multiplier(self, input: Tensor, output: Tensor) -> float:
        """Return the requantisation factor of the mean."""
        return input.scale / output.scale


REDUCTIONS = ("sum", "mean", "max", "min")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduce(Operator):
    """Sum, mean, largest or smallest value over rows (axis 0), columns (1) or channels (2), or several of them.

    Sums and means are requantised: TFLite's SUM, MEAN, REDUCE_MAX and REDUCE_MIN.
    """

    what: str
    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        self._require(self.what in REDUCTIONS, f"it computes {self.what!r}; expected one of {', '.join(REDUCTIONS)}")
        known = bool(self.axes) and set(self.axes) <= {0, 1, 2} and list(self.axes) == sorted(set(self.axes))
        self._require(known, f"its axes are {self.axes}; they must be some of 0, 1 and 2, in this order")
        height, width, channels = (1 if axis in self.axes else size for axis, size in enumerate(shape))
        self._require(self.count(shape) <= MOST_SUMMED, f"it sums {self.count(shape)} values; {MOST_SUMMED} fit")
        return height, width, channels

    def count(self, shape: Shape) -> int:
        """Return how many values of an input of this shape make one."""
        return math.prod(shape[axis] for axis in self.axes)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        if self.what in ("max", "min"):
            self._require_equal_scales(*inputs, output)
        self._require_multiplier(self.multiplier(inputs[0], output))

    def multiplier(self, input: Tensor, output: Tensor) -> float:
        """Return the requantisation factor of the sum or the mean."""
        return input.scale / output.scale


@dataclass(frozen=True, kw_only=True, eq=False)
class ArgMax(Operator):
    """The channel that has a pixel's largest value, the first of several. Its code is the channel's number - 128."""

    def output_shape(self, *shapes: Shape) -> Shape:
        ((height, width, channels),) = shapes
        self._require(channels <= 256, f"it chooses one of {channels} channels; a code can name up to 256")
        return height, width, 1

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        coding = (output.scale, output.zero_point)
        self._require(coding == (1.0, -128), f"its output is {coding}; scale and zero point must be 1 and -128")


@dataclass(frozen=True, kw_only=True, eq=False)
class OverChannels(Operator):
    """Base of Normalize, Softmax and LogSoftmax: each pixel by a sum over its channels.

    `most` is how many channels the sum can hold, `coding` the output's scale and zero point.
    """

    most: ClassVar[int]
    coding: ClassVar[tuple[float, int]]

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        self._require(shape[2] <= self.most, f"it can sum up to {self.most} channels; its input has {shape[2]}")
        return shape

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        found, (scale, zero_point) = (output.scale, output.zero_point), self.coding
        expected = f"1/{1 / scale:.0f} and {zero_point}"
        self._require(found == self.coding, f"its output is {found}; scale and zero point must be {expected}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalize(OverChannels):
    """The channels of each pixel, divided by the root of the sum of their squares: TFLite's L2_NORMALIZATION.

    Its output has scale 1/128 and zero point 0.
    """

    most, coding = 2**15 - 1, (2.0**-7, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(OverChannels):
    """Softmax over the channels of each pixel: exp(beta * x) / sum.

    Its output has scale 1/256 and zero point -128.
    """

    beta: float = 1.0

    most, coding = 2**12 - 1, (2.0**-8, -128)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        super().check(inputs, output)
        scale = inputs[0].scale
        self._require(
            self.multiplier(inputs[0]) > 1,
            f"its input has scale {scale:g}, so that all its codes stand for nearly the same number; times beta "
            f"{self.beta:g} it must be above 2^-26, 1.5e-8. Train the network before it is converted",
        )

    def multiplier(self, input: Tensor) -> float:
        """Return the factor from a difference of codes to 26 fractional bits, capped like TFLite."""
        return min(self.beta * input.scale * 2.0**26, 2.0**31 - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class LogSoftmax(OverChannels):
    """Logarithm of the softmax over the channels of each pixel.

    Its output has scale 1/16 and zero point 127.
    """

    most, coding = 2**12 - 1, (2.0**-4, 127)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        super().check(inputs, output)
        multiplier = self.multiplier(inputs[0])
        self._require(2 < multiplier < 2.0**31 - 1, f"its input has scale {inputs[0].scale:g}; expected 2^-25 to 2^5")

    def multiplier(self, input: Tensor) -> float:
        """Return the factor from a difference of codes to 26 fractional bits."""
        return input.scale * 2.0**26
