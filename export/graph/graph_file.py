"""An integer graph as a file: a .npz of its constants with a JSON description of the rest.

The same graph has the same bytes. The file is not compressed, because other versions of zlib give
other bytes.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import os
import struct
import zipfile
from dataclasses import asdict, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from export.graph import limits
from export.graph.graph import Graph
from export.graph.operators import OPERATORS, Operator
from export.graph.tensor import GraphError, OneLineError, Tensor

FORMAT = "sfkeras integer graph"
VERSION = 2
READABLE = (1, VERSION)  # version 1 lacks `dense`
DESCRIPTION = "graph"  # entry of the .npz; the others are OPERATOR/FIELD

# What Python's and NumPy's parsers raise where bytes are not what they should be.
BROKEN = (
    ValueError,  # and GraphError
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,  # of an entry that claims to be encrypted; and RecursionError
    TypeError,
    struct.error,
    zipfile.BadZipFile,
)

Made = TypeVar("Made")
Array = npt.NDArray[Any]  # of any type: int8 codes, int32 biases, float32 scales
Json = dict[str, Any]


class GraphFileError(OneLineError):
    """A file that is no graph, is broken, or is from another version."""


def load(path: str | os.PathLike[str]) -> Graph:
    """Read a graph from a file.

    Raises GraphFileError, which names the file and what is wrong with it; OSError.
    """
    with open(path, "rb") as file:
        content = file.read(limits.MOST_FILE_BYTES + 1)
    if len(content) > limits.MOST_FILE_BYTES:
        raise GraphFileError(f"{path}: it has more than {limits.MOST_FILE_BYTES:,} bytes, which no graph can have")
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
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            arrays = {entry.filename.removesuffix(".npy"): _array(file, entry) for entry in file.infolist()}
        description = json.loads(arrays.pop(DESCRIPTION).tobytes())
        found = description["format"], description["version"]
    except BROKEN as error:
        raise GraphFileError(f"not an integer graph, or broken ({type(error).__name__}: {error})") from None
    if found[0] != FORMAT or found[1] not in READABLE:
        raise GraphFileError(f"it is {found[0]!r}, version {found[1]}; expected {FORMAT!r}, version {VERSION}")
    try:
        return _graph(description, arrays)
    except BROKEN as error:  # among them GraphError
        what = f"no {error}" if isinstance(error, KeyError) else error
        raise GraphFileError(f"its graph is not valid: {what}") from None


def _array(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """Return an entry. What it declares is compared to what it holds, before any memory is taken for it."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"its entry {entry.filename} is compressed; a graph is not")
    stream = io.BytesIO(file.read(entry))
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"its entry {entry.filename} is .npy version {version}; expected (1, 0)")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    values, size = stream.read(), math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or len(values) != size:
        raise ValueError(f"its entry {entry.filename} has {len(values)} bytes; {dtype} {shape} needs {size}")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if by_columns else "C")


def _constants(operator: Operator) -> dict[str, Array]:
    values = {each.name: getattr(operator, each.name) for each in fields(operator)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _described(operator: Operator) -> Json:
    values = {each.name: getattr(operator, each.name) for each in fields(operator)}
    plain = {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
    return {"operator": type(operator).__name__, **plain}


def _graph(description: Json, arrays: dict[str, Array]) -> Graph:
    constants: dict[str, Json] = {}  # by operator
    for name, value in arrays.items():
        operator, _, field = name.rpartition("/")
        constants.setdefault(operator, {})[field] = value
    operators = []
    for entry in description["operators"]:
        kind = OPERATORS[entry.pop("operator")]
        values = {**entry, **constants.get(entry["name"], {})}
        operators.append(_made(kind, values))
    tensors = tuple(_made(Tensor, tensor) for tensor in description["tensors"])
    own = {name: description[name] for name in ("name", "inputs", "outputs", "metadata")}
    return _made(Graph, {**own, "tensors": tensors, "operators": tuple(operators)})


def _made(kind: type[Made], values: Json) -> Made:
    """Return an object of a class with fields. Raise GraphError if a value is not of its field's type."""
    hints = _hints(kind.__name__)
    values = {name: _tuples(value) for name, value in values.items()}
    for name, value in values.items():
        if name in hints and not _is_of(value, hints[name]):
            raise GraphError(f"{kind.__name__} {values.get('name')!r}: {name} is {str(value)[:80]!r}, of another type")
    return kind(**values)


@functools.cache
def _hints(kind: str) -> dict[str, Any]:
    """Return the types of the fields of a class, by its name. Evaluating them takes longer than all else of a file."""
    return get_type_hints({**OPERATORS, "Tensor": Tensor, "Graph": Graph}[kind])


def _is_of(value: Any, hint: Any) -> bool:
    """Return whether a value is of an annotated type."""
    kind, of = get_origin(hint), get_args(hint)
    if kind is UnionType:
        return any(_is_of(value, each) for each in of)
    if kind is dict:
        return isinstance(value, dict) and all(_is_of(each, of[1]) for each in value.values())
    if kind is tuple:
        each = of[:1] * len(value) if isinstance(value, tuple) and of[1:] == (...,) else of
        return isinstance(value, tuple) and len(value) == len(each) and all(map(_is_of, value, each))
    if kind is not None:  # an array, whose values the operator checks
        return isinstance(value, kind)
    return isinstance(value, (int, float) if hint is float else hint) and isinstance(value, bool) == (hint is bool)


def _tuples(value: Any) -> Any:
    """Return JSON's lists as the tuples that they were."""
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
