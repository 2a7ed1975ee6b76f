"""What all operators have in common, and the checks that several of them need."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeGuard

import numpy as np

from export.graph.tensor import INT8_MAX, INT8_MIN, GraphError, Shape, Size, Tensor

ADD_LEFT_SHIFT = 20  # TFLite shifts the operands of ADD left by 20 bits before it scales them
SQUARE_LEFT_SHIFT = 7  # and those of SQUARED_DIFFERENCE by 7
MOST_SUMMED = 2**23  # values of a pool: the sum of so many codes, less any zero point, fits into 32 bits

Pads = tuple[tuple[int, int], tuple[int, int]]  # rows (above, below), columns (left, right)


def is_pair(value: object) -> bool:
    """Return whether it is a tuple of two integers."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(n, int) for n in value)


def is_pair_of_pairs(value: object) -> TypeGuard[Pads]:
    """Return whether it is a tuple of two such pairs."""
    return isinstance(value, tuple) and len(value) == 2 and all(map(is_pair, value))


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
