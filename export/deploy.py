"""From a finished training, or several joined, to the files that are deployed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from export.c import project
from export.c.text import c_identifier
from export.c.tflm import write_sources
from export.graph import graph_file, meaning
from export.graph.graph import Graph
from export.graph.meaning import Meaning
from export.graph.passes.join import join, prove
from export.network import Network
from export.opening import open_network
from export.tflite.writing import writer
from sfkeras import atomic_file


def deploy(training) -> None:
    """Writes what a run deploys into its export folder.

    Args:
        training: sfkeras.training.trainer.Training after its fixed8 phase.
    """
    from export.lower import lower  # late, because the other functions here need no TensorFlow
    from sfkeras.nn.quantisation import fixed8

    run, name = training.run, training.recipe.name
    model = training.build_deployable_model()
    taped_out = training.core is not None and fixed8.frozen_codes(model)
    graph = lower(model, name, {"core": training.core.digest} if taped_out else {})
    known = [Meaning(**each) for each in training.meanings()]
    write(meaning.attach(graph, dict(zip(graph.outputs, known)), training.recipe.data.fit), run.export)


def write(graph: Graph, folder: str | os.PathLike[str]) -> None:
    """Writes NAME.graph, NAME.tflite with its C sources, and c/, the line-streaming C, into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = writer.write(graph)
    atomic_file.write(folder / f"{graph.name}.graph", graph_file.to_bytes(graph))
    atomic_file.write(folder / f"{graph.name}.tflite", written.content)
    write_sources(folder, c_identifier(graph.name), written.content)
    project.write_folder(Network(graph).plan, folder / "c", graph)


def join_runs(runs: Sequence[str | os.PathLike], out: str | os.PathLike, size: str | None = None) -> str:
    """Joins runs, proves each output and writes what is deployed into out/export. Returns what was made, as a text.

    Args:
        runs: run folders; the first settles the frozen core for the others.
        size: height and width of the images, such as 480x640, if not those of the trainings.
    Raises: GraphError as `join` and `prove`; ValueError if a folder is no run.
    """
    tasks, out = [open_network(run, size).graph for run in runs], Path(out)
    joined = join(tasks, out.resolve().name)
    prove(joined, tasks)
    write(joined, out / "export")
    return f"{out}: {len(joined.outputs)} outputs, each with the bytes of its task alone: {', '.join(joined.outputs)}"
