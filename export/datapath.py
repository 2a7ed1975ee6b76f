"""The datapath: what of a network is fixed when its C is compiled or its chip is taped out, whatever task it then runs.

Shapes, windows, zero points, clamps, wires and the memory plan are the datapath's; codes that are not frozen, biases and
requantisation are the task's. Two networks of one datapath can take each other's task images. `describe` writes it down
for those who build it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

import numpy as np

from export import bits, flash, rounding, zero_point
from export.graph import Convolution, Graph, Operator, Window, Wire
from export.lines import LinePlan, Stage, When
from export.switches import Switch

TASK_FIELDS = {"codes", "scales", "bias", "scale", "table", "breakpoints", "beta", "fully_connected"}
NO_CORE = "0" * 64


def core_digest(graph: Graph) -> str:
    """SHA-256 of the frozen codes that a graph belongs to, in hexadecimal; zeros if it has none."""
    return graph.metadata.get("core", NO_CORE)


def digest(plan: LinePlan) -> str:
    """SHA-256 of the datapath, in hexadecimal. Names do not count."""
    image, numbers = plan.graph.tensor(plan.graph.inputs[0]), plan.tensor_numbers
    ends = [image.shape, image.zero_point, [numbers[output] for output in plan.graph.outputs]]
    if plan.switches:
        ends += [[_positions(switch.positions) for switch in plan.switches]]
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
        if flash.is_widened(operator, graph):
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
    return {"switch": when.switch, "positions": _positions(when.positions)} if when else None


def _positions(positions: range) -> list[int]:
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


# --- Description ------------------------------------------------------------------------------------------------------

ABOUT = {
    "lines": "in each, one row of the image arrives and every stage makes its next row if it can; the first line is 0",
    "kept_rows": "rows of what a stage makes that stay from one line to the next, as a ring; each takes whole words of 4 "
    "bytes",
    "running_sums": "how many sums over all rows a stage keeps, in int32 registers, instead of rows",
    "frozen": "whether the codes are taped out",
    "configurable": "what a task image sets; biases are int32",
    "zero_points": "of the inputs, then of the output",
    "zero_point_in_bias": "the bias takes in the input's zero point, so that products are of codes as they are",
    "sum_range": "least and largest partial sum of any channel before its bias: of products of codes less their zero "
    "points (of codes as they are, if the zero point is in the bias), or of the codes that are pooled; exact for frozen "
    "codes, for any int8 where a task sets them",
    "bits": "of sums in two's complement; of a multiplier, which is positive, without a sign; additions of maps and softmax "
    "take 32 bits throughout",
    "factors": "multiplier * 2^(shift - 31) with a shift in -31..31, rounded twice, before the output's zero point is "
    "added",
    "switches": "of a task image, which has a position for each; first and last position. Pooling is off or on, 0 or 1; "
    "passes through the last module are counted from 1",
    "gives": "in which positions of a switch an output is given; it is always given where no switch says so",
    "widened": "whether the C holds the codes as a Cortex-M4 multiplies them (--flash=fast); it changes no number",
    "when": "in which positions of a switch a stage runs; of the stages that make one tensor, one does",
    "runs": "of a wire, [input, from, to, count, step]: so many channels from, from + 1, ... of an input go to places to, "
    "to + step, ...",
}
CONFIGURABLE = {
    "Conv2D": ["bias", "factors", "codes"],
    "DepthwiseConv2D": ["bias", "factors", "codes"],
    "ChannelScale": ["factor", "codes"],
    "Add": ["factors"],
    "Multiply": ["factor"],
    "Mean": ["factor"],
    "Lookup": ["table"],
    "Softmax": ["factor", "smallest difference"],
}
MULTIPLIER_BITS, WIDE_MULTIPLIER_BITS = 24, 31


def describe(plan: LinePlan) -> dict:
    """The datapath for those who build it, in what JSON has; ABOUT explains the words.

    It is the same for every task of a datapath and its core, but for the network's name.
    """
    graph, codes = plan.graph, bits.code_ranges(plan.graph)
    image = graph.tensor(graph.inputs[0])
    return {
        "network": graph.name,
        "core": core_digest(graph),
        "datapath": digest(plan),
        "about": ABOUT,
        "totals": _totals(plan),
        "image": {"name": image.name, "shape": image.shape, "zero_point": image.zero_point, **_kept(plan, image.name)},
        "switches": [_switch(switch) for switch in plan.switches],
        "outputs": graph.outputs,
        "stages": [_described(plan, stage, codes) for stage in plan.stages],
    }


def to_json(description: dict) -> str:
    """A description as text, a line for each entry; the same network gives the same text."""
    return _json(description, "") + "\n"


def _json(value, indent: str) -> str:
    deeper = f"{indent} "
    if isinstance(value, dict) and value:
        entries, ends = [f"{json.dumps(name)}: {_json(each, deeper)}" for name, each in value.items()], "{}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        entries, ends = [_json(each, deeper) for each in value], "[]"
    else:
        return json.dumps(value)
    return f"{ends[0]}\n{deeper}" + f",\n{deeper}".join(entries) + f"\n{indent}{ends[1]}"


def _totals(plan: LinePlan) -> dict:
    parameters = plan.graph.parameters()
    return {
        "stages": len(plan.stages),
        "lines": plan.lines,
        "macs": macs(plan.graph),
        "codes": {"frozen": parameters.frozen_codes, "configurable": parameters.configurable_codes},
        "bytes": {"kept_rows": plan.kept, "newest_rows": plan.shared, "running_sums": plan.sums},
    }


def _kept(plan: LinePlan, name: str) -> dict:
    return {"kept_rows": plan.buffers[name].rows, "kept_bytes": plan.buffers[name].bytes}


def _described(plan: LinePlan, stage: Stage, codes: dict[str, bits.Range]) -> dict:
    operator, graph, fixed = stage.operator, plan.graph, structure(plan, stage)
    output = graph.tensor(operator.output)
    described = {
        "name": operator.name,
        "kind": fixed.pop("kind"),
        "inputs": operator.inputs,
        "shape": fixed.pop("shape"),
        "frozen": is_frozen(operator),
        "configurable": configurable(operator),
        "macs": operator.macs(output),
        "first_line": stage.first_line,
        "last_line": stage.last_line,
        **_kept(plan, output.name),
        "running_sums": output.channels if plan.sums_up(operator) else 0,
    }
    if sums := bits.sum_range(operator, graph, codes):
        described |= {"sum_range": sums, "sum_bits": bits.width(sums)}
    if "wide" in fixed:
        described["multiplier_bits"] = WIDE_MULTIPLIER_BITS if fixed["wide"] else MULTIPLIER_BITS
    if fixed.get("sources"):
        described["runs"] = wire_runs(operator.sources)
    said = {*described, "wide", "sources", "window"}
    if stage.when:
        described["when"] = {plan.switches[stage.when.switch].name: _positions(stage.when.positions)}
    return described | {name: value for name, value in fixed.items() if name not in said | {"when"}}


def _switch(switch: Switch) -> dict:
    gives = {output: _positions(positions) for output, positions in switch.gives.items()}
    return {"name": switch.name, "positions": _positions(switch.positions), "gives": gives}


def configurable(operator: Operator) -> list[str]:
    """What a task image sets of an operator."""
    if isinstance(operator, Wire) and operator.core_shuffle:
        return ["whether the second half of the channels comes from input 1"]
    parts = CONFIGURABLE.get(type(operator).__name__, [])
    return [part for part in parts if part != "codes" or not is_frozen(operator)]


def macs(graph: Graph) -> dict[str, int]:
    """MACs of an image, "frozen" and "configurable"."""
    counts = {"frozen": 0, "configurable": 0}
    for name, count in graph.macs().items():
        counts["frozen" if is_frozen(graph.operator(name)) else "configurable"] += count
    return counts


def is_frozen(operator: Operator) -> bool:
    """Whether the codes of an operator are taped out."""
    return isinstance(operator, Convolution) and operator.frozen
