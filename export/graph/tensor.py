"""The tensors of an integer graph, and the error of everything that a graph cannot be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.limits import MOST_SIDES, MOST_VALUES

INT8_MIN, INT8_MAX = -128, 127

Shape = tuple[int, int, int]  # height, width, channels
Size = tuple[int, int]  # height, width


MOST_LETTERS = 500  # of a message; a file may have any names in any number


class OneLineError(ValueError):
    """An error whose message is one line that can be read, whatever a file put into it."""

    def __init__(self, message: str):
        text = " ".join(message.split())
        super().__init__(text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}...")


class GraphError(OneLineError):
    """An invalid graph.

    The message names the operator or tensor, what it has and what is expected.
    """


@dataclass(frozen=True)
class Tensor:
    """An int8 map without a batch. value = scale * (code - zero_point); scale is a float32 number."""

    name: str
    shape: Shape
    scale: float
    zero_point: int = 0

    @property
    def exponent(self) -> int:
        """n of a fixed8 scale 2^-n. Raises GraphError for any other scale."""
        mantissa, exponent = math.frexp(self.scale)
        if mantissa != 0.5:
            raise GraphError(f"{self.name}: scale {self.scale} is not a power of two, so it has no exponent")
        return 1 - exponent

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.shape[2]

    @property
    def size(self) -> int:
        """Total number of values, which is the number of bytes."""
        return math.prod(self.shape)

    @property
    def batch(self) -> str:
        """Shape of a batch of such maps, as text."""
        return f"(batch, {', '.join(map(str, self.shape))})"

    def real(self, codes: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
        """Return what codes stand for, in float32."""
        return (codes.astype(np.float32) - self.zero_point) * np.float32(self.scale)

    def check(self) -> None:
        """Raise GraphError unless shape, scale and zero point are valid."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GraphError(
                f"{self.name}: shape is {self.shape}; it must be (height, width, channels), each at least 1"
            )
        if any(size > most for size, most in zip(self.shape, MOST_SIDES)) or self.size > MOST_VALUES:
            raise GraphError(
                f"{self.name}: shape is {'x'.join(map(str, self.shape))}; a map can have up to "
                f"{'x'.join(map(str, MOST_SIDES))}, and {MOST_VALUES:,} values"
            )
        if not (self.scale > 0 and math.isfinite(self.scale) and float(np.float32(self.scale)) == self.scale):
            raise GraphError(f"{self.name}: scale is {self.scale!r}; it must be a positive float32 number")
        if not INT8_MIN <= self.zero_point <= INT8_MAX:
            raise GraphError(f"{self.name}: zero_point is {self.zero_point}; it must be in -128..127")
