"""Functions of one int8 code as tables of 256 codes, to the bit as TensorFlow Lite Micro (TFLM) computes them.

Each function gets operands, whose codes are all 256 or one constant, and the coding of its output. They are here so that
a .tflite is read without an interpreter: TFLM ends the whole process where a file breaks one of its assumptions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.graph.arithmetic import softmax
from export.graph.arithmetic.inverse_root import inverse_root
from export.graph.arithmetic.rounding import quantize_multiplier, requantise, rounding_divide_by_pot
from export.graph.arithmetic.rounding import saturating_rounding_doubling_high_mul as product
from export.graph.arithmetic.softmax import ONE, exp_on_negative_values, one_over_one_plus_x_for_x_in_0_1
from export.graph.tensor import INT8_MAX, INT8_MIN

CODES = np.arange(INT8_MIN, INT8_MAX + 1)
SUM_SHIFT = 20  # bits that ADD and SUB put behind the codes before they scale them
ROOT_SHIFT = 20  # bits that RSQRT puts behind a root before it scales it
COMPARISON_SHIFT = 8  # and comparisons
SQUARE_SHIFT = 7  # bits that SQUARED_DIFFERENCE puts behind them
CURVE_BITS = 4  # integer bits of the argument of LOGISTIC and TANH
LARGEST_FACTOR = 2.0**30  # that TFLM's requantisation can shift by
SMALLEST_CURVE_SCALE = 2.0**-27  # below it TFLM shifts by a negative number, which C does not define


@dataclass(frozen=True)
class Coding:
    """Scale and zero point of int8 codes."""

    scale: float
    zero_point: int

    @property
    def single(self) -> np.float32:
        """The scale as a file holds it."""
        return np.float32(self.scale)


@dataclass(frozen=True)
class Operand(Coding):
    """Codes (int64, all 256 or one), with their scale and zero point."""

    codes: np.ndarray

    @property
    def centred(self) -> np.ndarray:
        """The codes minus the zero point."""
        return self.codes - self.zero_point


def absolute(x: Operand, y: Coding) -> np.ndarray:
    """ABS."""
    return y.zero_point + _scaled(np.abs(x.centred), _ratio(x, y))


def relu(x: Operand, y: Coding) -> np.ndarray:
    """RELU."""
    return np.maximum(y.zero_point + _scaled(x.centred, _ratio(x, y)), y.zero_point)


def relu6(x: Operand, y: Coding) -> np.ndarray:
    """RELU6, which only clamps: TFLM takes the output to have the scale of the input."""
    six = min(_rounded(np.float32(6) / x.single) + x.zero_point, INT8_MAX)
    return np.clip(x.codes, x.zero_point, six)


def leaky_relu(x: Operand, y: Coding, alpha: float) -> np.ndarray:
    """LEAKY_RELU."""
    slope = _ratio(x, y) * float(np.float32(alpha))
    below = np.copysign(1, slope) * _scaled(x.centred, abs(slope))
    return y.zero_point + np.where(x.centred >= 0, _scaled(x.centred, _ratio(x, y)), below)


def quantize(x: Operand, y: Coding) -> np.ndarray:
    """QUANTIZE from int8 to int8."""
    return y.zero_point + _scaled(x.centred, float(x.single) / float(y.single))


def hard_swish(x: Operand, y: Coding) -> np.ndarray:
    """HARD_SWISH, in 16 bits. Raises: ValueError if the output's scale is too small for TFLM."""
    to_output, output_shift = _multiplier_of_16_bits(_ratio(x, y) / 128)
    to_relu, relu_shift = _multiplier_of_16_bits(float(x.single) / 128 / (3 / 32768))
    if output_shift > 0:
        raise ValueError(f"its output's scale is {y.scale:g}; it must be at least 1/128 of its input's {x.scale:g}")
    if relu_shift > 31:
        raise ValueError(f"its input's scale is {x.scale:g}; it must be below 2^24")
    value = _wrapped_to_int16(x.centred << 7)
    preshift = _high_16(value, to_output)
    gate = value
    if relu_shift > 0:
        gate = _saturated_to_int16(_high_16(_saturated_to_int16(gate << (relu_shift - 1)), to_relu) << 1)
    else:
        gate = _divided_in_16_bits(_high_16(gate, to_relu), -relu_shift)
    gate = (gate + (1 << 15)) >> 1
    gated = np.trunc(gate * preshift / (1 << 15)).astype(np.int64)  # towards zero, as C divides
    return _wrapped_to_int16(y.zero_point + _divided_in_16_bits(gated, -output_shift))


def logistic(x: Operand, y: Coding) -> np.ndarray:
    """LOGISTIC. Raises: ValueError for codings that TFLM does not compute."""
    if y.zero_point != INT8_MIN:
        raise ValueError(f"its output has zero point {y.zero_point}; it must be {INT8_MIN}")

    def curve(argument):
        upper = one_over_one_plus_x_for_x_in_0_1(exp_on_negative_values(-np.abs(argument), CURVE_BITS))
        return np.where(argument > 0, upper, np.where(argument < 0, ONE - upper, 1 << 30))

    return _curve(x, lambda argument: rounding_divide_by_pot(curve(argument), 31 - 8) + INT8_MIN)


