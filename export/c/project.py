"""The folder that `compile` writes: self-contained C99 that needs only a C compiler."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from export.c import core_header, tables
from export.c.text import c_identifier
from export.datapath import description, task_image
from export.datapath.task_image import TaskImage
from export.drawing import datapath_svg
from export.graph import graph_file, meaning
from export.graph.graph import Graph
from export.streaming.line_plan import LinePlan
from sfkeras import atomic_file, places

MICRO = places.shipped("micro")
LIBRARY = (
    "kernels",
    "stream",
    "device",
)  # folders of MICRO whose files every compiled folder holds, side by side in sf/
PEOPLE = "people"  # the folder whose files a network of faces has too
PROGRAM = "main.c"


def write_folder(plan: LinePlan, folder: str | os.PathLike[str], graph: Graph | None = None) -> list[Path]:
    """Writes the C of a network into a folder, made if need be. Returns: the files written.

    Args:
        plan: its line plan.
        folder: where to write.
        graph: the graph that the plan was made of. NAME.graph holds it, so that the folder can be
            opened as a network.

    Nothing can be built of a folder that was left half-written, because main.c is missing until all
    else is there.
    """
    folder, contents = Path(folder), files(plan)
    if graph is not None:
        contents = {f"{c_identifier(graph.name)}.graph": graph_file.to_bytes(graph), **contents}
    return atomic_file.write_all(folder, contents, PROGRAM)


def files(plan: LinePlan) -> dict[str, str | bytes]:
    """The content of each file by its name in the folder; the same network gives the same bytes.

    Raises: GraphError if the engine's tables cannot hold the network.
    """
    image = task_image.write(plan)
    return files_of(plan, image, placeholders(plan, image))


def placeholders(plan: LinePlan, image: TaskImage) -> dict[str, object]:
    """The value of each placeholder of the templates, by name. Raises: GraphError as `files`."""
    tables.require_fit(plan)
    return tables.values(plan, image)


def files_of(plan: LinePlan, image: TaskImage, values: Mapping[str, object]) -> dict[str, str | bytes]:
    """See `files`. values: the placeholders, which take long to find."""
    parts = [*LIBRARY, PEOPLE] if meaning.faces_of(plan.graph) else LIBRARY
    library = [*library_files(*parts), MICRO / "boards" / "sf_measure.h"]
    return {
        **filled_in("project", values),
        **core_header.files(plan.graph),
        f"{values['name']}_task.bin": image.content,
        "datapath.json": description.to_json(description.describe(plan)),
        "datapath.svg": datapath_svg.draw(plan),
        **{f"sf/{path.name}": path.read_text() for path in library},
    }


def filled_in(folder: str, values: Mapping[str, object]) -> dict[str, str]:
    """The templates of a folder of MICRO, and files there that are none, with the placeholders filled in, by path."""
    found = {}
    for path in sorted(path for path in (MICRO / folder).rglob("*") if path.is_file()):
        if path.parent.name == "__pycache__":  # pip compiles every .py that it installs
            continue
        name = path.relative_to(MICRO / folder).as_posix().replace("NAME", str(values["name"]))
        text = path.read_text()
        found[name.removesuffix(".in")] = Template(text).substitute(values) if path.suffix == ".in" else text
    return found


def library_files(*parts: str) -> list[Path]:
    """Return the C of folders of MICRO, by name: kernels have a folder per instruction set, and are compiled side by side."""
    return sorted((path for part in parts for path in (MICRO / part).rglob("*.[ch]")), key=lambda path: path.name)
