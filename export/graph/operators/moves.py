"""Operators that move values: to other channels, into a frame, to a map of another size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from export.graph.limits import MOST_SIDES, MOST_VALUES
from export.graph.operators.operator import Operator, is_pair
from export.graph.tensor import INT8_MAX, INT8_MIN, Shape, Tensor

Ints = npt.NDArray[np.int64]

ONE = 1 << 10  # of the places and weights of RESIZE_BILINEAR


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
        fits = len(sides) == 3 and all(is_pair(side) and min(side) >= 0 for side in sides)
        self._require(fits, f"padding is {sides}; it must be three pairs of numbers from 0: rows, columns, channels")
        (height, width, channels), (rows, columns, around) = shapes[0], sides
        return height + sum(rows), width + sum(columns), channels + sum(around)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require(INT8_MIN <= self.value <= INT8_MAX, f"value is {self.value}; it must be in -128..127")
        self._require_equal_scales(*inputs, output)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resize(Operator):
    """The map in another size: each pixel mixes two pixels of each of two rows, or is a copy of one ("nearest").

    As RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of TensorFlow Lite Micro compute it: the former with
    places and weights in units of 1/1024, the latter with places in float32.
    """

    size: tuple[int, int]
    method: str = "bilinear"
    align_corners: bool = False
    half_pixel_centers: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        ((height, width, channels),) = shapes
        fits = is_pair(self.size) and 0 < min(self.size) and max(self.size) <= max(MOST_SIDES)
        self._require(fits, f"size is {self.size}; it must be (height, width) of a map")
        self._require(
            self.method in ("bilinear", "nearest"), f"method is {self.method!r}; expected bilinear or nearest"
        )
        both = self.method == "bilinear" and self.align_corners and self.half_pixel_centers
        self._require(not both, "it cannot both align corners and have half pixel centers")
        for axis, length in enumerate((height, width)):
            first, second, _ = self.taps(axis, length)
            within = bool(np.all((0 <= first) & (first <= second) & (second < length)))
            self._require(within, f"resizing {length} to {self.size[axis]} reads beyond the map in TFLite")
        return (*self.size, channels)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_equal_scales(*inputs, output)

    def taps(self, axis: int, length: int) -> tuple[Ints, Ints, Ints]:
        """Return what each output row (axis 0) or column (axis 1) is made of, for an input of this length.

        Returns: the first place, the second, and the second's weight in units of 1/1024.
        """
        made = self.size[axis]
        places = np.arange(made, dtype=np.int64)
        lengths = (length - 1, made - 1) if self.align_corners and made > 1 else (length, made)
        if self.method == "nearest":
            exact = (places.astype(np.float32) + np.float32(self.half_pixel_centers / 2)) * (
                np.float32(lengths[0]) / np.float32(lengths[1])
            )
            nearest = np.floor(exact.astype(np.float64) + 0.5 * self.align_corners)
            nearest = np.minimum(nearest.astype(np.int64), length - 1)
            return nearest, nearest, np.zeros_like(nearest)
        step = (ONE * lengths[0] + lengths[1] // 2) // lengths[1]
        between = np.maximum(places * step + (step // 2 - ONE // 2 if self.half_pixel_centers else 0), 0)
        first, second = between // ONE, np.minimum((between + ONE - 1) // ONE, length - 1)
        # Where both are one pixel, TFLM's weights are those of that pixel twice, and their sum is 1.
        return first, second, np.where(second > first, between - ONE * first, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rearrange(Operator):
    """Moves values from one pixel to another: reshaped, transposed, sliced, or any of these after another.

    Its values, in their order, are those of nested loops over the input's: `sizes` and `steps` of the
    loops, outermost first, from the place `first` on. A loop can step backwards, or stand still.
    """

    shape: tuple[int, int, int]
    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    first: int = 0

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,), made = shapes, self.shape
        fits = min(made) > 0 and len(self.sizes) == len(self.steps) > 0 and min(self.sizes) > 0
        self._require(fits, f"its loops are {self.sizes} and {self.steps}; they must be as many, of 1 step at least")
        counts = math.prod(self.sizes), math.prod(made)
        self._require(counts[0] == counts[1], f"its loops make {counts[0]} values; {made} has {counts[1]}")
        self._require(counts[1] <= MOST_VALUES, f"it makes {counts[1]} values; a map can have up to {MOST_VALUES}")
        ends = [step * (size - 1) for size, step in zip(self.sizes, self.steps)]
        least, most = (self.first + sum(chosen(end, 0) for end in ends) for chosen in (min, max))
        self._require(0 <= least and most < math.prod(shape), f"its loops read places {least} to {most} of {shape}")
        return made

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_equal_scales(*inputs, output)

    @cached_property
    def places(self) -> Ints:
        """The place in the input of each of its values, in the shape of the output."""
        places = np.array([self.first])
        for size, step in zip(self.sizes, self.steps):
            places = (places[:, None] + step * np.arange(size)).ravel()
        return places.reshape(self.shape)

    def rows(self, row_values: int) -> tuple[Ints, Ints]:
        """Return the first and the last row of the input that each row reads; a row of it has so many values."""
        of_row = self.places.reshape(self.shape[0], -1) // row_values
        return of_row.min(axis=1), of_row.max(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Join(Operator):
    """Puts maps below (axis 0) or beside (axis 1) each other. Along the channels, a Wire does."""

    axis: int

    arity = 0

    def output_shape(self, *shapes: Shape) -> Shape:
        self._require(self.axis in (0, 1), f"axis is {self.axis}; it must be 0, rows, or 1, columns")
        self._require(len(set(self.inputs)) == len(self.inputs), "it reads a tensor twice")
        others = {shape[: self.axis] + shape[self.axis + 1 :] for shape in shapes}
        self._require(
            len(others) == 1, f"its inputs have shapes {shapes}; they must differ along axis {self.axis} only"
        )
        height, width, channels = shapes[0]
        total = sum(shape[self.axis] for shape in shapes)
        return (total, width, channels) if self.axis == 0 else (height, total, channels)

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_equal_scales(*inputs, output)


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant(Operator):
    """A map that never changes. values are int8 (height, width, channels).

    A row of it is made when the input's row is there: of that one nothing else is read.
    """

    values: npt.NDArray[np.int8]

    def output_shape(self, *shapes: Shape) -> Shape:
        ((height, _, _),) = shapes
        self._require_array("values", np.int8, (height, None, None))
        _, width, channels = self.values.shape
        return height, width, channels


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
        self._require_equal_scales(*(inputs[i] for i in sorted(set(self.sources[:, 0].tolist()))), output)
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
