"""A line plan as C99: tables of tensors and stages for the engine in micro/stream."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Iterator
from functools import reduce

import numpy as np

from export.c import core_header
from export.c.kinds import Places, arrays_of, identifier, initialiser, kind_of
from export.c.test_vector import vector_image
from export.c.text import c_bytes, c_comment, c_float, c_identifier, c_string, c_words
from export.datapath import structure, task_image
from export.graph import golden, meaning
from export.graph.graph import LEFT_OUT, Graph, core_digest
from export.graph.operators import Join, Operator, Pad, Rearrange, Resize, Window, WriteState
from export.graph.tensor import GraphError, Tensor
from export.streaming.line_plan import LinePlan, Stage, When
from export.streaming.rows_read import rows_of_steps, steps

# Of their own, in micro/stream/sf_stack.h.
KINDS_WITH_A_STACK = ("sf_convolve", "sf_convolve_widened", "sf_multiplied", "sf_depthwise")


def require_fit(plan: LinePlan) -> None:
    """Raise GraphError unless every number fits into its field of the tables of micro/stream."""
    graph = plan.graph
    _require_at_most(graph.name, "number of conditions of its switches", len(_conditions(plan)), 0xFF)
    for name in graph.outputs:
        if name in graph.inputs:
            raise GraphError(f"{graph.name}: its output {name} is its input; C needs outputs that an operator makes")
    _require_at_most(graph.name, "memory in bytes", Places(plan).bytes, 0x7FFFFFFF)
    for stage in plan.stages:
        operator = stage.operator
        _require_at_most(operator.name, "number of inputs", len(operator.inputs), 0xFF)
        _require_at_most(operator.name, "number of rows that are kept after it", len(stage.retires), 0xFF)
        _require_at_most(operator.name, "padding above", _rows_above(operator, plan), 0xFF)
        if isinstance(operator, Window) and not plan.sums_up(operator):
            left, _ = operator.pads(graph.inputs_of(operator)[0].shape[:2])[1]
            _require_at_most(operator.name, "window", max(operator.kernel), 0xFF)
            _require_at_most(operator.name, "stride", max(operator.strides), 0xFF)
            _require_at_most(operator.name, "dilation", max(operator.dilations), 0xFF)
            _require_at_most(operator.name, "padding on the left", left, 0xFF)


def _require_at_most(name: str, what: str, got: int, most: int) -> None:
    if got > most:
        raise GraphError(f"{name}: its {what} is {got}; the C's tables hold up to {most}")


def values(plan: LinePlan, image: task_image.TaskImage) -> dict[str, object]:
    """Return the value of each placeholder of the templates in micro/project."""
    graph, numbers = plan.graph, plan.tensor_numbers
    name = c_identifier(graph.name)
    outputs = [graph.tensor(output) for output in graph.outputs]
    made = golden.run(graph, vector_image(graph), graph.outputs)
    given = set(plan.given)
    vector = b"".join((made[name] if name in given else 0 * made[name]).tobytes() for name in graph.outputs)
    conditions = _conditions(plan)
    places = Places(plan)
    height, width, channels = graph.tensor(graph.inputs[0]).shape
    sizes = [output.size for output in outputs]
    return {
        "name": name,
        "NAME": name.upper(),
        "made_from": f"SHA-256 of the task image: {hashlib.sha256(image.content).hexdigest()}",
        "core": core_header.file_name(graph),
        "core_c": core_header.source_name(graph),
        "height": height,
        "width": width,
        "channels": channels,
        "input_scale": c_float(graph.tensor(graph.inputs[0]).scale),
        "input_zero_point": graph.tensor(graph.inputs[0]).zero_point,
        "output_macros": "\n".join(_output_macros(name.upper(), outputs, plan)),
        "output_count": len(outputs),
        "output_bytes": sum(sizes),
        "output_offsets": ", ".join(map(str, np.cumsum([0, *sizes[:-1]]))),
        "output_row_bytes": ", ".join(str(tensor.shape[1] * tensor.channels) for tensor in outputs),
        "vector_crc": f"0x{zlib.crc32(vector):08x}",
        "memory": places.bytes,
        "stack": _stack(plan, places),
        "tensors": "\n".join(places.tensor(tensor) for tensor in numbers),
        "parameters": "\n\n".join(_constants(stage, plan, places) for stage in plan.stages),
        "stages": "\n".join(_stage(stage, plan, places, image, conditions) for stage in plan.stages),
        "stage_count": len(plan.stages),
        "most_rows": max(_rows_at_once(stage.operator, plan) for stage in plan.stages),
        "outputs": ", ".join(
            f"{{{numbers[output]}, {_number(plan.when_given(output), conditions)}}}" for output in graph.outputs
        ),
        "switch_tables": "\n".join(_switch_tables(plan, conditions)),
        "state_tables": "\n".join(_state_tables(plan, places)),
        "states": "states" if places.states else "NULL",
        "state_count": len(places.states),
        "switching": "&switching" if plan.switches else "NULL",
        "core_digest": c_bytes(bytes.fromhex(core_digest(graph))),
        "datapath_digest": c_bytes(bytes.fromhex(structure.digest(plan))),
        "task_bytes": len(image.content),
        "words": c_words(image.content),
        "digest": hashlib.sha256(image.content).hexdigest(),
    }


def _output_macros(prefix: str, outputs: list[Tensor], plan: LinePlan) -> Iterator[str]:
    known = meaning.meanings_of(plan.graph)
    if note := plan.graph.metadata.get(LEFT_OUT):
        yield f"// Of the file, {c_comment(note)}."
    for i, output in enumerate(outputs):
        height, width, channels = output.shape
        yield f"// Output {i}, {c_comment(output.name)}: value = scale * (code - zero point){_written(output.name, plan)}"
        yield f"#define {prefix}_OUTPUT{i}_HEIGHT {height}"
        yield f"#define {prefix}_OUTPUT{i}_WIDTH {width}"
        yield f"#define {prefix}_OUTPUT{i}_CHANNELS {channels}"
        yield f"#define {prefix}_OUTPUT{i}_SCALE {c_float(output.scale)}"
        yield f"#define {prefix}_OUTPUT{i}_ZERO_POINT {output.zero_point}"
        if output.name in known and known[output.name].classes:
            names = ", ".join(map(c_string, known[output.name].classes))
            yield "// const char *const names[] = " + f"{prefix}_OUTPUT{i}_CLASS_NAMES; in the order of the channels"
            yield f"#define {prefix}_OUTPUT{i}_CLASS_NAMES {{{names}}}"
        if output.name in known and (threshold := known[output.name].threshold) is not None:
            yield "// One person from this cosine on, in units of 1 / SF_PEOPLE_ONE (sf/sf_people.h)."
            yield f"#define {prefix}_OUTPUT{i}_THRESHOLD {meaning.cosine_code(threshold)}"


def _written(output: str, plan: LinePlan) -> str:
    """Return when an output is computed, for a comment; "" if it always is."""
    if (when := plan.when_given(output)) is None:
        return ""
    positions = " or ".join(map(str, when.positions))
    return f". Of tasks whose {c_comment(plan.switches[when.switch].name)} is {positions}"


def _stack(plan: LinePlan, places: Places) -> str:
    """The stack that the network's kinds of stages need, as an expression of the macros of sf_stack.h."""
    kinds = {kind_of(stage.operator, plan, places)[0] for stage in plan.stages}
    own = sorted(f"SF_STACK_{kind.removeprefix('sf_').upper()}" for kind in kinds if kind in KINDS_WITH_A_STACK)
    return reduce(lambda a, b: f"SF_LARGER({a}, {b})", own, "SF_STACK_OTHERS")


