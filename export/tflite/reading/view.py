"""What a tensor of a .tflite holds: values of a tensor of the graph, moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph.tensor import Tensor

Places = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class View:
    """The content of a tensor of the file: values of one tensor of the graph, moved.

    shape is that of the tensor in the file. places has this shape and holds the index in the source
    of each value; None: all values in their order. made_by is the step that made it.
    """

    source: Tensor
    shape: tuple[int, ...]
    made_by: str
    places: Places | None = None

    def is_whole(self) -> bool:
        """Return whether it is all values of its source, each once."""
        size = self.source.size
        if self.places is None:
            return True
        return self.places.size == size and bool(np.all(np.bincount(self.places.ravel(), minlength=size) == 1))

    def all_places(self) -> Places:
        """Return the index in the source of each value."""
        if self.places is not None:
            return self.places
        return np.arange(self.source.size, dtype=np.int32).reshape(self.shape)


def loops_of(places: Places) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sizes and steps of nested loops that give these places, outermost first. Raises: ValueError."""
    sizes: list[int] = []
    steps: list[int] = []
    while len(places) > 1:
        step = int(places[1]) - int(places[0])
        breaks = np.flatnonzero(np.diff(places) != step)
        longest = int(breaks[0]) + 1 if len(breaks) else len(places)
        size = next(size for size in range(longest, 0, -1) if len(places) % size == 0)
        runs = places.reshape(-1, size)
        if size == 1 or not np.array_equal(runs, runs[:, :1] + step * np.arange(size)):
            raise ValueError("no nested loops give these places")
        sizes, steps, places = [size, *sizes], [step, *steps], runs[:, 0]
    return tuple(sizes or [1]), tuple(steps or [1])
