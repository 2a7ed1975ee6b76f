"""The zero point of a convolution's input: part of the bias, if no window covers padding.

A sum of products of (code - zero point) is then the sum of products of codes, less a number that is
the same at every pixel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.graph.arithmetic.rounding import wrap_to_int32
from export.graph.graph import Graph
from export.graph.operators import Conv2D, Convolution


def is_folded(operator: Convolution, graph: Graph) -> bool:
    """Whether the bias of a convolution in C and in hardware includes its input's zero point."""
    input = graph.inputs_of(operator)[0]
    return input.zero_point != 0 and not np.any(operator.pads(input.shape[:2]))


def bias(operator: Convolution, graph: Graph) -> npt.NDArray[np.int32]:
    """Return the bias for products of codes (if is_folded), or of codes less the zero point."""
    if not is_folded(operator, graph):
        return operator.bias
    weights = (1, 2, 3) if isinstance(operator, Conv2D) else (0, 1)
    sums = operator.codes.sum(axis=weights, dtype=np.int64)
    return wrap_to_int32(operator.bias - graph.inputs_of(operator)[0].zero_point * sums).astype(np.int32)