# --- Switches ---------------------------------------------------------------------------------------------------------


def _conditions(plan: LinePlan) -> list[When]:
    """Return the positions that stages and outputs depend on, each once."""
    whens = [stage.when for stage in plan.stages] + [plan.when_given(output) for output in plan.graph.outputs]
    return list(dict.fromkeys(when for when in whens if when))


def _number(when: When | None, conditions: list[When]) -> int:
    """Return the number of a condition in the tables: 0 if there is none, else 1 + its index."""
    return 1 + conditions.index(when) if when else 0


def _switch_tables(plan: LinePlan, conditions: list[When]) -> Iterator[str]:
    if not plan.switches:
        return
    ends = [(switch.positions[0], switch.positions[-1]) for switch in plan.switches]
    ranges = [(when.switch, when.positions[0], when.positions[-1]) for when in conditions]
    fields = "sf_check_switched", "sf_is_met", "sf_rest", "switches", "conditions", "task_bytes", len(ends)
    yield f"// {c_comment(', '.join(switch.name for switch in plan.switches))}"
    yield f"static const sf_switch switches[] = {{{', '.join(initialiser(*each) for each in ends)}}};"
    yield f"static const sf_condition conditions[] = {{{', '.join(initialiser(*each) for each in ranges)}}};"
    yield f"static const uint32_t task_bytes[] = {{{', '.join(map(str, task_image.sizes(plan)))}}};"
    yield f"static const sf_switching switching = {initialiser(*fields)};"


# --- States -----------------------------------------------------------------------------------------------------------


