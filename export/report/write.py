"""Writes a report: FILE.html for people, and FILE.json, of which the HTML is made, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.backends import registry
from export.opening import open_network
from export.report import contents, gate, page, sizes
from export.report.contents import Contents
from sfkeras import atomic_file


def report(paths: Sequence[Path], on: str, out: Path | None, conditions: Sequence[gate.Condition] = ()) -> list[str]:
    """Write the report of one network, or of two that are compared. Returns: which conditions of the gate are met.

    Args:
        paths: what contents.of takes.
        on: names of emulated boards, with commas.
        out: the HTML file, if not where it is expected.
        conditions: see gate.parse.
    Raises: as contents.of; ValueError if a backend is no emulated board.
    """
    boards = [backend.name for backend in registry.select(on, registry.benchable())]
    if unknown := [name for name in boards if name not in sizes.KERNELS]:
        raise ValueError(f"--on has {', '.join(unknown)}; a report is measured on {', '.join(sizes.KERNELS)}")
    if out is not None and out.suffix != ".html":
        raise ValueError(f"--out is {out}; it must end with .html")
    for path in paths:  # before minutes of measurements
        open_network(path)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.require_place(out)
    made = [contents.of(path, boards) for path in paths]
    file = out or _place(paths, made)
    write(made[0], file, *made[1:])
    print("\n".join(each["summary"] for each in made))
    print(f"{file}: open it in a browser")
    return [each for one in made for each in gate.failures(one, conditions)]


def _place(paths: Sequence[Path], made: Sequence[Contents]) -> Path:
    run = paths[0] if (paths[0] / "recipe.yaml").is_file() else None
    compared = f"_{made[1]['name']}" if len(made) > 1 else ""
    return run / f"report{compared}.html" if run else Path(f"{made[0]['name']}_report{compared}.html")


def write(made: Contents, file: Path, other: Contents | None = None) -> None:
    """Write report.html and report.json, or files of another name.

    Args:
        made: what contents.of gave.
        file: the HTML file; the JSON has the same name.
        other: the contents of a second network, with which it is compared.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.write(file.with_suffix(".json"), contents.to_json(made))
    atomic_file.write(file, page.html(made, other))
