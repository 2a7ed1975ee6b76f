"""`sfkeras predict`: pictures through a network on one backend, and what each output says in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.backends import golden
from export.backends.backend import Backend, Maps
from export.graph import meaning
from export.graph.meaning import ONE, Meaning
from export.network import Network
from export.predict import answers, people, picture_codes
from export.predict.people import People

AT_ONCE = 64  # pictures
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Prediction:
    """What a network says about one picture: per output a text and plain values."""

    picture: Path
    texts: dict[str, str]
    values: dict[str, dict[str, object]]

    def __str__(self) -> str:
        if len(self.texts) == 1:
            return f"{self.picture}: {next(iter(self.texts.values()))}"
        return "\n".join([f"{self.picture}:", *(f"  {output}: {text}" for output, text in self.texts.items())])

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        picture = os.fsencode(self.picture).decode(errors="replace")  # of a name that is no text
        return {"picture": picture, **self.values}


def predict(
    network: Network, pictures: Sequence[Path], on: str = "golden", known: People | None = None
) -> Iterator[Prediction]:
    """Yield what a network says about each picture.

    Args:
        network: the network.
        pictures: files.
        on: a backend.
        known: of a face network, the people who are enrolled.
    Raises: ValueError as picture_codes.read; MissingTool, MachineError, RuntimeError if the backend cannot run.
    """
    for some, maps in outputs_of(network, pictures, on):
        said = {output: _said(network, output, codes, known) for output, codes in maps.items()}
        for i, picture in enumerate(some):
            texts = {output: rows[i][0] for output, rows in said.items()}
            yield Prediction(picture, texts, {output: rows[i][1] for output, rows in said.items()})


def _backend(name: str) -> Backend:
    """Return a backend. Golden needs NumPy alone, and one picture must not wait for the imports of the others."""
    if name == golden.BACKEND.name:
        return golden.BACKEND
    from export.backends import registry

    return registry.find(name)


def outputs_of(network: Network, pictures: Sequence[Path], on: str) -> Iterator[tuple[Sequence[Path], Maps]]:
    """Yield pictures, some at a time, and the network's outputs for them."""
    run = _backend(on).prepare(network, False)
    for start in range(0, len(pictures), AT_ONCE):
        some = pictures[start : start + AT_ONCE]
        yield some, run({network.graph.inputs[0]: picture_codes.read(network.graph, some)})[0]


def _said(
    network: Network, output: str, codes: npt.NDArray[np.int8], known: People | None
) -> list[tuple[str, dict[str, object]]]:
    """Return what an output says, per picture, as a text and as plain values."""
    of_faces = meaning.faces_of(network.graph)
    if of_faces and output == of_faces[0]:
        if known is None:
            raise ValueError(f"{network.graph.name} is a face network; predictions need the people who are enrolled")
        return [_who(of_faces[1], row, known) for row in codes.reshape(len(codes), -1)]
    return [(str(answer), answer.to_json()) for answer in answers.of_output(network.graph, output, codes)]


def _who(known_as: Meaning, embedding: npt.NDArray[np.int8], known: People) -> tuple[str, dict[str, object]]:
    name, cosine = known.nearest(embedding)
    value: dict[str, object] = {"kind": "face", "nearest": name, "cosine": cosine / ONE}
    if known_as.threshold is None:
        return f"most like {name}, cosine {cosine / ONE:.3f}; the network has no threshold", value
    is_known = cosine >= meaning.cosine_code(known_as.threshold)
    value |= {"who": name if is_known else None, "threshold": known_as.threshold}
    said = name if is_known else f"{UNKNOWN}, most like {name}"
    return f"{said}  cosine {cosine / ONE:.3f}, threshold {known_as.threshold:.3f}", value


def require_faces(network: Network) -> tuple[str, Meaning]:
    """Return as meaning.faces_of. Raises: ValueError if there is none."""
    if (found := meaning.faces_of(network.graph)) is None:
        raise ValueError(f"{network.graph.name} is no face network: none of its outputs is an embedding of a face")
    return found


def place_of_people(network: Path) -> Path:
    """Return where the people of a network are remembered: in its folder, or beside its file."""
    return network / people.KNOWN_AS if network.is_dir() else network.with_suffix(f".{people.KNOWN_AS}")


def enrolled(network: Network, path: str | os.PathLike[str]) -> People | None:
    """Return the people of a table for a face network; None for another network.

    Raises: ValueError if nobody is enrolled, or as people.load.
    """
    if (found := meaning.faces_of(network.graph)) is None:
        return None
    known = people.load(Path(path), network.graph.tensor(found[0]).size)
    if not known.sums:
        raise ValueError(
            f"{path}: nobody is enrolled; enrol people first: sfkeras predict NETWORK PHOTO ... --enrol=NAME --people={path}"
        )
    return known


def enrol(network: Network, name: str, pictures: Sequence[Path], on: str, table: str | os.PathLike[str]) -> People:
    """Add photos of a person to a table of people, and write it. Returns the people.

    Raises: ValueError if the network is none of faces, or as People.enrol; and as `predict`.
    """
    output, _ = require_faces(network)
    known = people.load(Path(table), network.graph.tensor(output).size)
    for some, maps in outputs_of(network, pictures, on):
        known.enrol(name, maps[output].reshape(len(some), -1))
    known.save(Path(table))
    return known
