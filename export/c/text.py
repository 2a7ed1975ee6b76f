"""Numbers and names as C text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

VALUES_PER_LINE = 16


def c_identifier(name: str) -> str:
    """Return a name as a C identifier. "sf" is the library's own prefix."""
    return re.sub(r"^(?![a-z])|^(?=sf(_|$))", "net_", re.sub(r"\W", "_", name.lower(), flags=re.ASCII))


def c_comment(text: str) -> str:
    """Return text that neither ends a one-line comment nor continues it on the next line."""
    return "".join(letter if letter.isprintable() and letter not in "\\?" else "_" for letter in text)


def c_float(value: float) -> str:
    """Return a value as a float literal."""
    return f"{np.format_float_scientific(np.float32(value), trim='0')}f"


def c_string(text: str) -> str:
    """Return a text as a string literal of UTF-8; what is not plain ASCII is written as octal bytes."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')  # with ? could begin a trigraph
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode()) + '"'


def c_array(values: npt.NDArray[np.integer]) -> str:
    """Return an initialiser of all values, wrapped."""
    return "{\n" + c_lines(map(int, np.ravel(values))) + "\n}"


def c_lines(values: Iterable[object], per_line: int = VALUES_PER_LINE) -> str:
    """Return values separated by commas, some per line."""
    texts = map(str, values)
    lines = iter(lambda: ", ".join(islice(texts, per_line)), "")  # line by line: there may be millions of values
    return ",\n".join("    " + line for line in lines)


def c_bytes(content: bytes) -> str:
    """Return an initialiser of bytes, wrapped."""
    return c_lines(f"0x{byte:02x}" for byte in content)


def c_words(content: bytes) -> str:
    """Return an initialiser of bytes as little-endian words of 32 bits, wrapped."""
    return c_lines((f"0x{word:08x}" for word in np.frombuffer(content, "<u4")), VALUES_PER_LINE // 2)
