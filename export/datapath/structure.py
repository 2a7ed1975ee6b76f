"""The datapath: what of a network is fixed when its C is compiled or its chip is taped out, whatever task it then runs.

Shapes, windows, zero points, clamps, wires and the memory plan are the datapath's; codes that are not frozen, biases and
requantisation are the task's. Two networks of one datapath can take each other's task images. description.py writes it
down for hardware designers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

import numpy as np

from export.datapath import weight_layout
from export.graph import rounding, zero_point
from export.graph.graph import Graph
from export.graph.operators import Convolution, Window, Wire
from export.streaming.line_plan import LinePlan, Stage, When

TASK_FIELDS = {"codes", "scales", "bias", "scale", "table", "breakpoints", "beta", "fully_connected"}


def digest(plan: LinePlan) -> str:
    """SHA-256 of the datapath, in hexadecimal. Names do not count."""
    image, numbers = plan.graph.tensor(plan.graph.inputs[0]), plan.tensor_numbers
    ends = [image.shape, image.zero_point, [numbers[output] for output in plan.graph.outputs]]
    if plan.switches:
        ends += [[positions_of(switch.positions) for switch in plan.switches]]
        ends += [[_when(plan.when_given(output)) for output in plan.graph.outputs]]
    text = json.dumps([ends, *(structure(plan, stage) for stage in plan.stages)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def structure(plan: LinePlan, stage: Stage) -> dict:
    """What is fixed about a stage, as plain lists and dicts; tensors are numbered as they are made; 0 is the image."""
    operator, graph = stage.operator, plan.graph
    numbers = plan.tensor_numbers
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    fixed = {each.name: getattr(operator, each.name) for each in fields(operator)}
    fixed = {name: value for name, value in fixed.items() if name not in TASK_FIELDS | {"name", "inputs"}}
    if isinstance(operator, Window):
        fixed |= {"kernel": list(operator.kernel), "padding": operator.pads(inputs[0].shape[:2])}
    if isinstance(operator, Convolution):
        fixed["wide"] = is_wide(operator, graph)
        if weight_layout.is_widened(operator, graph):
            fixed["widened"] = True
        if zero_point.is_folded(operator, graph):
            fixed["zero_point_in_bias"] = True
    if isinstance(operator, Wire):
        fixed["sources"] = None if operator.core_shuffle else operator.sources.tolist()
    if stage.when:
        fixed["when"] = _when(stage.when)
    return {
        "kind": type(operator).__name__,
        "inputs": [numbers[name] for name in operator.inputs],
        "shape": list(output.shape),
        "zero_points": [tensor.zero_point for tensor in (*inputs, output)],
        **fixed,
    }


def _when(when: When | None) -> dict | None:
    return {"switch": when.switch, "positions": positions_of(when.positions)} if when else None


def positions_of(positions: range) -> list[int]:
    return [positions[0], positions[-1]]


def factors(operator: Convolution, graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of a convolution's channels."""
    multipliers = operator.multipliers(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return rounding.quantize_multiplier(multipliers)


def is_wide(operator: Convolution, graph: Graph) -> bool:
    """Whether a multiplier needs more than the 24 bits that a fixed8 network's have, and so a word of its own.

    With exponents instead of scales on the tensors, a multiplier is a float32 weight scale times a power of two.
    """
    return bool(np.any(factors(operator, graph)[0] & 0x7F))


# --- Wires ------------------------------------------------------------------------------------------------------------

MOST_STEPS = 8  # of a wire's run: channel shuffles of so many groups are one run a group


def wire_runs(sources: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """A Wire's sources as few runs (input, from, to, count, step): channels from.. go to every step-th place from `to`."""
    sources = [tuple(map(int, source)) for source in sources]
    left = set(range(len(sources)))
    runs = []
    while left:
        to = min(left)
        count, step = max((_length(sources, left, to, step), -step) for step in range(1, MOST_STEPS + 1))
        left -= set(range(to, to - step * count, -step))
        runs.append((*sources[to], to, count, -step))
    return runs


def _length(sources, left: set[int], to: int, step: int) -> int:
    """How many places, `step` apart, read channels that follow on each other in the same input."""
    input, first = sources[to]
    count = 1
    while to + step * count in left and sources[to + step * count] == (input, first + count):
        count += 1
    return count
