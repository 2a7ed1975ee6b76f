"""Operators that slide a window over the map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.operators.operator import Operator, Pads, is_pair, is_pair_of_pairs
from export.graph.tensor import INT8_MAX, INT8_MIN, Shape, Size, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Window(Operator):
    """An operator that slides a window over the map.

    padding is TensorFlow's "same" or "valid", or the rows and columns: ((above, below), (left,
    right)).
    """

    strides: tuple[int, int] = (1, 1)
    padding: str | Pads = "valid"

    dilations = (1, 1)  # distance of the window's taps; a convolution may have another

    @property
    def kernel(self) -> Size:
        """Taps of the window: (height, width)."""
        raise NotImplementedError

    @property
    def extent(self) -> Size:
        """Height and width that the dilated window covers."""
        height, width = self.kernel
        return (height - 1) * self.dilations[0] + 1, (width - 1) * self.dilations[1] + 1

    def output_size(self, size: Size) -> Size:
        """Return height and width of the output for an input of this height and width."""
        return self._output_length(0, size), self._output_length(1, size)

    def _output_length(self, axis: int, size: Size) -> int:
        if self.padding == "same":
            return -(-size[axis] // self.strides[axis])
        return (size[axis] + sum(self.pads(size)[axis]) - self.extent[axis]) // self.strides[axis] + 1

    def pads(self, size: Size) -> Pads:
        """Return the padding: rows (above, below), columns (left, right).

        An odd one is below or to the right.
        """
        if isinstance(self.padding, tuple):
            return self.padding
        return (self._pads_of(0, size), self._pads_of(1, size)) if self.padding == "same" else ((0, 0), (0, 0))

    def _pads_of(self, axis: int, size: Size) -> tuple[int, int]:
        """Return TensorFlow's "same" padding along one axis."""
        covered = (self._output_length(axis, size) - 1) * self.strides[axis] + self.extent[axis]
        total = max(covered - size[axis], 0)
        return total // 2, total - total // 2

    def _windowed_shape(self, shape: Shape, channels: int) -> Shape:
        self._require(min(self.kernel) >= 1, f"window {self.kernel} is empty")
        for what in ("strides", "dilations"):
            steps = getattr(self, what)
            self._require(is_pair(steps) and min(steps) >= 1, f"{what} are {steps}; they must be two numbers from 1")
        # A window that is on padding alone would have nothing to pool.
        known = self.padding in ("same", "valid") or (
            is_pair_of_pairs(self.padding)
            and all(0 <= pad < extent for pads, extent in zip(self.padding, self.extent) for pad in pads)
        )
        expected = (
            f"'same', 'valid' or ((above, below), (left, right)), each less than the window's extent {self.extent}"
        )
        self._require(known, f"padding is {self.padding!r}; it must be {expected}")
        height, width = self.output_size(shape[:2])
        self._require(min(height, width) >= 1, f"window {self.kernel} does not fit into its input {shape[:2]}")
        return height, width, channels


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Window):
    """Base of Conv2D and DepthwiseConv2D: codes, a scale and bias per output channel, a clamp.

    scales are float32 (out,); bias is int32 (out,) in units of input scale * scales. ReLU is
    minimum = zero point.
    """

    codes: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    bias: npt.NDArray[np.int32]
    frozen: bool
    minimum: int = INT8_MIN
    maximum: int = INT8_MAX
    dilations: tuple[int, int] = (1, 1)

    def multipliers(self, input: Tensor, output: Tensor) -> npt.NDArray[np.float64]:
        """Return the requantisation factor of each output channel, in double as TFLite computes it."""
        return self._accumulator_scales(input) / np.float64(output.scale)

    def _accumulator_scales(self, input: Tensor) -> npt.NDArray[np.float64]:
        return np.float64(input.scale) * self.scales.astype(np.float64)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_array("scales", np.float32, (output.channels,))
        self._require_array("bias", np.int32, (output.channels,))
        self._require_clamp(self.minimum, self.maximum)
        self._require(bool(np.all(np.isfinite(self.scales) & (self.scales > 0))), "scales must be positive and finite")
        multipliers = self.multipliers(inputs[0], output)
        self._require_multiplier(multipliers.min())
        self._require_multiplier(multipliers.max())


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2D(Convolution):
    """Convolution. codes are int8 (out, kernel height, kernel width, in / groups).

    fully_connected: the scale of its sums is rounded to float32. TFLite does so in a
    FULLY_CONNECTED with one weight scale, but not in one with a scale per channel. Its kernel is
    the whole map, or 1x1. dense: its kernel is the whole map, so that it fits no other size.
    """

    groups: int = 1
    fully_connected: bool = False
    dense: bool = False

    @property
    def kernel(self) -> Size:
        _, height, width, _ = self.codes.shape
        return height, width

    @property
    def is_multiplied(self) -> bool:
        """Whether each input channel is a group, of which one or several output channels are made."""
        return self.groups > 1 and self.codes.shape[3] == 1

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        self._require_array("codes", np.int8, (None, None, None, None))
        out, _, _, depth = self.codes.shape
        fits = depth * self.groups == shape[2] and out % self.groups == 0
        self._require(fits, f"codes {self.codes.shape} in {self.groups} groups do not fit {shape[2]} input channels")
        plain = (self.groups, self.padding, self.strides, self.dilations) == (1, "valid", (1, 1), (1, 1))
        size, kernel = ("x".join(map(str, sides)) for sides in (shape[:2], self.kernel))
        fits = not self.dense or plain and size == kernel
        self._require(fits, f"it is a dense layer of a map of {kernel}; its input is {size}, and it fits no other size")
        fits = not self.fully_connected or plain and self.kernel in (shape[:2], (1, 1))
        self._require(
            fits, f"a fully connected kernel is the whole map {shape[:2]} or 1x1, at stride 1; got {self.kernel}"
        )
        return self._windowed_shape(shape, out)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        super().check(inputs, output)
        one_scale = not self.fully_connected or np.all(self.scales == self.scales[0])
        self._require(bool(one_scale), "a fully connected operator must have one scale for all its weights")

    def _accumulator_scales(self, input: Tensor) -> npt.NDArray[np.float64]:
        scales = super()._accumulator_scales(input)
        return scales.astype(np.float32).astype(np.float64) if self.fully_connected else scales

    def macs(self, output: Tensor) -> int:
        return output.size * math.prod(self.codes.shape[1:])


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthwiseConv2D(Convolution):
    """Depthwise convolution. codes are int8 (kernel height, kernel width, channels)."""

    @property
    def kernel(self) -> Size:
        height, width, _ = self.codes.shape
        return height, width

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        self._require_array("codes", np.int8, (None, None, shape[2]))
        return self._windowed_shape(shape, shape[2])

    def macs(self, output: Tensor) -> int:
        return output.size * math.prod(self.kernel)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Window):
    """Base of AveragePool and MaxPool: a window and an int8 clamp.

    Input and output share one scale.
    """

    window: tuple[int, int]
    minimum: int = INT8_MIN
    maximum: int = INT8_MAX

    @property
    def kernel(self) -> Size:
        return self.window

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return self._windowed_shape(shape, shape[2])

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_clamp(self.minimum, self.maximum)
        self._require_equal_scales(*inputs, output)


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePool(Pool):
    """Mean over a window, padding not counted: (sum +- n/2) / n towards zero."""

    def output_shape(self, *shapes: Shape) -> Shape:
        (height, width, _), (rows, columns) = shapes[0], self.window
        self._require_summable((min(height, rows), min(width, columns)))
        return super().output_shape(*shapes)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxPool(Pool):
    """Largest code of a window, padding not counted."""
