"""From a finished training, or several joined, to the files that are deployed."""

from __future__ import annotations

from pathlib import Path

from export import c_model, graph_file, tflite
from export.c_text import c_identifier
from export.graph import Graph
from export.lower import lower
from export.opened import Network
from export.tflm_sources import write_sources
from sfkeras import atomic, fixed8


def deploy(training) -> None:
    """Writes what a run deploys into its export folder.

    Args:
        training: sfkeras.training.Training after its fixed8 phase.
    """
    run, name = training.run, training.recipe.name
    model = training.deployable()
    taped_out = training.core is not None and fixed8.frozen_codes(model)
    write(lower(model, name, {"core": training.core.digest} if taped_out else {}), run.export)


def write(graph: Graph, folder: Path) -> None:
    """Writes NAME.graph, NAME.tflite with its C sources, and c/, the line-streaming C, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    written = tflite.write(graph)
    graph_file.save(graph, folder / f"{graph.name}.graph")
    atomic.write(folder / f"{graph.name}.tflite", written.content)
    write_sources(folder, c_identifier(graph.name), written.content)
    c_model.write_folder(Network(graph).plan, folder / "c")
