"""What the interpreters of .tflite share: tensors by name, in the channel order of the graph."""

from __future__ import annotations

from collections.abc import Iterable

from export.backends.backend import Cost, Maps, Run
from export.graph.passes.joined_inputs import parts_of
from export.network import Network
from export.tflite.running.interpreters import Interpreter


def runner(network: Network, interpreter: Interpreter, tensors: Iterable[str], **cost: int) -> Run:
    """Return a Run that shows these tensors of a network in an interpreter that holds its .tflite."""
    places = {name: network.tflite.tensors[name] for name in tensors}
    indices = [place.index for place in places.values()]

    def run(inputs: Maps, task: bytes | None = None) -> tuple[Maps, Cost]:
        before = interpreter.seconds
        given = parts_of(network.graph, inputs, network.tflite.inputs or network.graph.inputs)
        values = interpreter.run(
            given, indices, timed=not network.graph.remembers
        )  # which would count the first call twice
        maps = {name: place.logical(values[place.index]) for name, place in places.items()}
        return maps, {"seconds": round(interpreter.seconds - before, 6), **cost}

    return run


def shown(network: Network, every_tensor: bool) -> list[str]:
    """Names of the tensors that a .tflite has and that are asked for."""
    return list(network.tflite.tensors if every_tensor else network.graph.outputs)
