"""Where the tensors of a graph are in a .tflite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from export.graph.tensor import Shape


@dataclass(frozen=True)
class Placed:
    """Where a graph's tensor is in a .tflite: its index there; order[i] is the logical channel at place i.

    shape is that of the graph's tensor: a file may have it flat. The file's values and `offset` are the graph's codes:
    it is not 0 of the numbers of an ARG_MAX.
    """

    index: int
    order: np.ndarray
    shape: Shape
    offset: int = 0

    def logical(self, values: np.ndarray) -> np.ndarray:
        """Values (batch, ...) as in the .tflite -> (batch, height, width, channels) in the order of the graph."""
        ordered = values.reshape(-1, *self.shape)[..., np.argsort(self.order)]
        return ordered if self.offset == 0 else (ordered + self.offset).astype(np.int8)


@dataclass(frozen=True)
class Tflite:
    """A .tflite file: its bytes, and where each tensor of the graph is in it; a Wire that costs nothing is nowhere.

    inputs: the graph's tensors that are the file's inputs, if they are not the graph's inputs.
    """

    content: bytes
    tensors: dict[str, Placed]
    inputs: tuple[str, ...] = ()
