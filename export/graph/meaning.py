"""What the outputs of a graph stand for, and how a picture becomes its input: kept in the graph's metadata.

So a compiled folder, a .tflite or a run can say "cat" instead of "channel 3".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from export.graph.graph import Graph
from export.graph.tensor import GraphError

OUTPUTS, FIT = "outputs", "fit"  # in a graph's metadata
TASKS = ("classification", "segmentation", "faces")
ONE = 1 << 14  # a cosine of 1 in integers
FITS = ("squeeze", "crop", "pad")


@dataclass(frozen=True)
class Meaning:
    """What one output stands for.

    Attributes:
        task: one of TASKS. The channels of classification and segmentation are logits, one per class;
            those of faces are an embedding.
        classes: their names, in the order of the channels.
        threshold: of faces: two embeddings whose cosine is above it show one person.
    """

    task: str
    classes: tuple[str, ...] = ()
    threshold: float | None = None


def attach(graph: Graph, meanings: Mapping[str, Meaning], fit: str | None = None) -> Graph:
    """Return the graph with what its outputs stand for.

    Args:
        meanings: by name of the output.
        fit: how a picture gets the input's shape: squeeze, crop or pad. None keeps what is there.
    Raises: GraphError if a meaning does not fit its output.
    """
    for output, meaning in meanings.items():
        check(graph, output, meaning)
    text = json.dumps({output: asdict(meaning) for output, meaning in meanings.items()}, ensure_ascii=False)
    own = {OUTPUTS: text} if meanings else {}
    return replace(graph, metadata={**graph.metadata, **own, **({} if fit is None else {FIT: fit})})


def meanings_of(graph: Graph) -> dict[str, Meaning]:
    """Return what is known about a graph's outputs, by name.

    Raises: GraphError if it is damaged.
    """
    try:
        found = json.loads(graph.metadata.get(OUTPUTS, "{}"))
        made = {output: of_dict(each) for output, each in found.items() if output in graph.outputs}
        for output, meaning in made.items():
            check(graph, output, meaning)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GraphError(f"{graph.name}: what its outputs stand for is damaged ({error})") from None
    return made


def fit_of(graph: Graph) -> str:
    """Return how a picture gets the shape of a graph's input, one of FITS; squeeze if the graph does not say it.

    Raises: GraphError if it is damaged.
    """
    if (fit := graph.metadata.get(FIT, FITS[0])) not in FITS:
        raise GraphError(
            f"{graph.name}: how its pictures get their shape is {fit!r}; expected one of {', '.join(FITS)}"
        )
    return fit


def faces_of(graph: Graph) -> tuple[str, Meaning] | None:
    """Return the first output whose values are embeddings of faces, and its meaning, if there is one."""
    known = meanings_of(graph)
    return next(((name, known[name]) for name in graph.outputs if name in known and known[name].task == "faces"), None)


def cosine_code(cosine: float) -> int:
    """Return a cosine as a whole number of 1 / ONE, as people are recognised on a device."""
    return round(cosine * ONE)


def of_dict(values: dict[str, Any]) -> Meaning:
    """Return a meaning from what asdict made of it. Raises: TypeError or KeyError if it is none."""
    return Meaning(**{**values, "classes": tuple(values["classes"])})


def check(graph: Graph, output: str, meaning: Meaning) -> None:
    """Raise GraphError if a meaning does not fit its output."""
    if output not in graph.outputs or meaning.task not in TASKS:
        raise GraphError(f"{graph.name} has no output {output}, or {meaning.task} is none of {', '.join(TASKS)}")
    channels = graph.tensor(output).channels
    if meaning.task != "faces" and len(meaning.classes) != channels:
        raise GraphError(f"{output} has {channels} channels, but {len(meaning.classes)} classes have names")
    if not all(isinstance(name, str) and name.isprintable() for name in meaning.classes):
        raise GraphError(f"{output}: the name of a class is not a printable text")
    if meaning.threshold is not None and not math.isfinite(meaning.threshold):
        raise GraphError(f"{output}: its threshold is {meaning.threshold}")
