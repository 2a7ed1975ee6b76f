"""What differs between two reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Contents = dict[str, Any]
SIZES = {
    "ram": "RAM, bytes",
    "stack": "of it stack, bytes",
    "flash": "flash, bytes",
    "task_image": "task image, bytes",
    "macs": "MACs",
}


def differences(one: Contents, two: Contents) -> Iterator[tuple[str, Any, Any]]:
    """Yield (what, in the first, in the second): numbers first, then texts, only where they differ.

    A number that one of them does not have is None.
    """
    numbers = _numbers(one), _numbers(two)
    texts = _texts(one), _texts(two)
    for first, second, empty in ((*numbers, None), (*texts, "none")):
        for what in dict.fromkeys([*first, *second]):
            before, after = first.get(what, empty), second.get(what, empty)
            if before != after:
                yield what, before, after


def _numbers(contents: Contents) -> dict[str, float | int]:
    accuracy = {
        f"{form}: {metric}": value
        for form, measured in contents.get("accuracy", {}).items()
        if form not in ("chance",)
        for metric, value in measured.items()
    }
    judged = {
        f"{output}: {key}": each[key]
        for output, each in contents.get("judged", {}).items()
        for key in ("threshold", "false_accept_rate", "false_reject_rate", "wrong")
        if key in each
    }
    sizes = {title: contents["sizes"][key] for key, title in SIZES.items()}
    boards = {f"instructions on {name}": cost["instructions"] for name, cost in contents["sizes"]["boards"].items()}
    area = contents["area"] or {"designs": {}}
    mm2 = {f"mm2, {name}": each["mm2"]["total"] for name, each in area["designs"].items()}
    lines = {"stages": len(contents["stages"]), "lines per image": contents["memory"]["lines"]}
    return {**accuracy, **judged, **sizes, **boards, **lines, **mm2}


def _texts(contents: Contents) -> dict[str, str]:
    boards = {
        each["board"]: f"{'fits' if each['fits'] else 'does not fit'}: {each['reason']}" for each in contents["boards"]
    }
    fits = {f"{name}": text for name, text in boards.items()}
    recipe = dict(line.split(": ", 1) for line in _recipe_lines(contents.get("recipe", "")))
    files = {f"file {each['file']}": each["sha256"][:16] for each in contents["files"]}
    return {**{f"recipe {key}": value for key, value in recipe.items()}, **fits, **files}


def _recipe_lines(text: str) -> Iterator[str]:
    """The keys of a recipe with their sections, one per line."""
    section: list[tuple[int, str]] = []
    for line in text.splitlines():
        key, colon, value = line.strip().partition(":")
        if not colon or line.lstrip().startswith(("#", "-")):
            continue
        depth = len(line) - len(line.lstrip())
        section = [each for each in section if each[0] < depth]
        if value.strip():
            yield f"{'.'.join([*(name for _, name in section), key])}: {value.strip()}"
        else:
            section.append((depth, key))
