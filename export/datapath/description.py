"""The datapath as JSON for hardware designers: every stage with its buffers, widths and factors."""

from __future__ import annotations

import json
from typing import Any

from export.datapath.structure import Json, digest, positions_of, stage_structure, wire_runs
from export.graph import ranges
from export.graph.graph import Graph, core_digest
from export.graph.operators import Operator, Reduce, Wire, is_frozen
from export.graph.switches import Switch
from export.streaming.line_plan import LinePlan, Stage

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
    "Prelu": ["factors", "codes"],
    "Add": ["factors"],
    "Subtract": ["factors"],
    "SquaredDifference": ["factors"],
    "Multiply": ["factor"],
    "MatMul": ["factor"],
    "Mean": ["factor"],
    "Reduce": ["factor"],
    "Constant": ["values"],
    "Lookup": ["table"],
    "Lstm": ["factors", "bias", "codes"],
    "Svdf": ["factors", "bias", "codes"],
    "LogSoftmax": ["factors", "smallest difference"],
    "Softmax": ["factor", "smallest difference"],
}


MULTIPLIER_BITS, WIDE_MULTIPLIER_BITS = 24, 31


def describe(plan: LinePlan) -> Json:
    """Return the datapath for hardware designers, as JSON. ABOUT explains its words.

    It is the same for every task of one datapath and one core, except for the network's name.
    """
    graph, codes = plan.graph, ranges.code_ranges(plan.graph)
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


def to_json(description: Json) -> str:
    """Return a description as text, one entry per line. The same network has the same text."""
    return _json(description, "") + "\n"


def _json(value: Any, indent: str) -> str:
    deeper = f"{indent} "
    if isinstance(value, dict) and value:
        entries, ends = [f"{json.dumps(name)}: {_json(each, deeper)}" for name, each in value.items()], "{}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        entries, ends = [_json(each, deeper) for each in value], "[]"
    else:
        return json.dumps(value)
    return f"{ends[0]}\n{deeper}" + f",\n{deeper}".join(entries) + f"\n{indent}{ends[1]}"


def _totals(plan: LinePlan) -> Json:
    parameters = plan.graph.parameters()
    return {
        "stages": len(plan.stages),
        "lines": plan.lines,
        "macs": macs(plan.graph),
        "codes": {"frozen": parameters.frozen_codes, "configurable": parameters.configurable_codes},
        "bytes": {
            "kept_rows": plan.kept,
            "newest_rows": plan.shared,
            "running_sums": plan.sums,
            "states": plan.states,
        },
    }


def _kept(plan: LinePlan, name: str) -> Json:
    return {"kept_rows": plan.buffers[name].rows, "kept_bytes": plan.buffers[name].bytes}


def _described(plan: LinePlan, stage: Stage, codes: dict[str, ranges.Range]) -> Json:
    operator, graph, fixed = stage.operator, plan.graph, stage_structure(plan, stage)
    output = graph.tensor(operator.output)
    described: Json = {
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
    if sums := ranges.sum_range(operator, graph, codes):
        described |= {"sum_range": sums, "sum_bits": ranges.width(sums)}
    if "wide" in fixed:
        described["multiplier_bits"] = WIDE_MULTIPLIER_BITS if fixed["wide"] else MULTIPLIER_BITS
    if isinstance(operator, Wire) and not operator.core_shuffle:
        described["runs"] = wire_runs(operator.sources)
    said = {*described, "wide", "sources", "window"}
    if stage.when:
        described["when"] = {plan.switches[stage.when.switch].name: positions_of(stage.when.positions)}
    return described | {name: value for name, value in fixed.items() if name not in said | {"when"}}


def _switch(switch: Switch) -> Json:
    gives = {output: positions_of(positions) for output, positions in switch.gives.items()}
    return {"name": switch.name, "positions": positions_of(switch.positions), "gives": gives}


def configurable(operator: Operator) -> list[str]:
    """Return what a task image sets of an operator."""
    if isinstance(operator, Wire) and operator.core_shuffle:
        return ["whether the second half of the channels comes from input 1"]
    if isinstance(operator, Reduce) and operator.what not in ("sum", "mean"):
        return []
    parts = CONFIGURABLE.get(type(operator).__name__, [])
    return [part for part in parts if part != "codes" or not is_frozen(operator)]


def macs(graph: Graph) -> dict[str, int]:
    """Return the MACs per image: "frozen" and "configurable"."""
    counts = {"frozen": 0, "configurable": 0}
    for name, count in graph.macs().items():
        counts["frozen" if is_frozen(graph.operator(name)) else "configurable"] += count
    return counts
