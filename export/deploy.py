"""From a finished training to the files that are deployed."""

from __future__ import annotations

from export import c_model, graph_file, lines, tflite
from export.c_text import c_identifier
from export.lower import lower
from export.tflm_sources import write_sources
from sfkeras import atomic


def deploy(training) -> None:
    """Writes what a run deploys into its export folder: NAME.graph, NAME.tflite with its C sources, and c/, its
    line-streaming C.

    Args:
        training: sfkeras.training.Training after its fixed8 phase.
    """
    run, name = training.run, training.recipe.name
    graph = lower(training.deployable(), name, {"core": training.core.digest} if training.core else {})
    written = tflite.write(graph)
    graph_file.save(graph, run.export / f"{name}.graph")
    atomic.write(run.export / f"{name}.tflite", written.content)
    write_sources(run.export, c_identifier(name), written.content)
    c_model.write_folder(lines.plan(graph), run.export / "c")
