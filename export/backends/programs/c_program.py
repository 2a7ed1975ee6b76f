"""Running the exported C: a network on a machine, with every row of every stage looked at, or only its outputs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from export.backends.backend import Backend, Cost, Maps, Run, of_own_graph
from export.backends.programs import machines
from export.c import project
from export.datapath import task_image
from export.network import Network
from export.streaming.line_plan import LinePlan

DUMPING = ('SF_HOOKS="sf_dump_hooks.h"', "SF_DUMP")  # builds a program that writes every row of every stage
PLACE = np.dtype("<u2")  # tensor and row before each dumped row
SECONDS = 3600  # after which a program is ended: an emulated board takes minutes for a large image


class Built:
    """A network's program on a machine.

    Args:
        plan: its line plan.
        machine: where it runs.
        folder: where the program goes; kept by the caller while it is used.
        dumping: whether the program gives every tensor or only the outputs.
    Raises: MachineError if it cannot be built; MissingTool.
    """

    def __init__(self, plan: LinePlan, machine: machines.Machine, folder: Path, dumping: bool = False):
        self.plan, self.dumping = plan, dumping
        project.write_folder(plan, folder / "c")
        self.program = machines.build(machine, folder / "c", folder / machine.name, DUMPING if dumping else ())

    def run(self, inputs: np.ndarray, *tasks: bytes) -> tuple[dict[str, np.ndarray], machines.Result]:
        """Runs a batch.

        Args:
            inputs: int8 (batch, height, width, channels).
            tasks: a task image to load instead of the network's own, or none.
        Returns: int8 (batch, height, width, channels) by tensor name, and what the run cost.
        Raises: MachineError if the program fails.
        """
        result = self.program.run(inputs.tobytes(), *tasks, timeout=SECONDS)
        parse = dumped_maps if self.dumping else output_maps
        return parse(self.plan, result.output, len(inputs)), result


@dataclass(frozen=True, kw_only=True)
class CBackend(Backend):
    """The exported C on a machine."""

    machine: machines.Machine


def backend(machine: machines.Machine, about: str, **more: Any) -> CBackend:
    """Return a backend that runs the exported C. more: what else it says about itself; see Backend."""
    run = partial(prepare, machine)
    return CBackend(machine.name, about, run, tools=machine.tools, takes_tasks=True, machine=machine, **more)


def prepare(machine: machines.Machine, network: Network, every_tensor: bool) -> Run:
    """Build a network's C for a machine; see export.backends.backend.Backend."""
    folder = tempfile.TemporaryDirectory()
    built = Built(network.compiled, machine, Path(folder.name), dumping=every_tensor)

    def run(
        inputs: Maps, task: bytes | None = None, folder: tempfile.TemporaryDirectory[str] = folder
    ) -> tuple[Maps, Cost]:
        images, plan = inputs[network.graph.inputs[0]], network.plan
        tasks = [image for image in (task or network.loaded,) if image is not None]
        maps, result = built.run(images, *tasks)
        if task is None:
            maps = of_own_graph(network, maps, every_tensor)
        else:  # which has been accepted, and may be of any graph
            plan = replace(plan, switches=task_image.switches(plan, task))
            maps = {name: maps[name] for name in plan.given}
        return maps, _cost(built.program, result, plan.macs * len(images), sum(map(len, tasks)))

    return run


def _cost(program: machines.Program, result: machines.Result, macs: int, loaded: int) -> Cost:
    """What a run cost. loaded: bytes of the task image that is in RAM."""
    if result.instructions is None or result.stack is None:  # main.c counts them on boards only
        return {"seconds": result.seconds}
    memory = program.memory()
    return {
        "instructions": result.instructions,
        "instructions_per_mac": round(result.instructions / macs, 3) if macs else None,
        "ram": memory.ram + result.stack + loaded,
        "stack": result.stack,
        "flash": memory.flash,
    }


def output_maps(plan: LinePlan, output: bytes, count: int) -> dict[str, np.ndarray]:
    """The outputs of `count` images: all of the first image, one behind the other, then those of the next."""
    shapes = {name: plan.graph.tensor(name).shape for name in plan.graph.outputs}
    values = np.frombuffer(output, np.int8).reshape(count, -1)
    ends = np.cumsum([np.prod(shape) for shape in shapes.values()])
    parts = np.split(values, ends[:-1], axis=1)
    return {name: part.reshape(count, *shape) for (name, shape), part in zip(shapes.items(), parts)}


def dumped_maps(plan: LinePlan, output: bytes, count: int) -> dict[str, np.ndarray]:
    """All tensors that were made of `count` images, from rows in the order in which they were made."""
    tensors = [plan.graph.tensor(name) for name in plan.tensor_numbers]
    maps: dict[str, np.ndarray] = {}
    images = {tensor.name: 0 for tensor in tensors}  # complete ones
    place = 0
    while place < len(output):
        number, y = np.frombuffer(output, PLACE, 2, place)
        height, width, channels = (tensor := tensors[number]).shape
        row = np.frombuffer(output, np.int8, width * channels, place + 2 * PLACE.itemsize)
        made = maps.setdefault(tensor.name, np.empty((count, *tensor.shape), np.int8))
        made[images[tensor.name], y] = row.reshape(width, channels)
        images[tensor.name] += int(y == height - 1)
        place += 2 * PLACE.itemsize + len(row)
    return maps
