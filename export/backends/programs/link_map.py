"""The map that GNU ld writes of a program: how many bytes of which object lie in which section."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

HEADING = "Linker script and memory map"
OUTPUT = re.compile(r"(\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)")
INPUT = re.compile(r" \.\S+\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)")


def section_sizes(text: str) -> dict[str, int]:
    """Bytes by section of the program, such as ".text"; padding is counted."""
    return {match[1]: int(match[2], 16) for line in _lines(text) if (match := OUTPUT.match(line))}


def object_sizes(text: str) -> Counter[tuple[str, str]]:
    """Bytes by (section of the program, object); object as the linker was given it, padding is not counted."""
    sizes: Counter[tuple[str, str]] = Counter()
    section = ""
    for line in _lines(text):
        if match := OUTPUT.match(line):
            section = match[1]
        elif match := INPUT.match(line):
            sizes[section, match[2]] += int(match[1], 16)
    return sizes


def _lines(text: str) -> Iterator[str]:
    """Lines of the memory map. A name too long for its column stands on a line of its own: it is joined to the next."""
    memory = text.split(HEADING, 1)[1]
    return iter(re.sub(r"^( ?\.\S+)\n +0x", r"\1 0x", memory, flags=re.MULTILINE).splitlines())
