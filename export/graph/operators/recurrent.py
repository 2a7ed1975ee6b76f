"""Operators of networks for sequences: each row of their input is one step, and they remember the steps before it.

What they remember goes on from one call to the next, as the states of export.graph.operators.states do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.operators.operator import Operator
from export.graph.tensor import GraphError, Shape, Tensor

GATES = ("input", "forget", "cell", "output")  # of an LSTM, in the order of its codes
GATE_BITS = 12  # fractional bits of what comes into the curve of a gate
CURVE_BITS = 15  # and of what comes out of it
INT16_MAX = 2**15 - 1
FEWEST_CELL_BITS, MOST_CELL_BITS = -2, 30


@dataclass(frozen=True)
class Memory:
    """Numbers that an operator keeps from step to step: how many, of how many bytes each, and their value after a reset."""

    count: int
    bytes: int
    initial: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Recurrent(Operator):
    """Base of Lstm and Svdf: a row of the output is made of that of the input and of memories. Rows have one pixel."""

    def memories(self, output: Tensor) -> dict[str, Memory]:
        """Return what it keeps, by name."""
        raise NotImplementedError

    @property
    def units(self) -> int:
        """Channels of the output."""
        raise NotImplementedError

    def output_shape(self, *shapes: Shape) -> Shape:
        ((height, width, _),) = shapes
        self._require(width == 1, f"a step is a row of one pixel; its input has rows of {width}")
        return height, 1, self.units

    def _require_finite(self, what: str, scales: npt.ArrayLike) -> None:
        positive = np.isfinite(scales) & (np.asarray(scales) > 0)
        self._require(
            bool(np.all(positive)), f"{what} are {np.asarray(scales).tolist()}; they must be positive and finite"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Lstm(Recurrent):
    """A long short-term memory: TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM, without peepholes, projection and layer norm.

    It remembers its last output, and a cell of an int16 per unit. All has one entry per gate, in the order of GATES.

    codes: of the input, int8 (4, units, channels); scales: float32 (4,).
    recurrent_codes: of the last output, int8 (4, units, units); recurrent_scales: float32 (4,).
    bias: int32 (4, units), in the scale of the input's products.
    cell_bits: fractional bits of the cell. cell_clip: its largest magnitude, 0 for any.
    """

    codes: npt.NDArray[np.int8]
    recurrent_codes: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    scales: npt.NDArray[np.float32]
    recurrent_scales: npt.NDArray[np.float32]
    cell_bits: int
    cell_clip: int = 0

    @property
    def units(self) -> int:
        if np.ndim(self.codes) != 3:
            raise GraphError(f"{self.name}: codes must be int8 (4, units, channels)")
        return int(self.codes.shape[1])

    def memories(self, output: Tensor) -> dict[str, Memory]:
        return {"hidden": Memory(self.units, 1, output.zero_point), "cell": Memory(self.units, 2, 0)}

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        gates, units = len(GATES), self.units
        self._require_array("codes", np.int8, (gates, units, inputs[0].channels))
        self._require_array("recurrent_codes", np.int8, (gates, units, units))
        self._require_array("bias", np.int32, (gates, units))
        for name in ("scales", "recurrent_scales"):
            self._require_array(name, np.float32, (gates,))
            self._require_finite(name, getattr(self, name))
        bits, most = self.cell_bits, f"{FEWEST_CELL_BITS} to {MOST_CELL_BITS}"
        self._require(
            FEWEST_CELL_BITS <= bits <= MOST_CELL_BITS, f"its cell has {bits} fractional bits; expected {most}"
        )
        self._require(0 <= self.cell_clip <= INT16_MAX, f"its cell is clipped at {self.cell_clip}; it is an int16")
        for multiplier in (*self.multipliers(inputs[0], output).ravel(), *self.products(output)):
            self._require_multiplier(float(multiplier))

    def multipliers(self, input: Tensor, output: Tensor) -> npt.NDArray[np.float64]:
        """Return the requantisation factors of sums over the input, and over the last output: float64 (2, 4)."""
        of_input, of_output = np.float32(input.scale) * self.scales, np.float32(output.scale) * self.recurrent_scales
        return np.stack([of_input, of_output]).astype(np.float64) * 2.0**GATE_BITS

    def products(self, output: Tensor) -> tuple[float, float, float]:
        """Return the factors of products: forget gate by cell, input gate by cell gate, output gate by the cell's tanh."""
        return 2.0**-CURVE_BITS, 2.0 ** (self.cell_bits - 2 * CURVE_BITS), 2.0 ** (-2 * CURVE_BITS) / output.scale

    def macs(self, output: Tensor) -> int:
        return output.shape[0] * (self.codes.size + self.recurrent_codes.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Svdf(Recurrent):
    """A filter over channels, then one over the last steps: TFLite's SVDF.

    codes: of the filters, int8 (filters, channels). time_codes: of their last values, the oldest first, int16 (filters,
    steps). Each unit sums as many neighbouring filters as there are filters per unit, and its bias, int32 (units,).
    scale, time_scale: of codes and time_codes. memory_scale: of the values of filters. memory_bits: of these values and
    of time_codes, 16 or 8. memory_zero_point: the code of 0 among 8 bits.
    """

    codes: npt.NDArray[np.int8]
    time_codes: npt.NDArray[np.int16]
    bias: npt.NDArray[np.int32]
    scale: float
    time_scale: float
    memory_scale: float
    memory_bits: int = 16
    memory_zero_point: int = 0

    @property
    def units(self) -> int:
        return len(self.bias)

    @property
    def largest(self) -> int:
        """The largest value of a filter; the smallest is -largest - 1."""
        return (1 << (self.memory_bits - 1)) - 1

    def remembered(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return what is left of values of filters: TFLM clamps them as codes of zero point 0, and then wraps their codes."""
        half, zero_point = self.largest + 1, self.memory_zero_point
        clamped = np.clip(values, -half, self.largest)
        return (clamped + zero_point + half) % (2 * half) - half - zero_point

    def memories(self, output: Tensor) -> dict[str, Memory]:
        return {"values": Memory(self.time_codes.size, 2, 0)}

    def check(self, inputs: list[Tensor], output: Tensor) -> None:
        self._require_array("bias", np.int32, (None,))
        self._require_array("codes", np.int8, (None, inputs[0].channels))
        filters = len(self.codes)
        self._require_array("time_codes", np.int16, (filters, None))
        fits = self.time_codes.size > 0 and filters % self.units == 0
        self._require(
            fits, f"it has {filters} filters for {self.units} units; expected a multiple, and a step at least"
        )
        self._require(self.memory_bits in (8, 16), f"its memory has {self.memory_bits} bits; expected 8 or 16")
        coded = self.memory_zero_point == 0 or self.memory_bits == 8 and abs(2 * self.memory_zero_point + 1) < 256
        self._require(coded, f"its memory has zero point {self.memory_zero_point}; expected 0, or of 8 bits an int8")
        fits = -self.largest - 1 <= self.time_codes.min() and self.time_codes.max() <= self.largest
        self._require(fits, f"its time_codes do not fit into {self.memory_bits} bits")
        self._require_finite("scales", [self.scale, self.time_scale, self.memory_scale])
        for multiplier in self.multipliers(inputs[0], output):
            self._require_multiplier(multiplier)

    def multipliers(self, input: Tensor, output: Tensor) -> tuple[float, float]:
        """Return the requantisation factors of a filter's sum, and of a unit's. TFLite computes them in float32."""
        single = np.float32
        of_filter = single(input.scale) * single(self.scale) / single(self.memory_scale)
        of_unit = single(self.memory_scale) * single(self.time_scale) / single(output.scale)
        return float(of_filter), float(of_unit)

    def macs(self, output: Tensor) -> int:
        return output.shape[0] * (self.codes.size + self.time_codes.size)
