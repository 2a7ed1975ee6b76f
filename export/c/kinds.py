"""What kind of stage of micro/stream runs each operator, and its parameters in C."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from export.c import core_header
from export.c.text import c_comment, c_identifier
from export.datapath import structure, weight_layout
from export.datapath.structure import wire_runs
from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    ArgMax,
    AveragePool,
    ChannelScale,
    Constant,
    Conv2D,
    Convolution,
    Join,
    LogSoftmax,
    Lookup,
    Lstm,
    MatMul,
    Maximum,
    Mean,
    Minimum,
    Multiply,
    Normalize,
    Operator,
    Pad,
    Pair,
    Pool,
    Prelu,
    ReadState,
    Rearrange,
    Recurrent,
    Reduce,
    Resize,
    Softmax,
    SquaredDifference,
    Subtract,
    Svdf,
    Wire,
    WriteState,
)
from export.graph.passes import zero_point
from export.graph.tensor import INT8_MAX, INT8_MIN
from export.streaming.line_plan import SUM_BYTES, LinePlan, aligned

Kind = tuple[str, tuple[str, str] | None]  # sf_kind of a stage; type and initialiser of its parameters

PAIRS = {
    Add: "sf_add",
    Subtract: "sf_subtract",
    Multiply: "sf_multiply",
    SquaredDifference: "sf_square_difference",
    Maximum: "sf_maximum",
    Minimum: "sf_minimum",
}
REDUCTIONS = {
    "sum": ("sf_reduce", "SF_SUM"),
    "mean": ("sf_reduce", "SF_SUM"),
    "max": ("sf_extreme", "SF_LARGEST"),
    "min": ("sf_extreme", "SF_SMALLEST"),
}


class Places:
    """The offsets in the memory of a network: newest rows, then kept rows, running sums and states."""

    def __init__(self, plan: LinePlan):
        self.plan = plan
        self.kept: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        end = plan.shared
        for name, buffer in plan.buffers.items():
            self.kept[name], end = end, end + buffer.bytes
        for stage in plan.stages:
            if sums := plan.sums_of(stage.operator):
                self.sums[stage.operator.name], end = end, end + SUM_BYTES * sums
        self.states: dict[tuple[str, str], int] = {}
        for state in plan.kept_states:
            self.states[state.operator, state.memory], end = end, end + state.bytes
        self.bytes = aligned(end)

    def tensor(self, name: str) -> str:
        """Return the row of a tensor in the table of tensors."""
        buffer = self.plan.buffers[name]
        shape = ", ".join(map(str, buffer.tensor.shape))
        return f"    {{{shape}, {buffer.rows}, {self.kept[name]}, {buffer.place or 0}}},  // {c_comment(name)}"


def identifier(operator: Operator, plan: LinePlan) -> str:
    """Return a unique C identifier for a stage.

    C compares only the first 63 letters of identifiers.
    """
    return f"s{plan.stage_numbers[id(operator)]}_{c_identifier(operator.name)[-MOST_LETTERS:]}"


MOST_LETTERS = 48  # of an operator's name in its identifiers


@singledispatch
def kind_of(operator: Operator, plan: LinePlan, places: Places) -> Kind:
    """Return the sf_kind of a stage, and the type and initialiser of its parameters."""
    raise TypeError(f"{operator.name}: the C has no {type(operator).__name__}")


@kind_of.register
def _kind_of_convolution(operator: Convolution, plan: LinePlan, places: Places) -> Kind:
    kind = "sf_depthwise"
    if isinstance(operator, Conv2D):
        kind = "sf_multiplied" if operator.is_multiplied else "sf_convolve"
    if weight_layout.is_paired(operator, plan.graph):
        kind = "sf_convolve_widened"
    codes = core_header.array_name(operator, plan.graph) if operator.frozen else "NULL"
    wide = int(structure.needs_wide_multiplier(operator, plan.graph))
    return kind, ("sf_convolution", initialiser(_window(operator, plan), wide, codes))


@kind_of.register
def _kind_of_pool(operator: Pool, plan: LinePlan, places: Places) -> Kind:
    if plan.sums_up(operator):
        pool = initialiser(_window(operator, plan), places.sums[operator.name])
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


@kind_of.register
def _kind_of_mean(operator: Mean, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    height, width, channels = input.shape
    zero_points, sums = (input.zero_point, output.zero_point), places.sums[operator.name]
    return "sf_running_mean", ("sf_mean", initialiser(width, height, channels, *zero_points, sums))


@kind_of.register
def _kind_of_channel_scale(operator: ChannelScale, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    zero_points = input.zero_point, operator.constant_zero_point, output.zero_point
    return "sf_scale", (
        "sf_scaling",
        initialiser(*input.shape[1:], *zero_points, operator.minimum, operator.maximum),
    )


@kind_of.register
def _kind_of_pair(operator: Pair, plan: LinePlan, places: Places) -> Kind:
    output = plan.graph.tensor(operator.output)
    zero_points = [tensor.zero_point for tensor in (*plan.graph.inputs_of(operator), output)]
    pair = initialiser(*zero_points, operator.minimum, operator.maximum)
    return PAIRS[type(operator)], ("sf_pairing", initialiser(output.shape[1] * output.channels, pair))


@kind_of.register
def _kind_of_mat_mul(operator: MatMul, plan: LinePlan, places: Places) -> Kind:
    first, second = plan.graph.inputs_of(operator)
    zero_points = first.zero_point, second.zero_point, plan.graph.tensor(operator.output).zero_point
    return "sf_matmul", ("sf_matmul_shape", initialiser(first.shape[1], second.shape[1], first.channels, *zero_points))


@kind_of.register
def _kind_of_prelu(operator: Prelu, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    zero_points = input.zero_point, operator.constant_zero_point, output.zero_point
    scaling = initialiser(*input.shape[1:], *zero_points, INT8_MIN, INT8_MAX)
    return "sf_prelu", ("sf_bending", initialiser(scaling, int(operator.of_each_value)))


@kind_of.register
def _kind_of_reduce(operator: Reduce, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    kind, what = REDUCTIONS[operator.what]
    over_rows, over_columns, over_channels = (int(axis in operator.axes) for axis in range(3))
    reduction = initialiser(*input.shape[1:], what, over_columns, over_channels)
    counts = output.shape[1] * output.channels, operator.count(input.shape)
    zero_points, sums = (input.zero_point, output.zero_point), places.sums[operator.name]
    return kind, ("sf_reducing", initialiser(reduction, over_rows, *counts, *zero_points, sums))


@kind_of.register
def _kind_of_arg_max(operator: ArgMax, plan: LinePlan, places: Places) -> Kind:
    return "sf_arg_max", ("sf_pixels", initialiser(*plan.graph.inputs_of(operator)[0].shape[1:]))


@kind_of.register
def _kind_of_normalize(operator: Normalize, plan: LinePlan, places: Places) -> Kind:
    input = plan.graph.inputs_of(operator)[0]
    return "sf_normalize", ("sf_normalizing", initialiser(*input.shape[1:], input.zero_point))


@kind_of.register
def _kind_of_constant(operator: Constant, plan: LinePlan, places: Places) -> Kind:
    _, width, channels = operator.values.shape
    return "sf_constant", ("sf_table", initialiser(width * channels))


@kind_of.register
def _kind_of_read_state(operator: ReadState, plan: LinePlan, places: Places) -> Kind:
    return "sf_read_state", ("uint16_t", initialiser(list(places.states).index((operator.name, ""))))


@kind_of.register
def _kind_of_write_state(operator: WriteState, plan: LinePlan, places: Places) -> Kind:
    return "sf_write_state", ("uint16_t", initialiser(list(places.states).index((operator.state, ""))))


@kind_of.register
def _kind_of_lstm(operator: Lstm, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    sizes = input.channels, operator.units, output.zero_point, operator.cell_bits, operator.cell_clip
    return "sf_lstm", ("sf_recurring_lstm", initialiser(_first_memory(operator, plan, places), initialiser(*sizes)))


@kind_of.register
def _kind_of_svdf(operator: Svdf, plan: LinePlan, places: Places) -> Kind:
    input, output = plan.graph.inputs_of(operator)[0], plan.graph.tensor(operator.output)
    filters, steps = operator.time_codes.shape
    sizes = input.channels, operator.units, filters // operator.units, steps, output.zero_point
    shape = initialiser(*sizes, operator.largest, operator.memory_zero_point)
    return "sf_svdf", ("sf_recurring_svdf", initialiser(_first_memory(operator, plan, places), shape))


def _first_memory(operator: Recurrent, plan: LinePlan, places: Places) -> int:
    """Return the number of the first of its memories among the states."""
    name = next(iter(operator.memories(plan.graph.tensor(operator.output))))
    return list(places.states).index((operator.name, name))


@kind_of.register
def _kind_of_rearrange(operator: Rearrange, plan: LinePlan, places: Places) -> Kind:
    rows = [
        tensor.shape[1] * tensor.channels
        for tensor in (plan.graph.tensor(operator.output), *plan.graph.inputs_of(operator))
    ]
    loops = f"{identifier(operator, plan)}_loops"
    return "sf_rearrange", ("sf_rearranging", initialiser(*rows, operator.first, len(operator.sizes), loops))


@kind_of.register
def _kind_of_join(operator: Join, plan: LinePlan, places: Places) -> Kind:
    count = 1 if operator.axis == 0 else len(operator.inputs)
    return "sf_join", ("sf_joining", initialiser(count, f"{identifier(operator, plan)}_row_bytes"))


@kind_of.register
def _kind_of_lookup(operator: Lookup, plan: LinePlan, places: Places) -> Kind:
    _, width, channels = plan.graph.tensor(operator.output).shape
    return "sf_lookup", ("sf_table", initialiser(width * channels))


@kind_of.register
def _kind_of_pad(operator: Pad, plan: LinePlan, places: Places) -> Kind:
    _, width, channels = plan.graph.inputs_of(operator)[0].shape
    _, columns, around = operator.padding
    return "sf_pad", ("sf_padding", initialiser(width, channels, *columns, *around, operator.value))


@kind_of.register
def _kind_of_resize(operator: Resize, plan: LinePlan, places: Places) -> Kind:
    name = identifier(operator, plan)
    _, width, channels = plan.graph.tensor(operator.output).shape
    return "sf_resize", ("sf_resizing", initialiser(width, channels, f"{name}_weights", f"{name}_columns"))


@kind_of.register
def _kind_of_softmax(operator: Softmax, plan: LinePlan, places: Places) -> Kind:
    return "sf_softmax", ("sf_pixels", initialiser(*plan.graph.tensor(operator.output).shape[1:]))


@kind_of.register
def _kind_of_log_softmax(operator: LogSoftmax, plan: LinePlan, places: Places) -> Kind:
    return "sf_log_softmax", ("sf_pixels", initialiser(*plan.graph.tensor(operator.output).shape[1:]))


@kind_of.register
def _kind_of_wire(operator: Wire, plan: LinePlan, places: Places) -> Kind:
    name = identifier(operator, plan)
    _, width, channels = plan.graph.tensor(operator.output).shape
    if operator.core_shuffle:
        return "sf_core_shuffle", ("sf_core_shuffling", initialiser(width, channels))
    count = len(wire_runs(operator.sources))
    return "sf_wire", ("sf_wiring", initialiser(width, channels, count, f"{name}_channels", f"{name}_runs"))


@singledispatch
def arrays_of(operator: Operator, graph: Graph, name: str) -> list[str]:
    """Return the arrays that the parameters of a stage point to. name is its identifier."""
    return []


@arrays_of.register
def _arrays_of_wire(operator: Wire, graph: Graph, name: str) -> list[str]:
    if operator.core_shuffle:
        return []
    channels = [tensor.channels for tensor in graph.inputs_of(operator)]
    runs = [initialiser(*run) for run in wire_runs(operator.sources)]
    return [_array("uint16_t", f"{name}_channels", channels), _array("sf_wire_run", f"{name}_runs", runs)]


@arrays_of.register
def _arrays_of_resize(operator: Resize, graph: Graph, name: str) -> list[str]:
    height, width, _ = graph.inputs_of(operator)[0].shape
    columns = [initialiser(*tap) for tap in zip(*(each.tolist() for each in operator.taps(1, width)))]
    weights = operator.taps(0, height)[2].tolist()
    return [_array("uint16_t", f"{name}_weights", weights), _array("sf_tap", f"{name}_columns", columns)]


@arrays_of.register
def _arrays_of_rearrange(operator: Rearrange, graph: Graph, name: str) -> list[str]:
    return [_array("sf_loop", f"{name}_loops", [initialiser(*loop) for loop in zip(operator.sizes, operator.steps)])]


@arrays_of.register
def _arrays_of_join(operator: Join, graph: Graph, name: str) -> list[str]:
    rows = [tensor.shape[1] * tensor.channels for tensor in graph.inputs_of(operator)]
    return [_array("uint32_t", f"{name}_row_bytes", rows)]


def _array(type: str, name: str, values: Iterable[object]) -> str:
    return f"static const {type} {name}[] = {{{', '.join(map(str, values))}}};"


def initialiser(*values: object) -> str:
    return f"{{{', '.join(map(str, values))}}}"
