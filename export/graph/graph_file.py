"""An integer graph as a file: a .npz of its constants with a JSON description of the rest.

The same graph has the same bytes. The file is not compressed, because other versions of zlib give
other bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import OPERATORS, Operator
from export.graph.tensor import GraphError, Tensor

FORMAT = "sfkeras integer graph"
VERSION = 2
READABLE = (1, VERSION)  # version 1 lacks `dense`
DESCRIPTION = "graph"  # entry of the .npz; the others are OPERATOR/FIELD

Array = npt.NDArray[Any]  # of any type: int8 codes, int32 biases, float32 scales
Json = dict[str, Any]


class GraphFileError(ValueError):
    """A file that is no graph, is broken, or is from another version."""


def load(path: str | os.PathLike[str]) -> Graph:
    """Read a graph from a file.

    Raises GraphFileError, which names the file and what is wrong with it; OSError.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        return from_bytes(content)
    except GraphFileError as error:
        raise GraphFileError(f"{path}: {error}") from None


def digest(graph: Graph) -> str:
    """Return the SHA-256 of the graph's file, in hexadecimal."""
    return hashlib.sha256(to_bytes(graph)).hexdigest()


def to_bytes(graph: Graph) -> bytes:
    """Return the content of the graph's file."""
    description = {
        "format": FORMAT,
        "version": VERSION,
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "metadata": dict(sorted(graph.metadata.items())),
        "tensors": [asdict(tensor) for tensor in graph.tensors],
        "operators": [_described(operator) for operator in graph.operators],
    }
    text = json.dumps(description).encode()
    constants = {
        f"{operator.name}/{name}": value for operator in graph.operators for name, value in _constants(operator).items()
    }
    file = io.BytesIO()
    entries: dict[str, Any] = {DESCRIPTION: np.frombuffer(text, np.uint8), **constants}
    np.savez(file, **entries)
    return file.getvalue()


def from_bytes(content: bytes) -> Graph:
    """Return the graph of a file's content. Raises GraphFileError if it is no graph."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            arrays = {name: entries[name] for name in entries.files}
        description = json.loads(arrays.pop(DESCRIPTION).tobytes())
        found = description["format"], description["version"]
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise GraphFileError(f"not an integer graph, or broken ({type(error).__name__}: {error})") from None
    if found[0] != FORMAT or found[1] not in READABLE:
        raise GraphFileError(f"it is {found[0]!r}, version {found[1]}; expected {FORMAT!r}, version {VERSION}")
    try:
        return _graph(description, arrays)
    except (GraphError, KeyError, TypeError, ValueError) as error:
        raise GraphFileError(f"its graph is not valid: {error}") from None


def _constants(operator: Operator) -> dict[str, Array]:
    values = {each.name: getattr(operator, each.name) for each in fields(operator)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _described(operator: Operator) -> Json:
    values = {each.name: getattr(operator, each.name) for each in fields(operator)}
    plain = {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
    return {"operator": type(operator).__name__, **plain}


def _graph(description: Json, arrays: dict[str, Array]) -> Graph:
    operators = []
    for entry in description["operators"]:
        kind = OPERATORS[entry.pop("operator")]
        prefix = f"{entry['name']}/"
        own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        constants: Json = {name: value for name, value in own.items() if "/" not in name}
        plain = {name: _tuples(value) for name, value in entry.items()}
        operators.append(kind(**plain, **constants))
    tensors = [Tensor(**{**tensor, "shape": tuple(tensor["shape"])}) for tensor in description["tensors"]]
    inputs, outputs = tuple(description["inputs"]), tuple(description["outputs"])
    return Graph(description["name"], inputs, outputs, tuple(tensors), tuple(operators), description["metadata"])


def _tuples(value: Any) -> Any:
    """Return JSON's lists as the tuples that they were."""
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
