"""`python -m export run`: a network on one backend, on a batch of int8 images, and what it costs."""

from __future__ import annotations

import numpy as np

from export.backends import registry
from export.backends.backend import Cost, Maps
from export.network import Network


def run_on(network: Network, inputs: np.ndarray, on: str, task: bytes | None = None) -> tuple[Maps, Cost]:
    """Run a backend.

    Args:
        network: the network.
        inputs: int8 (batch, height, width, channels).
        on: a backend, by its name or an alias.
        task: a task image that takes the place of the network's own, held in RAM.
    Returns: outputs by name (of a task image, those that the task gives), and the cost as plain numbers: seconds, or
        instructions, bytes of RAM, stack and flash.
    Raises: ValueError if inputs or backend do not suit; MissingTool, MachineError, RuntimeError if it cannot run.
    """
    backend = registry.find(on)
    image = network.graph.tensor(network.graph.inputs[0])
    if inputs.dtype != np.int8 or inputs.shape[1:] != image.shape or len(inputs) == 0:
        raise ValueError(f"the inputs are {inputs.dtype} {inputs.shape}; they must be int8 {image.batch}")
    if task is not None and not backend.takes_tasks:
        takers = ", ".join(each.name for each in registry.ENTRIES if each.takes_tasks)
        raise ValueError(f"{backend.name} takes no task image; --task is for {takers}")
    run = backend.prepare(network, False)
    outputs, cost = run({network.graph.inputs[0]: inputs}, task)
    return outputs, {"on": backend.name, "images": len(inputs), **cost}