def tanh(x: Operand, y: Coding) -> np.ndarray:
    """TANH. Raises: ValueError for codings that TFLM does not compute."""

    def curve(argument):
        exp = exp_on_negative_values(-np.abs(argument), CURVE_BITS + 1)  # of twice the argument
        upper = softmax.one_minus_x_over_one_plus_x_for_x_in_0_1(exp)
        return np.sign(argument) * upper

    return _curve(x, lambda argument: rounding_divide_by_pot(curve(argument), 31 - 7))


def _curve(x: Operand, function: Callable) -> np.ndarray:
    """A function of x as a number with 4 integer bits, -128 and 127 beyond."""
    if x.scale < SMALLEST_CURVE_SCALE:
        raise ValueError(f"its input's scale is {x.scale:g}; it must be at least {SMALLEST_CURVE_SCALE:g}")
    multiplier, shift = quantize_multiplier(float(x.single) * 2.0 ** (31 - CURVE_BITS))
    radius = int((2**CURVE_BITS - 1) * 2 ** (31 - CURVE_BITS) / 2 ** int(shift))
    within = np.abs(x.centred) < radius
    values = function(requantise(np.where(within, x.centred, 0), multiplier, shift))
    return np.where(x.centred <= -radius, INT8_MIN, np.where(x.centred >= radius, INT8_MAX, values))


def elu(x: Operand, y: Coding) -> np.ndarray:
    """ELU, in float32."""
    value = x.single * x.centred.astype(np.float32)
    value = np.where(value < 0, exp_of_float32(np.minimum(value, 0)) - np.float32(1), value)
    scaled = value * (np.float32(1) / y.single)
    rounded = np.copysign(np.floor(np.abs(scaled) + np.float64(0.5)), scaled).astype(np.float32)
    return np.trunc(rounded + np.float32(y.zero_point)).astype(np.int64)


def exp_of_float32(x: np.ndarray) -> np.ndarray:
    """exp of float32 values up to 0, as the C library glibc computes expf: 2^(i/32) times a polynomial, in float64.

    NumPy's own has another error in the last bit, and one that depends on the processor.
    """
    steps = 32
    scaled = np.maximum(np.asarray(x, np.float64), -150) * (1.4426950408889634 * steps)
    whole = np.rint(scaled)
    rest = scaled - whole
    coefficients = (
        float.fromhex(each) for each in ("0x1.c6af84b912394p-5", "0x1.ebfce50fac4f3p-3", "0x1.62e42ff0c52d6p-1")
    )
    third, second, first = (each / steps**power for each, power in zip(coefficients, (3, 2, 1)))
    polynomial = (third * rest + second) * (rest * rest) + (first * rest + 1)
    return (polynomial * np.exp2(whole / steps)).astype(np.float32)


