"""How codes of convolutions are stored: as in TensorFlow Lite, or paired in twice the bytes.

A kernel with Arm's DSP extension multiplies pairs of int16 (SMLAD). Paired codes are the words that
it multiplies, so that it has nothing to unpack. Of each four codes, the first and, in the upper
half, the third are one word; the second and the fourth are the next. Each output channel is filled
up with zeros to whole fours. Depthwise convolutions keep their codes: a kernel unpacks them once
for all pixels of a row.

The C code and datapath.json call paired codes "widened".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import Conv2D, Operator

SMALL, FAST = FLASHES = ("small", "fast")
FLASH = "flash"  # in a graph's metadata, if it is not small
WITHIN_FOUR = [0, 2, 1, 3]


def for_flash(graph: Graph, flash: str) -> Graph:
    """Return the graph with its codes stored for a small flash or for speed.

    Raises: ValueError for other words.
    """
    if flash not in FLASHES:
        raise ValueError(f"--flash is {flash!r}; expected one of {', '.join(FLASHES)}")
    others = {name: value for name, value in graph.metadata.items() if name != FLASH}
    return replace(graph, metadata=others | ({FLASH: FAST} if flash == FAST else {}))


def flash_of(graph: Graph) -> str:
    """Return how the graph's codes are stored: one of FLASHES."""
    return graph.metadata.get(FLASH, SMALL)


def is_paired(operator: Operator, graph: Graph) -> bool:
    """Return whether the codes of an operator are stored as pairs."""
    return flash_of(graph) == FAST and isinstance(operator, Conv2D)


def paired(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Return codes (output channels, ...) as words (output channels, 2 per 4 codes)."""
    rows = codes.reshape(len(codes), -1).astype(np.int16)
    fours = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).reshape(len(codes), -1, 4)
    return np.ascontiguousarray(fours[:, :, WITHIN_FOUR], "<i2").reshape(len(codes), -1).view("<u4")
