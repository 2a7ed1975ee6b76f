"""The test vector with which an exported program checks itself: codes that C computes as Python does."""

from __future__ import annotations

import numpy as np

from export.graph.graph import Graph


def codes(count: int) -> np.ndarray:
    """The first codes of the test vector, int8 (count,): all values of an image, or of one input after the other."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
    x = (x ^ (x >> 15)) * np.uint32(0x85EBCA77)
    return (((x ^ (x >> 13)) & 0xFF).astype(np.int16) - 128).astype(np.int8)


def vector_image(graph: Graph) -> np.ndarray:
    """The image of the test vector, int8 (1, height, width, channels): the bytes that main.c computes."""
    shape = graph.tensor(graph.inputs[0]).shape
    return codes(int(np.prod(shape))).reshape(1, *shape)
