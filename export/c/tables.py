"""A line plan as C99: tables of tensors and stages for the engine in micro/stream."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from functools import reduce, singledispatch

import numpy as np

from export.c import core_header
from export.c.test_vector import vector_image
from export.c.text import c_bytes, c_comment, c_float, c_identifier, c_string, c_words
from export.datapath import structure, task_image, weight_layout
from export.datapath.structure import wire_runs
from export.graph import golden, meaning, zero_point
from export.graph.graph import Graph, core_digest
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    Lookup,
    Mean,
    Operator,
    Pad,
    Pair,
    Pool,
    Resize,
    Softmax,
    Window,
    Wire,
)
from export.graph.tensor import GraphError, Tensor
from export.streaming.line_plan import LinePlan, Stage, When, aligned, steps

Kind = tuple[str, tuple[str, str] | None]  # sf_kind of a stage; type and initialiser of its parameters

KINDS_WITH_A_STACK = ("sf_convolve", "sf_convolve_widened", "sf_depthwise")  # of their own, in micro/stream/sf_stack.h


def require_fit(plan: LinePlan) -> None:
    """Raise GraphError unless every number fits into its field of the tables of micro/stream."""
    graph = plan.graph
    _require_at_most(graph.name, "number of conditions of its switches", len(_conditions(plan)), 0xFF)
    for name in graph.outputs:
        if name in graph.inputs:
            raise GraphError(f"{graph.name}: its output {name} is its input; C needs outputs that an operator makes")
    _require_at_most(graph.name, "memory in bytes", _Places(plan).bytes, 0x7FFFFFFF)
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
    places = _Places(plan)
    height, width, channels = graph.tensor(graph.inputs[0]).shape
    sizes = [output.size for output in outputs]
    return {
        "name": name,
        "NAME": name.upper(),
        "made_from": f"SHA-256 of the task image: {hashlib.sha256(image.content).hexdigest()}",
        "core": core_header.file_name(graph),
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
        "most_rows": max(
            max(_window_rows(stage.operator, plan)[0], len(stage.operator.inputs)) for stage in plan.stages
        ),
        "outputs": ", ".join(
            f"{{{numbers[output]}, {_number(plan.when_given(output), conditions)}}}" for output in graph.outputs
        ),
        "switch_tables": "\n".join(_switch_tables(plan, conditions)),
        "switching": "&switching" if plan.switches else "NULL",
        "core_digest": c_bytes(bytes.fromhex(core_digest(graph))),
        "datapath_digest": c_bytes(bytes.fromhex(structure.digest(plan))),
        "task_bytes": len(image.content),
        "words": c_words(image.content),
        "digest": hashlib.sha256(image.content).hexdigest(),
    }


def _output_macros(prefix: str, outputs: list[Tensor], plan: LinePlan) -> Iterator[str]:
    known = meaning.meanings_of(plan.graph)
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


def _stack(plan: LinePlan, places: _Places) -> str:
    """The stack that the network's kinds of stages need, as an expression of the macros of sf_stack.h."""
    kinds = {_kind(stage.operator, plan, places)[0] for stage in plan.stages}
    own = sorted(f"SF_STACK_{kind.removeprefix('sf_').upper()}" for kind in kinds if kind in KINDS_WITH_A_STACK)
    return reduce(lambda a, b: f"SF_LARGER({a}, {b})", own, "SF_STACK_OTHERS")


class _Places:
    """The offsets in the memory of a network: newest rows, then kept rows, then running sums."""

    def __init__(self, plan: LinePlan):
        self.plan = plan
        self.kept: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        end = plan.shared
        for name, buffer in plan.buffers.items():
            self.kept[name], end = end, end + buffer.bytes
        for stage in plan.stages:
            if plan.sums_up(stage.operator):
                output = plan.graph.tensor(stage.operator.output)
                self.sums[stage.operator.name], end = end, end + 4 * output.channels
        self.bytes = aligned(end)

    def tensor(self, name: str) -> str:
        """Return the row of a tensor in the table of tensors."""
        buffer = self.plan.buffers[name]
        shape = ", ".join(map(str, buffer.tensor.shape))
        return f"    {{{shape}, {buffer.rows}, {self.kept[name]}, {buffer.place or 0}}},  // {c_comment(name)}"


def _identifier(operator: Operator, plan: LinePlan) -> str:
    """Return a unique C identifier for a stage.

    C compares only the first 63 letters of identifiers.
    """
    return f"s{plan.stage_numbers[id(operator)]}_{c_identifier(operator.name)[-MOST_LETTERS:]}"


