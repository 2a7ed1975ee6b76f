"""Softmax in fixed point, bit by bit as TensorFlow Lite computes it with gemmlowp.

An int32 k with n integer bits stands for the number k * 2^(n - 31). A product has the sum of its
factors' integer bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from export.graph.arithmetic.rounding import Int64s, quantize_multiplier, requantise, rounding_divide_by_pot
from export.graph.arithmetic.rounding import saturating_rounding_doubling_high_mul as product

DIFFERENCE_BITS = 5  # integer bits of the argument of exp
SUM_BITS = 12  # integer bits of a sum of exps
ONE = 2**31 - 1  # the largest number without integer bits stands for 1

# exp(-2^i) for i = -2..4, without integer bits
EXP_OF_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def factor_and_smallest(multiplier: float) -> tuple[Int64s, Int64s, int]:
    """Return the constants of a softmax.

    Args:
        multiplier: export.graph.operators.Softmax.multiplier.
    Returns: (multiplier, shift, smallest). requantise with the first two turns a difference of
        codes into a number with 5 integer bits. Differences below smallest count as an exp of 0.
    """
    factor, shift = quantize_multiplier(multiplier)
    return factor, shift, -math.floor((2**DIFFERENCE_BITS - 1) * 2 ** (31 - DIFFERENCE_BITS) / 2 ** int(shift))


def softmax(
    x: npt.NDArray[np.int8], multiplier: npt.ArrayLike, shift: npt.ArrayLike, smallest: int
) -> npt.NDArray[np.int8]:
    """Return the softmax over the last axis: int8 with scale 1/256 and zero point -128."""
    difference = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    counts = difference >= smallest
    exps = exp_on_negative_values(requantise(np.where(counts, difference, 0), multiplier, shift))
    total = np.where(counts, rounding_divide_by_pot(exps, SUM_BITS), 0).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total)[1].astype(np.int64)  # leading zeros
    # total << headroom is 1 + x with x in 0..1, in unsigned 32 bits.
    reciprocal = one_over_one_plus_x_for_x_in_0_1((total << headroom) - 2**31)
    codes = rounding_divide_by_pot(product(reciprocal, exps), SUM_BITS - headroom + 31 - 8) - 128
    return np.where(counts, np.clip(codes, -128, 127), -128).astype(np.int8)


LOG_BITS = 4  # integer bits of the output of a log softmax: its scale is 1/16


def reverse_factor(multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> tuple[Int64s, Int64s]:
    """Return (multiplier, shift) that turn a number with 5 integer bits into a difference of codes."""
    return quantize_multiplier(2.0 ** (31 - int(np.asarray(shift))) / float(np.asarray(multiplier)))


def log_softmax(
    x: npt.NDArray[np.int8], multiplier: npt.ArrayLike, shift: npt.ArrayLike, smallest: int
) -> npt.NDArray[np.int8]:
    """Return the logarithm of the softmax over the last axis: int8 with scale 1/16 and zero point 127."""
    difference = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    counts = difference >= smallest
    scaled = requantise(difference, multiplier, shift)
    exps = rounding_divide_by_pot(exp_on_negative_values(np.where(counts, scaled, 0)), SUM_BITS)
    log = log_of_sum(np.where(counts, exps, 0).sum(axis=-1, keepdims=True))
    least = np.maximum(smallest - 1, requantise(log - 2**31, *reverse_factor(multiplier, shift)))
    codes = rounding_divide_by_pot(scaled - log, 31 - DIFFERENCE_BITS - LOG_BITS) + 127
    return np.where(difference > least, np.clip(codes, -128, 127), -128).astype(np.int8)


def log_of_sum(x: Int64s) -> Int64s:
    """Return the logarithm, with 5 integer bits, of numbers from 1 on with 12 integer bits."""
    root_of_half, fourth_root_of_half, log_of_two = 1518500250, 1805811301, 1488522236
    headroom = 31 - np.frexp(x)[1].astype(np.int64)
    other = product(x, root_of_half)
    other_headroom = 31 - np.frexp(other)[1].astype(np.int64)
    # x is r * 2^power: of two ways to write it so, the one with the smaller r.
    first, second = _saturated(product(x << headroom, root_of_half) << 1), _saturated(x << other_headroom)
    powers = [
        _saturated((SUM_BITS - headroom - 1) << 25) + (1 << 23),
        _saturated((SUM_BITS - other_headroom) << 25) - (1 << 23),
    ]
    r, power = np.minimum(first, second), np.maximum(*map(_saturated, powers))
    half_sum = r + fourth_root_of_half
    p, q = (half_sum + 1) >> 1, 2 * (r - fourth_root_of_half)
    square = product(q, q)
    numerator = product(q, r) + product(product(q, square), 117049297)
    denominator = product(p, 1057819769 + q + product(127690142, square)) + product(638450708, q)
    quotient = product(rounding_divide_by_pot(numerator, 6), one_over_one_plus_x_for_x_in_0_1(denominator))
    return _saturated((product(power, log_of_two) + quotient) << 1)


def exp_on_negative_values(a: Int64s, integer_bits: int = DIFFERENCE_BITS) -> Int64s:
    """Return exp(a) without integer bits; a has up to 5 integer bits and is not positive."""
    quarter = 1 << (31 - integer_bits - 2)
    within = (a & (quarter - 1)) - quarter
    rest = within - a  # a multiple of 1/4
    result = _exp_between_minus_a_quarter_and_0(within << integer_bits)
    for i, factor in enumerate(EXP_OF_MINUS_POWERS[: integer_bits + 2]):
        result = np.where(rest & (quarter << i), product(result, factor), result)
    return np.where(a == 0, ONE, result)


def _exp_between_minus_a_quarter_and_0(a: Int64s) -> Int64s:
    """Return exp(a) by a Taylor expansion around -1/8; neither has integer bits."""
    exp_of_minus_an_eighth, third = 1895147668, 715827883
    x = a + (1 << 28)
    square = product(x, x)
    cube, fourth = product(square, x), product(square, square)
    higher = rounding_divide_by_pot(product(rounding_divide_by_pot(fourth, 2) + cube, third) + square, 1)
    return exp_of_minus_an_eighth + product(exp_of_minus_an_eighth, x + higher)


def one_over_one_plus_x_for_x_in_0_1(x: Int64s) -> Int64s:
    """Return 1 / (1 + x); neither x nor the result has integer bits."""
    return _saturated(_two_over_one_plus_x(x) << 1)


def one_minus_x_over_one_plus_x_for_x_in_0_1(x: Int64s) -> Int64s:
    """Return (1 - x) / (1 + x); neither x nor the result has integer bits."""
    return _saturated((_two_over_one_plus_x(x) - (1 << 29)) << 2)


def _two_over_one_plus_x(x: Int64s) -> Int64s:
    """Return 2 / (1 + x) with 2 integer bits by three Newton-Raphson steps; x has no integer bits."""
    half_denominator = (x + ONE + 1) >> 1
    y = 1515870810 + product(half_denominator, -1010580540)  # 48/17 - 32/17 * half_denominator
    for _ in range(3):
        error = (1 << 29) - product(half_denominator, y)
        y = y + _saturated(product(y, error) << 2)
    return y


def _saturated(x: Int64s) -> Int64s:
    return np.clip(x, -(2**31), 2**31 - 1)
