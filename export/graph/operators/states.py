"""Operators of networks that remember: a map is kept from one call to the next.

A call is one image. A network with states is a function of all images since its reset, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.graph.operators.operator import Operator
from export.graph.tensor import INT8_MAX, INT8_MIN, Shape, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadState(Operator):
    """The map that a WriteState kept in the call before; in the first call, `initial` everywhere.

    A row of it is made when the input's row is there: of that one nothing else is read.
    """

    shape: Shape
    initial: int

    def output_shape(self, *shapes: Shape) -> Shape:
        fits = len(self.shape) == 3 and min(self.shape) >= 1
        self._require(fits, f"shape is {self.shape}; it must be (height, width, channels)")
        return self.shape

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require(INT8_MIN <= self.initial <= INT8_MAX, f"initial is {self.initial}; it must be in -128..127")


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteState(Operator):
    """Keeps a map for the next call. It reads that map, and the ReadState that gives it back.

    A row of a state is kept after the row before it was read, so that both have one place in memory.
    """

    arity = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        kept, state = shapes
        self._require(kept == state, f"it keeps a map {kept} in a state {state}; they must be equal")
        return kept

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_equal_scales(*inputs, output)

    @property
    def state(self) -> str:
        """Name of the ReadState."""
        return self.inputs[1]
