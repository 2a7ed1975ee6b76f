"""The datapath: what of a network is fixed when its C is compiled or its chip is taped out, whatever task it then runs.

Shapes, windows, zero points, clamps, wires and the memory plan are the datapath's; codes that are not frozen, biases and
requantisation are the task's. Two networks of one datapath can take each other's task images.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

import numpy as np

from export import rounding
from export.graph import Convolution, Graph, Window, Wire
from export.lines import LinePlan, Stage

TASK_FIELDS = {"codes", "scales", "bias", "scale", "table", "breakpoints", "beta", "fully_connected"}
NO_CORE = "0" * 64


def core_digest(graph: Graph) -> str:
    """SHA-256 of the frozen codes that a graph belongs to, in hexadecimal; zeros if it has none."""
    return graph.metadata.get("core", NO_CORE)


def digest(plan: LinePlan) -> str:
    """SHA-256 of the datapath, in hexadecimal. Names do not count."""
    text = json.dumps([structure(plan, stage) for stage in plan.stages], sort_keys=True)
    image = plan.graph.tensor(plan.graph.inputs[0])
    return hashlib.sha256(f"{image.shape} {image.zero_point} {text}".encode()).hexdigest()


def structure(plan: LinePlan, stage: Stage) -> dict:
    """What is fixed about a stage, as plain lists and dicts; tensors are numbered: 0 is the image, i + 1 what stage i makes."""
    operator, graph = stage.operator, plan.graph
    numbers = tensor_numbers(plan)
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    fixed = {each.name: getattr(operator, each.name) for each in fields(operator)}
    fixed = {name: value for name, value in fixed.items() if name not in TASK_FIELDS | {"name", "inputs"}}
    if isinstance(operator, Window):
        fixed |= {"kernel": list(operator.kernel), "padding": operator.pads(inputs[0].shape[:2])}
    if isinstance(operator, Convolution):
        fixed["wide"] = is_wide(operator, graph)
    if isinstance(operator, Wire):
        fixed["sources"] = None if operator.core_shuffle else operator.sources.tolist()
    return {
        "kind": type(operator).__name__,
        "inputs": [numbers[name] for name in operator.inputs],
        "shape": list(output.shape),
        "zero_points": [tensor.zero_point for tensor in (*inputs, output)],
        **fixed,
    }


def tensor_numbers(plan: LinePlan) -> dict[str, int]:
    """The number of each tensor: 0 is the image, i + 1 what stage i makes."""
    return {name: i for i, name in enumerate([*plan.graph.inputs, *(stage.operator.output for stage in plan.stages)])}


def factors(operator: Convolution, graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of a convolution's channels."""
    multipliers = operator.multipliers(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return rounding.quantize_multiplier(multipliers)


def is_wide(operator: Convolution, graph: Graph) -> bool:
    """Whether a multiplier needs more than the 24 bits that a fixed8 network's have, and so a word of its own.

    With exponents instead of scales on the tensors, a multiplier is a float32 weight scale times a power of two.
    """
    return bool(np.any(factors(operator, graph)[0] & 0x7F))
