"""Rounding: the one place where it is written in Python.

The other languages use the same names and the same test vectors (tests/rounding_vectors.json).
Values are 32-bit integers, held as int64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


def quantize_multiplier(factor: npt.ArrayLike) -> tuple[Int64s, Int64s]:
    """Write factors as multiplier * 2^(shift - 31), as TFLite's QuantizeMultiplier does.

    Args:
        factor: positive float64, any shape.
    Returns: (multiplier, shift), both int64. A factor under 2^-32 gives (0, 0).
    """
    fraction, exponent = np.frexp(np.asarray(factor, np.float64))
    multiplier = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    shift = exponent.astype(np.int64)
    overflow = multiplier == 2**31
    multiplier, shift = np.where(overflow, 2**30, multiplier), np.where(overflow, shift + 1, shift)
    vanishes = shift < -31
    return np.where(vanishes, 0, multiplier), np.where(vanishes, 0, shift)


def saturating_rounding_doubling_high_mul(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64s:
    """Return the high 32 bits of 2 * a * b, rounded to nearest, a half upwards.

    Values are int32, held as int64.
    """
    high: Int64s = (np.asarray(a, np.int64) * np.asarray(b, np.int64) + 2**30) >> 31
    return np.minimum(high, 2**31 - 1)  # only -2^31 * -2^31 does not fit


def rounding_divide_by_pot(x: npt.ArrayLike, exponent: npt.ArrayLike) -> Int64s:
    """Return x / 2^exponent, rounded to nearest, a half away from zero; exponent in 0..31."""
    x = np.asarray(x, np.int64)
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    quotient: Int64s = (x >> exponent) + ((x & mask) > threshold)
    return quotient


def requantise(accumulator: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> Int64s:
    """Scale by multiplier * 2^(shift - 31), as TFLite's MultiplyByQuantizedMultiplier does.

    Double rounding, as TFLM does: rounding once would differ in about 1 of 2,000 values.
    """
    shift = np.asarray(shift, np.int64)
    shifted = wrap_to_int32(np.asarray(accumulator, np.int64) << np.maximum(shift, 0))
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), np.maximum(-shift, 0))


def wrap_to_int32(x: npt.ArrayLike) -> Int64s:
    """Let 32-bit sums overflow as registers do, so that networks with absurd weights agree too."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


def mean_multiplier(multiplier: Int64s, shift: Int64s, count: int) -> tuple[np.int64, np.int64]:
    """Return (multiplier, shift) that also divide by count, as TFLite's MEAN computes them."""
    bits = min(count.bit_length() - 1, 31 + int(shift))
    return np.int64((int(multiplier) << bits) // count), np.int64(int(shift) - bits)
