"""A network from wherever a user has it: a run folder, a .tflite, a compiled folder or a graph file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from export.datapath import task_image
from export.datapath.retarget import fit
from export.datapath.weight_layout import for_flash
from export.graph import graph_file
from export.graph.graph import Graph
from export.graph.resize import parse_size, resize
from export.graph.switches import ways
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan
from export.tflite import reader, writer
from export.tflite.writer import Tflite


@dataclass(frozen=True)
class Network:
    """A graph and its .tflite.

    Attributes:
        graph: the graph.
        to_tflite: gives its .tflite when that is first asked for: what only plans or compiles does not wait for it.
        datapath: the plan of a network that is compiled already, on which this one runs as a task; None: its own.
    """

    graph: Graph
    to_tflite: Callable[[Graph], Tflite] = writer.write
    datapath: LinePlan | None = None

    def resized(self, size: tuple[int, int]) -> Network:
        """The same network for images of another height and width, with a .tflite written anew."""
        return Network(resize(self.graph, size))

    def laid_out(self, flash: str) -> Network:
        """The same network with codes that lie so in flash. Raises: ValueError; see export.datapath.weight_layout."""
        return replace(self, graph=for_flash(self.graph, flash))

    def as_task_of(self, compiled: LinePlan) -> Network:
        """The same network as a task for one that is compiled already.

        Raises: GraphError if it is no task of that one; see export.datapath.retarget.fit.
        """
        size = compiled.graph.tensor(compiled.graph.inputs[0]).shape[:2]
        task = self if self.graph.tensor(self.graph.inputs[0]).shape[:2] == size else self.resized(size)
        task = replace(task, datapath=compiled)
        task.plan  # noqa: B018 (planned here, so that what does not fit is refused at once)
        return task

    @cached_property
    def tflite(self) -> Tflite:
        """Its .tflite. Raises: GraphError if it has none; see export.tflite.writer.write."""
        return self.to_tflite(self.graph)

    @cached_property
    def plan(self) -> LinePlan:
        """Its line plan, with all that a task can switch."""
        if self.datapath is not None:
            return fit(self.graph, self.datapath)
        found = ways(self.graph)
        return line_plan.plan(found.graph, found.switches)

    @property
    def compiled(self) -> LinePlan:
        """The plan of the C that runs it."""
        return self.datapath or self.plan

    @cached_property
    def loaded(self) -> bytes | None:
        """The task image that this C loads; None if its own constants are compiled in."""
        return task_image.write(self.plan).content if self.datapath is not None else None


def open_network(path: str | os.PathLike, size: str | None = None) -> Network:
    """Opens a network as it is, or for images of another size such as "480x640". See read_network."""
    network = read_network(path)
    return network.resized(parse_size(size)) if size else network


def read_network(path: str | os.PathLike) -> Network:
    """Opens a run folder (runs/face), a .tflite, a compiled folder, or a .graph.

    Raises: ValueError (of a kind that names the file and the reason) or OSError.
    """
    path = Path(path)
    if path.suffix == ".tflite":
        try:
            graph, model = reader.read(path.read_bytes())
        except reader.TfliteError as error:
            raise ValueError(f"{path}: {error}") from None
        graph = replace(graph, name=path.stem)  # in the file it is called "main" or nothing at all
        return Network(graph, lambda _: model)
    graph = graph_file.load(graph_path(path))
    exported = path / "export" / f"{graph.name}.tflite"
    return Network(graph, partial(_exported, exported.read_bytes())) if exported.exists() else Network(graph)


def _exported(content: bytes, graph: Graph) -> Tflite:
    """The file under test. Where its tensors are follows from the graph alone."""
    return replace(writer.write(graph), content=content)


def graph_path(path: Path) -> Path:
    """The one graph file that a path names or a folder holds. Raises: ValueError."""
    if path.suffix == ".graph":
        return path
    found = sorted([*path.glob("*.graph"), *path.glob("export/*.graph")])
    if len(found) != 1:
        raise ValueError(
            f"{path} is no run with an export, no compiled folder and no .tflite: "
            + (f"it holds {len(found)} graphs" if found else "no .graph file is in it or in its folder export")
        )
    return found[0]
