"""Numbers and names as C text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import numpy as np

COLUMNS = 100


def c_identifier(name: str) -> str:
    """A name such as "frozen.stage2.unit3.depthwise" as a C identifier."""
    return re.sub(r"^(?=[^a-z])", "net_", re.sub(r"\W", "_", name.lower()))


def c_array(values: np.ndarray | Iterable[int]) -> str:
    """An initialiser of all values, wrapped."""
    return "{\n" + c_lines(np.ravel(values)) + "\n}"


def c_lines(values: Iterable) -> str:
    """Values, separated by commas, wrapped and indented."""
    return textwrap.fill(", ".join(map(str, values)), COLUMNS, initial_indent="    ", subsequent_indent="    ")


def c_bytes(content: bytes) -> str:
    return c_lines(f"0x{byte:02x}" for byte in content)
