"""A size gate: conditions under which `sfkeras report --fail-if` ends with status 1."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Report = dict[str, Any]
Condition = tuple[str, str, int, str]  # measure, < or >, limit, as written

BYTES, COUNT = {"": 1, "k": 1 << 10, "m": 1 << 20}, {"": 1, "k": 10**3, "m": 10**6}
MEASURES: dict[str, tuple[dict[str, int], Callable[[Report], int | None]]] = {
    "ram": (BYTES, lambda report: report["sizes"]["ram"]),
    "flash": (BYTES, lambda report: report["sizes"]["flash"]),
    "task_image": (BYTES, lambda report: report["sizes"]["task_image"]),
    "macs": (COUNT, lambda report: report["sizes"]["macs"]),
    "instructions": (COUNT, lambda report: next((c["instructions"] for c in report["sizes"]["boards"].values()), None)),
}
CONDITION = re.compile(r"\s*(\w+)\s*([<>])\s*(\d+)\s*([kKmM]?)\s*", re.ASCII)


def parse(text: str) -> list[Condition]:
    """Return conditions such as "ram>64k,flash>256k" as (measure, < or >, limit, as written).

    k and m are 1,024 and 1,048,576 bytes, or a thousand and a million MACs and instructions.

    Raises: ValueError if one cannot be read.
    """
    made = []
    for written in text.split(","):
        match = CONDITION.fullmatch(written)
        if not match or match[1] not in MEASURES:
            raise ValueError(
                f"--fail-if has {written!r}; expected MEASURE>NUMBER, such as ram>64k, with one of {', '.join(MEASURES)}"
            )
        made.append((match[1], match[2], int(match[3]) * MEASURES[match[1]][0][match[4].lower()], written.strip()))
    return made


def failures(report: Report, conditions: Sequence[Condition]) -> list[str]:
    """Return a sentence per condition that is met.

    Raises: ValueError if a measure is only estimated or unknown: a gate must not be open because a tool is missing.
    """
    met = []
    for measure, sign, limit, written in conditions:
        value = MEASURES[measure][1](report)
        missing = report["sizes"]["missing"]
        if value is None or (report["sizes"]["how"] == "estimated" and measure in ("ram", "flash")):
            raise ValueError(f"--fail-if has {written}, but {measure} cannot be measured here: {'; '.join(missing)}")
        if value > limit if sign == ">" else value < limit:
            met.append(f"{measure} is {value:,}: {written}")
    return met
