"""The outputs of a network in words: names with probabilities, or shares of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.graph import meaning
from export.graph.graph import Graph
from export.graph.meaning import Meaning
from export.graph.tensor import Tensor

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """What one output says about one picture.

    Attributes:
        kind: probability; share of the pixels; or value, if nothing is known about the output.
        names: of the classes, the most likely first.
        values: one per name: from 0 to 1, or the output's own values.
    """

    kind: str
    names: tuple[str, ...]
    values: tuple[float, ...]

    def __str__(self) -> str:
        if self.kind == "value":
            return "  ".join(f"{name} {value:.4g}" for name, value in zip(self.names, self.values))
        return "  ".join(f"{name} {100 * value:.1f} %" for name, value in zip(self.names, self.values))

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return {"kind": self.kind, **{name: round(value, 6) for name, value in zip(self.names, self.values)}}


def of_output(graph: Graph, output: str, codes: npt.NDArray[np.int8], most: int = 5) -> list[Answer]:
    """Return what an output says, one answer per picture.

    Args:
        graph: the graph.
        output: one of its outputs.
        codes: int8 (pictures, height, width, channels).
        most: how many names an answer has at most.
    """
    tensor = graph.tensor(output)
    known = meaning.meanings_of(graph).get(output)
    values = tensor.real(codes)
    names = known.classes if known and known.classes else tuple(f"channel {i}" for i in range(tensor.channels))
    kind, rows = _measured(tensor, known, values)
    order = np.argsort(-rows, axis=1, kind="stable")[:, :most]
    return [
        Answer(kind, tuple(names[i] for i in best), tuple(float(row[i]) for i in best))
        for row, best in zip(rows, order)
    ]


PROBABILITY = (1 / 256, -128)  # scale and zero point that TFLite gives to every softmax and sigmoid


def _measured(tensor: Tensor, known: Meaning | None, values: Floats) -> tuple[str, Floats]:
    """Return the kind of an output's answers and, per picture, one value per channel."""
    if known and known.task == "segmentation":
        return "share", _shares(values)
    rows = values.mean(axis=(1, 2))
    if (tensor.scale, tensor.zero_point) == PROBABILITY:
        return "probability", rows
    return ("probability", softmax(rows)) if known else ("value", rows)


def _shares(logits: Floats) -> Floats:
    """Return the share of places in which each channel is the highest, (pictures, channels)."""
    highest = logits.argmax(axis=-1).reshape(len(logits), -1)
    return np.stack([np.mean(highest == channel, axis=1) for channel in range(logits.shape[-1])], axis=1)


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of rows of logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