def add(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """ADD. Raises: ValueError if the output's scale is too small for TFLM."""
    return _sum(a, b, y, 1)


def subtract(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """SUB. Raises: ValueError if the output's scale is too small for TFLM."""
    return _sum(a, b, y, -1)


def _sum(a: Operand, b: Operand, y: Coding, sign: int) -> np.ndarray:
    twice = 2 * max(float(a.single), float(b.single))
    factor = twice / (2.0**SUM_SHIFT * float(y.single))
    if factor >= 1:
        raise ValueError(f"its output's scale is {y.scale:g}; it must be above {twice / 2**SUM_SHIFT:g}, or TFLM stops")
    first, second = (_scaled(each.centred << SUM_SHIFT, float(each.single) / twice) for each in (a, b))
    return y.zero_point + _scaled(first + sign * second, factor)


def square_difference(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """SQUARED_DIFFERENCE."""
    twice = 2 * max(float(a.single), float(b.single))
    first, second = (_scaled(each.centred << SQUARE_SHIFT, float(each.single) / twice) for each in (a, b))
    return y.zero_point + _scaled((first - second) ** 2, twice * twice / (2.0 ** (2 * SQUARE_SHIFT) * float(y.single)))


def prelu(x: Operand, slope: Operand, y: Coding) -> np.ndarray:
    """PRELU."""
    bent = _scaled(x.centred * slope.centred, float(x.single) * float(slope.single) / float(y.single))
    return y.zero_point + np.where(x.centred >= 0, _scaled(x.centred, _ratio(x, y)), bent)


def inverse_root_of(x: Operand, y: Coding) -> np.ndarray:
    """RSQRT. TFLM refuses to compute it of codes below the zero point; here they have the largest code."""
    factor = quantize_multiplier(1 / float(np.sqrt(x.single) * y.single))
    multiplier, shift = inverse_root(np.maximum(x.centred, 0))
    roots = requantise(1, multiplier, shift + ROOT_SHIFT)
    scaled = requantise(roots, factor[0], factor[1] - ROOT_SHIFT)
    return np.where(x.centred > 0, y.zero_point + scaled, INT8_MAX)


def divide(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """DIV. Raises: ValueError if it divides by 0, or for codings that TFLM does not define."""
    divisor = np.abs(b.centred)
    if not np.all(divisor):
        raise ValueError("it divides by 0")
    dividend = np.sign(b.centred) * a.centred
    multiplier, shift = quantize_multiplier(float(a.single / (b.single * y.single)))
    bits = np.frexp(divisor)[1].astype(np.int64)
    reciprocal = one_over_one_plus_x_for_x_in_0_1((divisor << (32 - bits)) - (1 << 31))
    headroom = 31 - np.frexp(np.where(dividend < 0, ~dividend, dividend))[1].astype(np.int64)
    quotient = product(dividend << headroom, reciprocal)
    total_shift = shift - (bits - 1) - headroom
    if np.any(total_shift < -31):
        raise ValueError("its scales make TFLM shift by more than 31 bits, which C does not define")
    return y.zero_point + requantise(quotient, multiplier, total_shift)


def multiply(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """MUL."""
    return y.zero_point + _scaled(a.centred * b.centred, float(a.single) * float(b.single) / float(y.single))


def maximum(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """MAXIMUM, of the codes: TFLM takes all three to have one scale."""
    return np.maximum(a.codes, b.codes)


def minimum(a: Operand, b: Operand, y: Coding) -> np.ndarray:
    """MINIMUM, of the codes: TFLM takes all three to have one scale."""
    return np.minimum(a.codes, b.codes)


COMPARISONS: dict[str, Callable] = {
    "EQUAL": np.equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "NOT_EQUAL": np.not_equal,
}


def compared(x: Operand) -> np.ndarray:
    """The numbers that comparisons compare, of a scale below 1."""
    return _scaled(x.centred << COMPARISON_SHIFT, float(x.single))


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "ABS": absolute,
    "ADD": add,
    "DIV": divide,
    "ELU": elu,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": logistic,
    "MAXIMUM": maximum,
    "MINIMUM": minimum,
    "MUL": multiply,
    "PRELU": prelu,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu6,
    "RSQRT": inverse_root_of,
    "SQUARED_DIFFERENCE": square_difference,
    "SUB": subtract,
    "TANH": tanh,
}


def operand_count(kind: str) -> int:
    """How many inputs an operator of FUNCTIONS has: the parameters of its function before y, the output's coding."""
    return list(inspect.signature(FUNCTIONS[kind]).parameters).index("y")


def fill(kind: str, operands: list[Operand], output: Coding, clamp: tuple[int, int], **constants) -> np.ndarray:
    """The table of an operator: 256 int8 codes, that of the code -128 first.

    Args:
        kind: one of FUNCTIONS, TFLite's name of the operator.
        operands: its inputs in their order; one has all codes.
        clamp: smallest and largest code of the output.
        constants: alpha of a LEAKY_RELU.
    Raises: ValueError for codings that TFLM refuses or does not define.
    """
    values = FUNCTIONS[kind](*operands, output, **constants)
    return np.clip(values, *clamp).astype(np.int8)


# --- Arithmetic -------------------------------------------------------------------------------------------------------


def _ratio(x: Coding, y: Coding) -> float:
    """Scale of the input by that of the output, in float64."""
    return float(x.single) / float(y.single)


def _scaled(values: np.ndarray, factor: float) -> np.ndarray:
    """Values times a factor that is not negative. Raises: ValueError if the factor is too large for TFLM."""
    if not factor < LARGEST_FACTOR:
        raise ValueError(f"its scales make a factor of {factor:g}; it must be below 2^30")
    return requantise(values, *quantize_multiplier(factor))


def _rounded(value: np.float32) -> int:
    """A value that is not negative to the nearest integer, a half upwards; as large as int32 can be at most."""
    return int(min(np.floor(float(value) + 0.5), 2.0**30))


def _multiplier_of_16_bits(factor: float) -> tuple[np.int64, int]:
    """quantize_multiplier, with the upper 16 bits of the multiplier, rounded."""
    multiplier, shift = quantize_multiplier(factor)
    return np.minimum((multiplier + (1 << 15)) >> 16, 2**15 - 1), int(shift)


def _high_16(a: np.ndarray, b) -> np.ndarray:
    """The high 16 bits of 2 * a * b, rounded to nearest as gemmlowp does for 16 bits."""
    return _saturated_to_int16((a * b + (1 << 14)) >> 15)


def _saturated_to_int16(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -(2**15), 2**15 - 1)


def _wrapped_to_int16(x: np.ndarray) -> np.ndarray:
    return x.astype(np.int16).astype(np.int64)


def _divided_in_16_bits(x: np.ndarray, exponent: int) -> np.ndarray:
    """rounding_divide_by_pot as gemmlowp computes it for 16 bits: from 2^16 on, its mask has no room and is -1."""
    if exponent < 16:
        return rounding_divide_by_pot(x, exponent)
    return np.where(x < 0, -1, 1)
