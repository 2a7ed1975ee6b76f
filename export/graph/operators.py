"""The operators of an integer graph: what each one computes in int8 codes, and what it requires.

Each operator makes one tensor. A tensor is an int8 map of (height, width, channels) without a
batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from export.graph.tensor import INT8_MAX, INT8_MIN, GraphError, Shape, Size, Tensor

ADD_LEFT_SHIFT = 20  # TFLite shifts the operands of ADD left by 20 bits before it scales them
MOST_SUMMED = 2**23  # values of a pool: the sum of so many codes, less any zero point, fits into 32 bits

Pads = tuple[tuple[int, int], tuple[int, int]]  # rows (above, below), columns (left, right)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(n, int) for n in value)


def _is_pair_of_pairs(value: object) -> TypeGuard[Pads]:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_pair, value))


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """One step of a graph.

    It reads the tensors in `inputs` and makes the tensor that has its own name.
    """

    name: str
    inputs: tuple[str, ...]

    arity = 1  # number of tensors that it reads; 0: any number

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):  # constants of a graph never change
                constant = np.array(value, order="C")
                constant.setflags(write=False)
                object.__setattr__(self, each.name, constant)

    @property
    def output(self) -> str:
        """Name of the tensor that it makes."""
        return self.name

    def output_shape(self, *shapes: Shape) -> Shape:
        """Return the shape of its output for inputs of these shapes.

        Raises GraphError if they do not fit.
        """
        return shapes[0]

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        """Raise GraphError unless constants, scales and zero points fit each other.

        Shapes are checked before.
        """

    def macs(self, output: Tensor) -> int:
        """Return the number of multiplications by constants per input.

        Taps on padding count too.
        """
        return 0

    def _require(self, condition: bool, what: str) -> None:
        if not condition:
            raise GraphError(f"{self.name}: {what}")

    def _require_array(self, what: str, dtype: type, shape: tuple[int | None, ...]) -> None:
        array = getattr(self, what)
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        expected = f"{np.dtype(dtype).name} ({', '.join('any' if n is None else str(n) for n in shape)})"
        fits = isinstance(array, np.ndarray) and array.dtype == dtype and array.ndim == len(shape)
        fits = fits and all(n in (None, m) for n, m in zip(shape, array.shape))
        self._require(fits, f"{what} is {got}; it must be {expected}")

    def _require_clamp(self, minimum: int, maximum: int) -> None:
        fits = INT8_MIN <= minimum <= maximum <= INT8_MAX
        self._require(fits, f"the clamp is {minimum}..{maximum}; it must be a range within -128..127")

    def _require_multiplier(self, multiplier: float) -> None:
        fits = 0 < multiplier < 2**30
        self._require(fits, f"requantisation multiplies by {multiplier:.3g}; it must be between 0 and 2^30")

    def _require_summable(self, size: Size) -> None:
        most = f"at most {MOST_SUMMED} (2^23) fit into 32 bits"
        self._require(math.prod(size) <= MOST_SUMMED, f"it sums {size[0]}x{size[1]} values per channel; {most}")

    def _require_equal_scales(self, *tensors: Tensor) -> None:
        codings = {(tensor.scale, tensor.zero_point) for tensor in tensors}
        got = ", ".join(f"{tensor.name} {tensor.scale}/{tensor.zero_point}" for tensor in tensors)
        self._require(len(codings) == 1, f"its tensors must share one scale and zero point; got {got}")


# --- Windows ----------------------------------------------------------------------------------------------------------


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
            self._require(_is_pair(steps) and min(steps) >= 1, f"{what} are {steps}; they must be two numbers from 1")
        # A window that is on padding alone would have nothing to pool.
        known = self.padding in ("same", "valid") or (
            _is_pair_of_pairs(self.padding)
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


# --- Value by value ---------------------------------------------------------------------------------------------------


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


# --- Pixel by pixel, and moving bytes ---------------------------------------------------------------------------------


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Pad(Operator):
    """Puts one code, `value`, around the map.

    padding is ((above, below), (left, right), (before, after)): rows, columns and channels.
    Convolutions and pools have padding of their own; this is for all other cases.
    """

    padding: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    value: int

    def output_shape(self, *shapes: Shape) -> Shape:
        sides = self.padding
        fits = len(sides) == 3 and all(_is_pair(side) and min(side) >= 0 for side in sides)
        self._require(fits, f"padding is {sides}; it must be three pairs of numbers from 0: rows, columns, channels")
        (height, width, channels), (rows, columns, around) = shapes[0], sides
        return height + sum(rows), width + sum(columns), channels + sum(around)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require(INT8_MIN <= self.value <= INT8_MAX, f"value is {self.value}; it must be in -128..127")
        self._require_equal_scales(*inputs, output)


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire(Operator):
    """Moves channels without changing a byte: concatenation, split, shuffle, core shuffle.

    sources are int (channels out, 2): output channel i is channel sources[i, 1] of input sources[i,
    0]. core_shuffle marks a switch: a task chooses whether the second half of the channels comes
    from input 1 or, as all others, from input 0.
    """

    sources: npt.NDArray[np.integer]
    core_shuffle: bool = False

    arity = 0

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, _ = shapes[0]
        sizes = {shape[:2] for shape in shapes}
        self._require(len(sizes) == 1, f"its inputs must have one height and width; got {sorted(sizes)}")
        array = self.sources
        pairs = isinstance(array, np.ndarray) and array.ndim == 2 and array.shape[1] == 2 and array.dtype.kind in "iu"
        self._require(pairs and len(array) > 0, "sources must be an integer array (channels out, 2)")
        for input, channel in array.tolist():
            exists = 0 <= input < len(shapes) and 0 <= channel < shapes[input][2]
            self._require(exists, f"it reads channel {channel} of input {input}, which does not exist")
        return height, width, len(array)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_equal_scales(*(inputs[i] for i in np.unique(self.sources[:, 0])), output)
        own, swapped = (switched_sources(output.channels, on).tolist() for on in (False, True))
        fits = not self.core_shuffle or len(inputs) == 2 and self.sources.tolist() in (own, swapped)
        self._require(fits, "a core shuffle takes all channels of input 0, or the second half of them from input 1")

    @property
    def is_on(self) -> bool:
        """Whether a core shuffle swaps."""
        return bool(self.sources[-1, 0])


def switched_sources(channels: int, on: bool) -> npt.NDArray[np.integer]:
    """Return the sources of a core shuffle of this many channels that is on or off."""
    return np.array([(int(on and channel >= channels // 2), channel) for channel in range(channels)])


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
        Lookup,
        Softmax,
        Wire,
    )
}


def is_frozen(operator: Operator) -> bool:
    """Whether the codes of an operator are taped out."""
    return isinstance(operator, Convolution) and operator.frozen
