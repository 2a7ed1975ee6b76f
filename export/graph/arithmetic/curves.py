"""Sigmoid and tanh of int16 codes, as TFLite's integer kernels compute them: a table, and a line between two entries.

An argument has 12 fractional bits, what is made of it 15.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.graph.arithmetic.rounding import Int64s

STEP = 24  # entries of the table per 1
LARGER = 0x800000000000000000000000000000800011009020440005C0467BAEFA7BD110  # entry i, if bit i is set, is 1 above

# Entry i is sigmoid(i / STEP) in units of 2^-16, rounded; TFLite's own table has 1 more in some places.
TABLE = np.round(2.0**16 / (1 + np.exp(-np.arange(256) / STEP))).astype(np.int64)
TABLE += [LARGER >> i & 1 for i in range(256)]


def sigmoid(x: npt.ArrayLike) -> Int64s:
    """Return the sigmoid of int16 codes, held as int64."""
    argument = 3 * np.asarray(x, np.int64)  # 3/4 of the argument, in units of 2^-14
    magnitude = _between(np.abs(argument), 9)
    rounded = np.where(argument >= 0, magnitude + (1 << 9), (1 << 25) - magnitude + (1 << 9) - 1)
    return rounded >> 10


def tanh(x: npt.ArrayLike, bits: int = 12) -> Int64s:
    """Return the tanh of int16 codes of so many fractional bits, held as int64. It is 2 * sigmoid(2 * x) - 1."""
    argument = 3 * np.asarray(x, np.int64)
    if bits <= 12:
        argument = argument << (12 - bits)
    else:
        argument = (argument + (1 << (bits - 13))) >> (bits - 12)
    magnitude = _between(np.abs(argument), 8)
    half, one = 1 << 7, 1 << 23
    rounded = np.where(argument >= 0, magnitude - one + half, one - magnitude + half - 1)
    return rounded >> 8


def _between(magnitude: Int64s, bits: int) -> Int64s:
    """Return the value of the table at a magnitude whose lower bits lie between two entries, in units of 2^-(16 + bits)."""
    entry = np.minimum(magnitude >> bits, 254)
    line = (TABLE[entry] << bits) + (magnitude & ((1 << bits) - 1)) * (TABLE[entry + 1] - TABLE[entry])
    largest = (2**16 - 1) << 8 if bits == 8 else (2**15 - 1) << 10
    return np.where(magnitude >> bits >= 255, largest, line)