MOST_LETTERS = 48  # of an operator's name in its identifiers


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
    yield f"static const sf_switch switches[] = {{{', '.join(_initialiser(*each) for each in ends)}}};"
    yield f"static const sf_condition conditions[] = {{{', '.join(_initialiser(*each) for each in ranges)}}};"
    yield f"static const uint32_t task_bytes[] = {{{', '.join(map(str, task_image.sizes(plan)))}}};"
    yield f"static const sf_switching switching = {_initialiser(*fields)};"


# --- Stages -----------------------------------------------------------------------------------------------------------


def _window_rows(operator: Operator, plan: LinePlan) -> tuple[int, int, int]:
    """Return rows, stride and dilation of a stage's window."""
    if isinstance(operator, Resize):
        return 2, 1, 1
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


def _stage(stage: Stage, plan: LinePlan, places: _Places, image: task_image.TaskImage, conditions: list[When]) -> str:
    """Return the row of a stage in the table of stages."""
    operator, graph = stage.operator, plan.graph
    name = _identifier(operator, plan)
    kind, parameters = _kind(operator, plan, places)
    fields = [
        f"&{kind}",
        f"&{name}" if parameters else "NULL",
        f"{name}_inputs",
        f"{name}_retires" if stage.retires else "NULL",
        *map(str, (len(operator.inputs), len(stage.retires))),
        *map(str, (*_window_rows(operator, plan), _rows_above(operator, plan))),
        *map(str, (_first_rows(operator, plan), graph.inputs_of(operator)[0].shape[0])),
        *map(str, (steps(operator, graph), plan.tensor_numbers[operator.output])),
        *map(str, (_number(stage.when, conditions), image.sections[operator.name])),
    ]
    return f"    {{{', '.join(fields)}}},"


def _constants(stage: Stage, plan: LinePlan, places: _Places) -> str:
    """Return the constants that a stage points to."""
    operator, numbers = stage.operator, plan.tensor_numbers
    name = _identifier(operator, plan)
    shape = "x".join(map(str, plan.graph.tensor(operator.output).shape))
    lines = [f"// {c_comment(operator.name)}: {shape}, lines {stage.first_line} to {stage.last_line}"]
    for what, tensors in (("inputs", operator.inputs), ("retires", stage.retires)):
        if tensors:
            lines.append(f"static const uint16_t {name}_{what}[] = {{{', '.join(str(numbers[t]) for t in tensors)}}};")
    _, parameters = _kind(operator, plan, places)
    if isinstance(operator, Wire) and not operator.core_shuffle:
        lines += _wire_tables(operator, plan.graph, name)
    if isinstance(operator, Resize):
        lines += _resize_tables(operator, plan.graph, name)
    if parameters:
        lines.append(f"static const {parameters[0]} {name} = {parameters[1]};")
    return "\n".join(lines)


@singledispatch
def _kind(operator: Operator, plan: LinePlan, places: _Places) -> Kind:
    """Return the sf_kind of a stage, and the type and initialiser of its parameters."""
    raise TypeError(f"{operator.name}: the C has no {type(operator).__name__}")


@_kind.register
def _kind_of_convolution(operator: Convolution, plan: LinePlan, places: _Places) -> Kind:
    kind = "sf_convolve" if isinstance(operator, Conv2D) else "sf_depthwise"
    if weight_layout.is_paired(operator, plan.graph):
        kind = "sf_convolve_widened"
    codes = core_header.array_name(operator, plan.graph) if operator.frozen else "NULL"
    wide = int(structure.needs_wide_multiplier(operator, plan.graph))
    return kind, ("sf_convolution", _initialiser(_window(operator, plan), wide, codes))


@_kind.register
def _kind_of_pool(operator: Pool, plan: LinePlan, places: _Places) -> Kind:
    if plan.sums_up(operator):
        pool = _initialiser(_window(operator, plan), places.sums[operator.name])
        return "sf_running_average", ("sf_whole_pool", pool)
    kind = "sf_average_pool" if isinstance(operator, AveragePool) else "sf_max_pool"
    return kind, ("sf_window", _window(operator, plan))


