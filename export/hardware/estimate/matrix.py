"""Hardwired matrices: how many adder bits multiply a vector by constants, shared between outputs.

The count is what da4ml's optimiser finds (da4ml.cmvm.solve): `solved`. It takes minutes for a core, so that the area report
uses `estimated`. On the pointwise convolutions of the frozen core, 32x32 to 128x128, it is within 3 % at 8 and 6 bits and 5 %
at 4 bits. For the stem, 27x32, it is too much: by 5 % at 8 bits, 8 % at 6 bits and 19 % at 4 bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

PER_DIGIT, PER_OCTAVE = 6.8, 0.7  # adder bits per signed digit in a 32x32 matrix; fewer for each doubling of its sides
ALONE = 9.0  # adder bits per signed digit where nothing is shared: one channel of a depthwise convolution


def digits(codes: npt.NDArray[np.integer]) -> int:
    """Return the signed digits of constants, as few as possible (canonical signed digits)."""
    values = np.abs(codes.astype(np.int64))
    return int(np.bitwise_count(values ^ (3 * values)).sum())


def estimated(codes: npt.NDArray[np.int8]) -> float:
    """Return the adder bits of a matrix of int8 codes (outputs, inputs), or of one output."""
    outputs, inputs = codes.shape
    if outputs == 1:
        return ALONE * digits(codes)
    octaves = math.log2(math.sqrt(outputs * inputs) / 32)
    return digits(codes) * (PER_DIGIT - PER_OCTAVE * octaves)


def solved(codes: npt.NDArray[np.int8]) -> int:
    """Return the adder bits that da4ml finds for a matrix of int8 codes (outputs, inputs), of int8 inputs."""
    return sum(_bits(op.qint) for stage in solution(codes).solutions for op in stage.ops if op.opcode in (0, 1))


def solution(codes: npt.NDArray[np.int8]) -> Any:
    """Return the adders that da4ml finds (da4ml.types.Pipeline) for a matrix of int8 codes (outputs, inputs)."""
    from da4ml.cmvm import solve

    kernel = np.ascontiguousarray(codes.T, np.float32)
    return solve(
        kernel, qintervals=[(-128.0, 127.0, 1.0)] * len(kernel), search_all_decompose_dc=False, decompose_dc=-1
    )


def _bits(interval: tuple[float, float, float]) -> int:
    low, high, step = interval
    return math.ceil(math.log2(max((high - low) / step, 1) + 1))
