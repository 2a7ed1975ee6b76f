"""The operators of a .tflite, one function each: what of the integer graph they become, or why they cannot.

The first line of a function's description is its row in docs/operators.md.
"""

from __future__ import annotations

from export.tflite.reading.operators import (  # noqa: F401, they register their readers
    choices,
    moves,
    pairs,
    recurrent,
    states,
    sums,
    values,
    windows,
)
from export.tflite.reading.operators.registry import READERS


def table() -> str:
    """The supported operators as a table in Markdown."""
    rows = [f"| {kind} | {str(READERS[kind].__doc__).splitlines()[0]} |" for kind in sorted(READERS)]
    return "\n".join(["| operator of the .tflite | becomes |", "| --- | --- |", *rows]) + "\n"
