"""The datapath: what is fixed when a network's C is compiled or its chip is taped out.

The datapath is the shapes, windows, zero points, clamps, wires and the memory plan. A task is the
codes that are not frozen, the biases and the requantisation. Two networks with one datapath can
load each other's task images. description.py writes the datapath down for hardware designers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from export.datapath import weight_layout
from export.graph.arithmetic.rounding import Int64s, quantize_multiplier
from export.graph.graph import Graph
from export.graph.operators import Convolution, Window, Wire
from export.graph.passes import narrow, zero_point
from export.streaming.line_plan import LinePlan, Stage, When

Json = dict[str, Any]

# What a task can change, and `dense`, which the kernel says already.
TASK_FIELDS = {"codes", "values", "scales", "bias", "scale", "table", "breakpoints", "beta", "fully_connected", "dense"}
TASK_FIELDS |= {"recurrent_codes", "recurrent_scales", "time_codes", "time_scale", "memory_scale"}


def digest(plan: LinePlan) -> str:
    """Return the SHA-256 of the datapath, in hexadecimal. It does not depend on names."""
    image, numbers = plan.graph.tensor(plan.graph.inputs[0]), plan.tensor_numbers
    ends: list[Any] = [image.shape, image.zero_point, [numbers[output] for output in plan.graph.outputs]]
    if plan.switches:
        ends += [[positions_of(switch.positions) for switch in plan.switches]]
        ends += [[_when(plan.when_given(output)) for output in plan.graph.outputs]]
    text = json.dumps([ends, *(stage_structure(plan, stage) for stage in plan.stages)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def stage_structure(plan: LinePlan, stage: Stage) -> Json:
    """Return what is fixed about a stage, as plain lists and dicts.

    A tensor is its number in the plan.
    """
    operator, graph = stage.operator, plan.graph
    numbers = plan.tensor_numbers
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    fixed: Json = {each.name: getattr(operator, each.name) for each in fields(operator)}
    fixed = {name: value for name, value in fixed.items() if name not in TASK_FIELDS | {"name", "inputs"}}
    if isinstance(operator, Window):
        fixed |= {"kernel": list(operator.kernel), "padding": operator.pads(inputs[0].shape[:2])}
    if isinstance(operator, Convolution):
        fixed["wide"] = needs_wide_multiplier(operator, graph)
        if narrow.factor_bits(graph) != narrow.FULL:
            fixed["factor_bits"] = narrow.factor_bits(graph)
        if weight_layout.is_paired(operator, graph):
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


def _when(when: When | None) -> Json | None:
    return {"switch": when.switch, "positions": positions_of(when.positions)} if when else None


def positions_of(positions: range) -> list[int]:
    """Return the first and the last position."""
    return [positions[0], positions[-1]]


def factors(operator: Convolution, graph: Graph) -> tuple[Int64s, Int64s]:
    """Return multipliers and shifts of a convolution's channels."""
    multipliers = operator.multipliers(graph.inputs_of(operator)[0], graph.tensor(operator.output))
    return quantize_multiplier(multipliers)


def needs_wide_multiplier(operator: Convolution, graph: Graph) -> bool:
    """Return whether a multiplier needs more than 24 bits, and so a word of its own.

    A fixed8 network's multipliers need 24 bits: its tensors have exponents instead of scales, so
    that a multiplier is a float32 weight scale times a power of two.
    """
    return bool(np.any(factors(operator, graph)[0] & 0x7F))


# --- Wires ------------------------------------------------------------------------------------------------------------

MOST_STEPS = 8  # of a wire's run: a channel shuffle of up to 8 groups is one run per group


def wire_runs(sources: npt.NDArray[np.integer]) -> list[tuple[int, int, int, int, int]]:
    """Return a Wire's sources as few runs (input, from, to, count, step).

    A run moves `count` channels of an input, beginning at `from`, to every step-th place, beginning
    at `to`.
    """
    channels = [(int(input), int(channel)) for input, channel in sources]
    left = set(range(len(channels)))
    runs = []
    for to in range(len(channels)):
        if to not in left:
            continue
        count, step = max((_length(channels, left, to, step), -step) for step in range(1, MOST_STEPS + 1))
        left -= set(range(to, to - step * count, -step))
        runs.append((*channels[to], to, count, -step))
    return runs


def _length(channels: list[tuple[int, int]], left: set[int], to: int, step: int) -> int:
    """Return how many places, `step` apart, read consecutive channels of one input."""
    input, first = channels[to]
    count = 1
    while to + step * count in left and channels[to + step * count] == (input, first + count):
        count += 1
    return count