def _window(operator: Convolution | Pool, plan: LinePlan) -> str:
    """Return the initialiser of an sf_window."""
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    _, width, channels = input.shape
    _, output_width, output_channels = output.shape
    kernel, stride, left = operator.kernel, operator.strides[1], operator.pads(input.shape[:2])[1][0]
    if plan.sums_up(operator):  # without a window, so that the map may be larger than a window can be
        kernel, stride, left = (1, 1), 1, 0
    folded = isinstance(operator, Convolution) and zero_point.is_folded(operator, plan.graph)
    values = {
        "input_width": width,
        "input_channels": channels,
        "output_width": output_width,
        "output_channels": output_channels,
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride": stride,
        "dilation": operator.dilations[1],
        "left": left,
        "groups": operator.groups if isinstance(operator, Conv2D) else 1,
        "input_zero_point": 0 if folded else input.zero_point,
        "output_zero_point": output.zero_point,
        "minimum": operator.minimum,
        "maximum": operator.maximum,
    }
    return f"{{{', '.join(f'.{name} = {value}' for name, value in values.items())}}}"


@_kind.register
def _kind_of_mean(operator: Mean, plan: LinePlan, places: _Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    height, width, channels = input.shape
    zero_points, sums = (input.zero_point, output.zero_point), places.sums[operator.name]
    return "sf_running_mean", ("sf_mean", _initialiser(width, height, channels, *zero_points, sums))


@_kind.register
def _kind_of_channel_scale(operator: ChannelScale, plan: LinePlan, places: _Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    zero_points = input.zero_point, operator.constant_zero_point, output.zero_point
    return "sf_scale", (
        "sf_scaling",
        _initialiser(*input.shape[1:], *zero_points, operator.minimum, operator.maximum),
    )


@_kind.register
def _kind_of_pair(operator: Pair, plan: LinePlan, places: _Places) -> Kind:
    kind = "sf_add" if isinstance(operator, Add) else "sf_multiply"
    output = plan.graph.tensor(operator.output)
    zero_points = [tensor.zero_point for tensor in (*plan.graph.inputs_of(operator), output)]
    pair = _initialiser(*zero_points, operator.minimum, operator.maximum)
    return kind, ("sf_pairing", _initialiser(output.shape[1] * output.channels, pair))


@_kind.register
def _kind_of_lookup(operator: Lookup, plan: LinePlan, places: _Places) -> Kind:
    _, width, channels = plan.graph.tensor(operator.output).shape
    return "sf_lookup", ("sf_table", _initialiser(width * channels))


@_kind.register
def _kind_of_pad(operator: Pad, plan: LinePlan, places: _Places) -> Kind:
    _, width, channels = plan.graph.inputs_of(operator)[0].shape
    _, columns, around = operator.padding
    return "sf_pad", ("sf_padding", _initialiser(width, channels, *columns, *around, operator.value))


@_kind.register
def _kind_of_resize(operator: Resize, plan: LinePlan, places: _Places) -> Kind:
    name = _identifier(operator, plan)
    _, width, channels = plan.graph.tensor(operator.output).shape
    return "sf_resize", ("sf_resizing", _initialiser(width, channels, f"{name}_rows", f"{name}_columns"))


def _resize_tables(operator: Resize, graph: Graph, name: str) -> list[str]:
    """Return the tables of a Resize: what each row and each column is made of."""
    shape = graph.inputs_of(operator)[0].shape
    taps = [zip(*(each.tolist() for each in operator.taps(axis, shape[axis]))) for axis in (0, 1)]
    texts = [", ".join(_initialiser(*tap) for tap in each) for each in taps]
    return [f"static const sf_tap {name}_{what}[] = {{{text}}};" for what, text in zip(("rows", "columns"), texts)]


@_kind.register
def _kind_of_softmax(operator: Softmax, plan: LinePlan, places: _Places) -> Kind:
    return "sf_softmax", ("sf_softmax_shape", _initialiser(*plan.graph.tensor(operator.output).shape[1:]))


@_kind.register
def _kind_of_wire(operator: Wire, plan: LinePlan, places: _Places) -> Kind:
    name = _identifier(operator, plan)
    _, width, channels = plan.graph.tensor(operator.output).shape
    if operator.core_shuffle:
        return "sf_core_shuffle", ("sf_core_shuffling", _initialiser(width, channels))
    count = len(wire_runs(operator.sources))
    return "sf_wire", ("sf_wiring", _initialiser(width, channels, count, f"{name}_channels", f"{name}_runs"))


def _wire_tables(operator: Wire, graph: Graph, name: str) -> list[str]:
    """Return the tables of a Wire: channels of its inputs, and its runs."""
    channels = ", ".join(str(tensor.channels) for tensor in graph.inputs_of(operator))
    runs = ", ".join(_initialiser(*run) for run in wire_runs(operator.sources))
    return [
        f"static const uint16_t {name}_channels[] = {{{channels}}};",
        f"static const sf_wire_run {name}_runs[] = {{{runs}}};",
    ]


def _initialiser(*values: object) -> str:
    return f"{{{', '.join(map(str, values))}}}"
