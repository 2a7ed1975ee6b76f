"""`python -m export run`: one reading of a network on a batch of int8 images, and what it costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from export.backends import c_program, machines
from export.datapath import task_image
from export.graph import golden
from export.graph.switches import tensors_of
from export.network import Network
from export.streaming import line_model
from export.streaming.line_plan import LinePlan
from export.tflite import arena
from export.tflite.interpreters import run_builtin_ref, run_tflm

Outputs = dict[str, np.ndarray]  # int8 (batch, height, width, channels) by output name
HOST_COMPILER = "gcc-O3"


def run_on(network: Network, inputs: np.ndarray, reading: str, task: bytes | None = None) -> tuple[Outputs, dict]:
    """Runs a reading.

    Args:
        network: the network.
        inputs: int8 (batch, height, width, channels).
        reading: one of READINGS.
        task: a task image that takes the place of the network's own, held in RAM; only for the C, on any machine.
    Returns: outputs by name (of a task image, those that the task gives), and the cost as plain numbers: seconds, or
        instructions, bytes of RAM, stack and flash.
    Raises: ValueError if inputs or reading do not suit; MachineError, RuntimeError if it cannot run.
    """
    if reading not in READINGS:
        raise ValueError(f"--on is {reading!r}; it must be one of {', '.join(READINGS)}")
    shape = network.graph.tensor(network.graph.inputs[0]).shape
    if inputs.dtype != np.int8 or inputs.shape[1:] != shape or len(inputs) == 0:
        raise ValueError(f"the inputs are {inputs.dtype} {inputs.shape}; they must be int8 (images, {shape})")
    if task is None:
        outputs, cost = READINGS[reading](network, inputs)
    elif reading in COMPILED:
        outputs, cost = _run_compiled(network.plan, inputs, COMPILED[reading], task)
    else:
        raise ValueError(f"--task is for {', '.join(COMPILED)}; {reading} has no task images")
    return outputs, {"on": reading, "images": len(inputs), **cost}


def _of_own_graph(network: Network, maps: Outputs) -> Outputs:
    own = tensors_of(network.graph, network.plan.graph, maps)
    return {name: own[name] for name in network.graph.outputs}


def _timed(run: Callable[[], Outputs]) -> tuple[Outputs, dict]:
    start = time.perf_counter()
    outputs = run()
    return outputs, {"seconds": round(time.perf_counter() - start, 6)}


def _golden(network: Network, inputs):
    return _timed(lambda: golden.run(network.graph, inputs, network.graph.outputs))


def _stream(network: Network, inputs):
    outputs, cost = _timed(lambda: line_model.run(network.plan, inputs))
    return _of_own_graph(network, outputs), {**cost, "ram": network.plan.bytes}


def _interpreted(interpreter):
    def run(network: Network, inputs):
        places = {name: network.tflite.tensors[name] for name in network.graph.outputs}
        indices = [place.index for place in places.values()]
        values, cost = _timed(lambda: interpreter(network.tflite.content, [inputs], indices))
        return {name: place.logical(values[place.index]) for name, place in places.items()}, cost

    return run


def _tflm(network: Network, inputs):
    outputs, cost = _interpreted(run_tflm)(network, inputs)
    return outputs, {**cost, "arena": arena.measure(network.tflite.content).total}


def _run_compiled(plan: LinePlan, inputs: np.ndarray, name: str, *tasks: bytes):
    with tempfile.TemporaryDirectory() as folder:
        built = c_program.Built(plan, machines.MACHINES[name], Path(folder))
        made, result = built.run(inputs, *tasks)
        for task in tasks:  # which has been accepted
            plan = replace(plan, switches=task_image.switches(plan, task))
        outputs = {name: made[name] for name in plan.given}
        if name not in machines.boards():
            return outputs, {"seconds": result.seconds}
        memory, macs = built.program.memory(), plan.macs * len(inputs)
    return outputs, {
        "instructions": result.instructions,
        "instructions_per_mac": round(result.instructions / macs, 3) if macs else None,
        "ram": memory.ram + result.stack + sum(map(len, tasks)),
        "stack": result.stack,
        "flash": memory.flash,
    }


def _compiled(name: str):
    def run(network: Network, inputs):
        outputs, cost = _run_compiled(network.plan, inputs, name)
        return _of_own_graph(network, outputs), cost

    return run


COMPILED = {"c": HOST_COMPILER, "native": "native", **{board: board for board in machines.boards()}}
READINGS = {
    "golden": _golden,
    "stream": _stream,
    "tflite": _interpreted(run_builtin_ref),
    "tflm": _tflm,
    **{reading: _compiled(machine) for reading, machine in COMPILED.items()},
}