def _state_tables(plan: LinePlan, places: Places) -> Iterator[str]:
    if not places.states:
        return
    kept = (
        initialiser(places.states[state.operator, state.memory], state.bytes // state.rows, state.rows, state.initial)
        for state in plan.kept_states
    )
    yield f"// {c_comment(', '.join(' '.join(key).strip() for key in places.states))}"
    yield f"static const sf_kept_map states[] = {{{', '.join(kept)}}};"


# --- Stages -----------------------------------------------------------------------------------------------------------


def _window_rows(operator: Operator, plan: LinePlan) -> tuple[int, int, int]:
    """Return rows, stride and dilation of a stage's window."""
    if isinstance(operator, Window) and not plan.sums_up(operator):
        return operator.kernel[0], operator.strides[0], operator.dilations[0]
    return 1, 1, 1


def _rows_above(operator: Operator, plan: LinePlan) -> int:
    """Return the rows of padding above the map."""
    if isinstance(operator, Pad):
        return operator.padding[0][0]
    if isinstance(operator, Window) and not plan.sums_up(operator):
        return operator.pads(plan.graph.inputs_of(operator)[0].shape[:2])[0][0]
    return 0


def _first_rows(operator: Operator, plan: LinePlan) -> int:
    """Return how many first rows of its inputs a stage's first step needs; 0: only padding."""
    rows, _, dilation = _window_rows(operator, plan)
    height = plan.graph.inputs_of(operator)[0].shape[0]
    return min(height, (rows - 1) * dilation + 1 - _rows_above(operator, plan))


def _reads(operator: Operator, graph: Graph) -> list[tuple[int, int, int]]:
    """Return which rows of which input each step reads: input, first and last row; [] of a stage with a window."""
    if not isinstance(operator, Resize | Rearrange) and not (isinstance(operator, Join) and operator.axis == 0):
        return []
    found: list[tuple[int, int, int, int]] = []
    for i, (begins, ends) in enumerate(rows_of_steps(operator, np.arange(steps(operator, graph)), graph).values()):
        reading = zip(itertools.count(), begins.tolist(), ends.tolist())
        found += [(step, i, begin, end - 1) for step, begin, end in reading if begin < end]
    return [(i, first, last) for _, i, first, last in sorted(found)]


def _inputs(operator: Operator) -> tuple[str, ...]:
    """Return the tensors of which a stage reads rows."""
    return operator.inputs[:1] if isinstance(operator, WriteState) else operator.inputs


def _rows_at_once(operator: Operator, plan: LinePlan) -> int:
    """Return the most rows that a step of a stage reads."""
    spans = [1 + last - first for _, first, last in _reads(operator, plan.graph)]
    return max([*spans, _window_rows(operator, plan)[0], len(operator.inputs)])


def _stage(stage: Stage, plan: LinePlan, places: Places, image: task_image.TaskImage, conditions: list[When]) -> str:
    """Return the row of a stage in the table of stages."""
    operator, graph = stage.operator, plan.graph
    name = identifier(operator, plan)
    kind, parameters = kind_of(operator, plan, places)
    fields = [
        f"&{kind}",
        f"&{name}" if parameters else "NULL",
        f"{name}_inputs",
        f"{name}_retires" if stage.retires else "NULL",
        f"{name}_reads" if _reads(operator, graph) else "NULL",
        *map(str, (len(_inputs(operator)), len(stage.retires))),
        *map(str, (*_window_rows(operator, plan), _rows_above(operator, plan))),
        *map(str, (_first_rows(operator, plan), graph.inputs_of(operator)[0].shape[0])),
        *map(str, (steps(operator, graph), plan.tensor_numbers[operator.output])),
        *map(str, (_number(stage.when, conditions), image.sections[operator.name])),
    ]
    return f"    {{{', '.join(fields)}}},"


def _constants(stage: Stage, plan: LinePlan, places: Places) -> str:
    """Return the constants that a stage points to."""
    operator, numbers = stage.operator, plan.tensor_numbers
    name = identifier(operator, plan)
    shape = "x".join(map(str, plan.graph.tensor(operator.output).shape))
    lines = [f"// {c_comment(operator.name)}: {shape}, lines {stage.first_line} to {stage.last_line}"]
    for what, tensors in (("inputs", _inputs(operator)), ("retires", stage.retires)):
        if tensors:
            lines.append(f"static const uint16_t {name}_{what}[] = {{{', '.join(str(numbers[t]) for t in tensors)}}};")
    if reads := ", ".join(initialiser(*read) for read in _reads(operator, plan.graph)):
        lines.append(f"static const sf_reads {name}_reads[] = {{{reads}}};")
    _, parameters = kind_of(operator, plan, places)
    lines += arrays_of(operator, plan.graph, name)
    if parameters:
        lines.append(f"static const {parameters[0]} {name} = {parameters[1]};")
    return "\n".join(lines)
