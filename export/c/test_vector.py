"""The test vector with which an exported program checks itself.

C and Python compute the same codes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph


def codes(count: int) -> npt.NDArray[np.int8]:
    """Return the first codes of the test vector: an image, or one input after the other."""
    x = np.arange(count).astype(np.uint32) * np.uint32(0x9E3779B1)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x85EBCA77)
    return (((x ^ (x >> 13)) & 0xFF).astype(np.int16) - 128).astype(np.int8)


def vector_image(graph: Graph) -> npt.NDArray[np.int8]:
    """Return the image of the test vector, int8 (1, height, width, channels), as main.c does."""
    image = graph.tensor(graph.inputs[0])
    return codes(image.size).reshape(1, *image.shape)
