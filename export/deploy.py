"""From a finished training to the files that are deployed."""

from __future__ import annotations

import re

from export import graph_file, tflite
from export.lower import lower
from export.tflm_sources import write_sources
from sfkeras import atomic


def deploy(training) -> None:
    """Writes what a run deploys into its export folder: NAME.graph, NAME.tflite and its C sources.

    Args:
        training: sfkeras.training.Training after its fixed8 phase.
    """
    run, name = training.run, training.recipe.name
    graph = lower(training.deployable(), name, {"core": training.core.digest} if training.core else {})
    written = tflite.write(graph)
    graph_file.save(graph, run.export / f"{name}.graph")
    atomic.write(run.export / f"{name}.tflite", written.content)
    write_sources(run.export, c_name(name), written.content)


def c_name(name: str) -> str:
    """A run's name as a C identifier in lower case."""
    return re.sub(r"^(?=[^a-z])", "net_", re.sub(r"\W", "_", name.lower()))
