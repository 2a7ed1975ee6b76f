"""Files that this project wrote and reads again: JSON and arrays. A damaged one is one line that names it.

Their content is checked here, once, so that nothing later meets a missing key or a text where a
number belongs.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np

from sfkeras import costs
from sfkeras.errors import RecipeError


def read_json(path: Path, kind: Any, fix: str) -> Any:
    """Return the content of a JSON file.

    Args:
        path: of a file that exists.
        kind: what it must be, such as dict[str, int | None]; see `require`.
        fix: sentence that says how to get a good file.
    Raises: RecipeError that names the file.
    """
    try:
        if not path.is_file() or path.stat().st_size > costs.JSON_BYTES:
            raise ValueError(f"it is not a file of at most {costs.JSON_BYTES:,} bytes")
        return parse_json(path.read_bytes(), kind, finite)
    except (ValueError, RecursionError) as error:
        raise damaged(path, error, fix) from None


def parse_json(content: bytes, kind: Any, constant: Callable[[str], float] = float) -> Any:
    """Return what JSON text contains.

    Args:
        kind: what it must be; see `require`.
        constant: function of "NaN" or "Infinity", which JSON of Python may contain, to its value.
    Raises: ValueError or RecursionError.
    """
    value = json.loads(content.decode(), parse_constant=constant)
    require(value, kind)
    return value


def read_arrays(
    path: Path, fix: str, names: tuple[str, ...] | None = None, most: int = costs.ARRAYS_BYTES
) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file, whose CRCs are compared.

    Args:
        names: of the arrays to read; None reads all.
        most: bytes that it may have unpacked.
    Raises: RecipeError that names the file.
    """
    try:
        if not path.is_file():
            raise ValueError("it is not a file")
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > most:
            raise ValueError(f"it unpacks to {unpacked:,} bytes; expected at most {most:,}")
        with np.load(path) as arrays:
            return {name: arrays[name] for name in names or arrays.files}
    except Exception as error:  # zipfile, zlib and numpy raise many kinds of errors
        raise damaged(path, error, fix) from None


def damaged(path: Path, error: Exception, fix: str) -> RecipeError:
    """Return the error that names a damaged file."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return RecipeError(f"{path} is damaged: {reason}. {fix}")


def require(value: Any, kind: Any, where: str = "it") -> None:
    """Check that a value from JSON is what it must be.

    Args:
        kind: str, int, float (a number), None, dict[str, KIND], list[KIND], KIND | KIND, or
            {key: KIND}, a dict that has these keys at least.
        where: the value's name in the error.
    Raises: ValueError.
    """
    if isinstance(kind, dict):
        require(value, dict[str, object], where)
        for key, inner in kind.items():
            if key not in value:
                raise ValueError(f"{where} has no {key}")
            require(value[key], inner, key)
        return
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is UnionType:
        if not any(_fits(value, choice) for choice in inner):
            raise ValueError(f"{where} is {_short(value)}")
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            require(each, inner[1], key)
    elif origin is list and isinstance(value, list):
        for each in value:
            require(each, inner[0], where)
    elif not _is(value, origin):
        raise ValueError(f"{where} is {_short(value)}")


def _fits(value: Any, kind: Any) -> bool:
    try:
        require(value, kind)
    except ValueError:
        return False
    return True


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool) and kind is not object:
        return kind is bool
    if isinstance(value, int) and abs(value) >= 1e300:  # no float can hold it
        return kind is object
    if kind is float:
        return isinstance(value, int | float)
    return value is None if kind is NoneType else isinstance(value, kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def finite(constant: str) -> float:
    """Refuse a number that is not finite. Raises: ValueError."""
    raise ValueError(f"it contains {constant}")
