"""One by the square root of an integer in fixed point, bit by bit as TensorFlow Lite computes it with gemmlowp."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.graph.arithmetic.rounding import Int64s, rounding_divide_by_pot
from export.graph.arithmetic.rounding import saturating_rounding_doubling_high_mul as product

HALF_OF_THREE = (1 << 28) + (1 << 27)  # 1.5 with 3 integer bits
HALF_ROOT_OF_TWO = 1518500250  # without integer bits


def inverse_root(x: npt.ArrayLike) -> tuple[Int64s, Int64s]:
    """Return (multiplier, shift) of 1 / sqrt(x) = multiplier * 2^(shift - 31), for integers x from 0; 0 is taken for 1."""
    x = np.asarray(x, np.int64)
    value, right = np.maximum(x, 2), np.full(x.shape, 11, np.int64)
    while np.any(large := value >= 1 << 29):
        value, right = np.where(large, value // 4, value), right + large
    pairs = (31 - np.frexp(value)[1].astype(np.int64)) // 2 - 1
    value, right = value << 2 * pairs, right - pairs
    half = rounding_divide_by_pot(value >> 1, 1)
    root = np.full(x.shape, 1 << 28, np.int64)
    for _ in range(5):  # Newton and Raphson, with 3 integer bits
        cube = _saturated(product(product(root, root), root) << 6)
        root = _saturated((product(HALF_OF_THREE, root) - product(half, cube)) << 3)
    root = product(root, HALF_ROOT_OF_TWO) << np.maximum(-right, 0)
    small = x <= 1
    return np.where(small, 2**31 - 1, root), np.where(small, 0, -np.maximum(right, 0))


def _saturated(x: Int64s) -> Int64s:
    return np.clip(x, -(2**31), 2**31 - 1)
