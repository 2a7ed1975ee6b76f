"""How the codes of convolutions lie in flash: as in TensorFlow Lite, or widened, which takes twice the bytes.

A kernel with Arm's DSP extension multiplies pairs of int16. Widened codes are the words that it wants, so that it has
nothing to unpack: of each four codes the first and, in the upper half, the third one, then the second and the fourth one.
Each output channel is filled up with zeros to whole fours. Depthwise convolutions keep their codes: a kernel widens them
once for all pixels of a row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Conv2D, Operator

SMALL, FAST = FLASHES = ("small", "fast")
FLASH = "flash"  # in a graph's metadata, if it is not small
WITHIN_FOUR = [0, 2, 1, 3]


def for_flash(graph: Graph, flash: str) -> Graph:
    """The graph, whose codes are to lie so in flash. Raises: ValueError if there is no such way."""
    if flash not in FLASHES:
        raise ValueError(f"--flash is {flash!r}, wanted one of {', '.join(FLASHES)}")
    others = {name: value for name, value in graph.metadata.items() if name != FLASH}
    return replace(graph, metadata=others | ({FLASH: FAST} if flash == FAST else {}))


def flash_of(graph: Graph) -> str:
    """One of FLASHES."""
    return graph.metadata.get(FLASH, SMALL)


def is_widened(operator: Operator, graph: Graph) -> bool:
    """Whether the codes of an operator lie widened."""
    return flash_of(graph) == FAST and isinstance(operator, Conv2D)


def widened(codes: np.ndarray) -> np.ndarray:
    """Codes (output channels, ...) as words: uint32 (output channels, two for each four codes of a channel)."""
    rows = codes.reshape(len(codes), -1).astype(np.int16)
    fours = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).reshape(len(codes), -1, 4)
    return np.ascontiguousarray(fours[:, :, WITHIN_FOUR], "<i2").reshape(len(codes), -1).view("<u4")
