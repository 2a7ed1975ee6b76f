"""The golden arithmetic: the NumPy reference for every number that a graph computes.

It computes a graph on whole arrays and agrees byte for byte with the reference kernels of
TensorFlow Lite Micro. How a number is rounded is in export/graph/arithmetic/rounding.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import singledispatch
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from export.graph import recurrent
from export.graph.arithmetic.inverse_root import inverse_root
from export.graph.arithmetic.rounding import mean_multiplier, quantize_multiplier, requantise, wrap_to_int32
from export.graph.arithmetic.softmax import factor_and_smallest, log_softmax, softmax
from export.graph.graph import Graph
from export.graph.operators import (
    ADD_LEFT_SHIFT,
    SQUARE_LEFT_SHIFT,
    Add,
    ArgMax,
    AveragePool,
    ChannelScale,
    Constant,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    Extreme,
    Join,
    LogSoftmax,
    Lookup,
    MatMul,
    Maximum,
    MaxPool,
    Mean,
    Multiply,
    Normalize,
    Operator,
    Pad,
    Prelu,
    ReadState,
    Rearrange,
    Recurrent,
    Reduce,
    Resize,
    Softmax,
    SquaredDifference,
    Subtract,
    Window,
    Wire,
    WriteState,
)
from export.graph.operators.moves import ONE
from export.graph.tensor import INT8_MAX, INT8_MIN, Tensor

VALUES_AT_ONCE = 1 << 18  # of the largest map: its int64 accumulators then fit into a processor's cache

VALUES_OF_A_BLOCK = 1 << 23  # of large maps: windows of them are copied as floats

Codes = npt.NDArray[np.int8]  # (batch, height, width, channels), as all arrays here
Integers = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)


# --- Running a graph --------------------------------------------------------------------------------------------------


def run(graph: Graph, inputs: Codes | Mapping[str, Codes], keep: Iterable[str] | None = None) -> dict[str, Codes]:
    """Compute a graph for a batch: of a network with states, for calls in a row from its reset on.

    Args:
        graph: the graph.
        inputs: int8 (batch, height, width, channels), or a dict of these by input name if there are
            several inputs.
        keep: names of the tensors to return, e.g. graph.outputs; None returns every tensor.
    Returns: int8 (batch, height, width, channels) by tensor name.
    Raises: ValueError if an input is missing or not int8 of its tensor's shape.
    """
    inputs = _named_inputs(graph, inputs)
    keep = [tensor.name for tensor in graph.tensors] if keep is None else list(keep)
    batch = len(next(iter(inputs.values())))
    kept = {name: np.empty((batch, *graph.tensor(name).shape), np.int8) for name in keep}
    last = {name: i for i, operator in enumerate(graph.operators) for name in operator.inputs}
    at_once = max(1, VALUES_AT_ONCE // max(tensor.size for tensor in graph.tensors)) if not graph.remembers else 1
    states = {state.name: np.full((1, *state.shape), state.initial, np.int8) for state in graph.states}
    memories = {each.name: recurrent.started(each, graph) for each in graph.operators if isinstance(each, Recurrent)}
    for start in range(0, batch, at_once):
        images = slice(start, start + at_once)
        values = {name: value[images] for name, value in inputs.items()}
        for name in kept.keys() & values.keys():
            kept[name][images] = values[name]
        for i, operator in enumerate(graph.operators):
            if isinstance(operator, ReadState):
                made = states[operator.name]
            elif isinstance(operator, Recurrent):
                made = recurrent.steps(operator, graph, memories[operator.name], values[operator.inputs[0]][0])[None]
            else:
                made = apply(operator, graph, *(values[name] for name in operator.inputs))
            if isinstance(operator, WriteState):
                states[operator.state] = made
            if operator.output in kept:
                kept[operator.output][images] = made
            values[operator.output] = made
            for name in {*operator.inputs, operator.output}:
                if last.get(name, i) <= i:
                    del values[name]
    return kept


def _named_inputs(graph: Graph, inputs: Codes | Mapping[str, Codes]) -> Mapping[str, Codes]:
    named = {graph.inputs[0]: inputs} if isinstance(inputs, np.ndarray) else inputs
    if missing := set(graph.inputs) ^ set(named):
        expected = f"expected inputs {list(graph.inputs)}"
        raise ValueError(f"{graph.name}: {expected}; missing or unknown: {sorted(missing)}")
    for name, value in named.items():
        shape = graph.tensor(name).shape
        if value.dtype != np.int8 or value.shape[1:] != shape:
            raise ValueError(f"input {name} is {value.dtype} {value.shape}; it must be int8 {graph.tensor(name).batch}")
    return named


def random_inputs(graph: Graph, count: int = 100, seed: int = 0) -> dict[str, Codes]:
    """Return random int8 inputs (count, height, width, channels) by name, the same per seed."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(-128, 128, (count, *graph.tensor(name).shape)).astype(np.int8) for name in graph.inputs
    }


# --- Operators --------------------------------------------------------------------------------------------------------


@singledispatch
def apply(operator: Operator, graph: Graph, *inputs: Codes) -> Codes:
    """Return the output of one operator."""
    raise TypeError(f"{operator.name}: the golden arithmetic has no {type(operator).__name__}")


@apply.register
def _convolve_2d(operator: Conv2D, graph: Graph, x: Codes) -> Codes:
    def convolve(windows: npt.NDArray[np.floating]) -> Codes:
        sums = []
        for inputs, codes in zip(np.split(windows, operator.groups, axis=5), np.split(operator.codes, operator.groups)):
            weights = codes.reshape(len(codes), -1).T.astype(windows.dtype)
            sums.append(inputs.reshape(-1, weights.shape[0]) @ weights)
        return requantised(operator, graph, np.concatenate(sums, axis=1).reshape(*windows.shape[:3], -1))

    return _in_blocks(convolve, _windows(operator, _without_zero_point(operator, graph, x)))


@apply.register
def _convolve_depthwise(operator: DepthwiseConv2D, graph: Graph, x: Codes) -> Codes:
    weights = operator.codes.astype(np.float32)

    def convolve(windows: npt.NDArray[np.floating]) -> Codes:
        sums = np.zeros((*windows.shape[:3], windows.shape[-1]), windows.dtype)
        for row, column in np.ndindex(*operator.kernel):
            sums += windows[:, :, :, row, column] * weights[row, column]
        return requantised(operator, graph, sums)

    return _in_blocks(convolve, _windows(operator, _without_zero_point(operator, graph, x)))


@apply.register
def _scale_channels(operator: ChannelScale, graph: Graph, x: Codes) -> Codes:
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    constants = operator.codes.astype(np.int64) - operator.constant_zero_point

    def scale(x: Codes) -> Codes:
        scaled = requantise(_shifted(x, input) * constants, *quantize_multiplier(operator.multiplier(input, output)))
        return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)

    return _in_blocks(scale, x)


@apply.register
def _add(operator: Add, graph: Graph, *operands: Codes) -> Codes:
    (first, second), output = graph.inputs_of(operator), graph.tensor(operator.output)
    *each, of_sum = operator.multipliers(first, second, output)
    sign = -1 if isinstance(operator, Subtract) else 1

    def add(*operands: Codes) -> Codes:
        one, other = _scaled_operands(operands, (first, second), each, ADD_LEFT_SHIFT)
        total = requantise(one + sign * other, *quantize_multiplier(of_sum))
        return _clamp(total + output.zero_point, operator.minimum, operator.maximum)

    return _in_blocks(add, *operands)


@apply.register
def _square_difference(operator: SquaredDifference, graph: Graph, *operands: Codes) -> Codes:
    (first, second), output = graph.inputs_of(operator), graph.tensor(operator.output)
    *each, of_square = operator.multipliers(first, second, output)

    def square(*operands: Codes) -> Codes:
        one, other = _scaled_operands(operands, (first, second), each, SQUARE_LEFT_SHIFT)
        squared = requantise((one - other) ** 2, *quantize_multiplier(of_square))
        return _clamp(squared + output.zero_point, operator.minimum, operator.maximum)

    return _in_blocks(square, *operands)


def _scaled_operands(
    operands: Iterable[Codes], tensors: Iterable[Tensor], multipliers: Iterable[float], shift: int
) -> list[Integers]:
    """Return operands less their zero points, shifted left and scaled to one unit."""
    return [
        requantise(_shifted(x, tensor) << shift, *quantize_multiplier(multiplier))
        for x, tensor, multiplier in zip(operands, tensors, multipliers)
    ]


@apply.register
def _choose(operator: Extreme, graph: Graph, *operands: Codes) -> Codes:
    chosen = (np.maximum if isinstance(operator, Maximum) else np.minimum)(*operands)
    return _clamp(chosen, operator.minimum, operator.maximum)


@apply.register
def _prelu(operator: Prelu, graph: Graph, x: Codes) -> Codes:
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    slopes = operator.codes.astype(np.int64) - operator.constant_zero_point
    above, below = (quantize_multiplier(factor) for factor in operator.multipliers(input, output))

    def bend(x: Codes, slopes: Integers) -> Codes:
        values = _shifted(x, input)
        bent = np.where(values >= 0, requantise(values, *above), requantise(values * slopes, *below))
        return _clamp(bent + output.zero_point)

    return _in_blocks(bend, x, np.broadcast_to(slopes, (1, *x.shape[1:])))


@apply.register
def _multiply(operator: Multiply, graph: Graph, *operands: Codes) -> Codes:
    (one, other), output = graph.inputs_of(operator), graph.tensor(operator.output)

    def multiply(x: Codes, y: Codes) -> Codes:
        products = _shifted(x, one) * _shifted(y, other)
        scaled = requantise(products, *quantize_multiplier(operator.multiplier(one, other, output)))
        return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)

    return _in_blocks(multiply, *operands)


@apply.register
def _multiply_matrices(operator: MatMul, graph: Graph, x: Codes, y: Codes) -> Codes:
    (one, other), output = graph.inputs_of(operator), graph.tensor(operator.output)
    sums = wrap_to_int32(_shifted(x, one) @ _shifted(y, other).swapaxes(2, 3))
    factor = quantize_multiplier(operator.multiplier(one, other, output))
    return _clamp(requantise(sums, *factor) + output.zero_point)


@apply.register
def _pool_average(operator: AveragePool, graph: Graph, x: Codes) -> Codes:
    count = _windows(operator, np.ones_like(x[:1, :, :, :1], np.int64)).sum(axis=(3, 4))  # padding is not counted
    return mean_of_sums(operator, graph, _windows(operator, x.astype(np.int64)).sum(axis=(3, 4)), count)


@apply.register
def _pool_maximum(operator: MaxPool, graph: Graph, x: Codes) -> Codes:
    return _clamp(_windows(operator, x, padding=INT8_MIN).max(axis=(3, 4)), operator.minimum, operator.maximum)


@apply.register
def _mean(operator: Mean, graph: Graph, x: Codes) -> Codes:
    total = x.astype(np.int64).sum(axis=(1, 2), keepdims=True)
    return mean_of_sums(operator, graph, total, x.shape[1] * x.shape[2])


def mean_of_sums(operator: AveragePool | Mean, graph: Graph, total: Integers, count: int | Integers) -> Codes:
    """Return what a pool makes of sums of `count` codes each. A Mean has one count."""
    if isinstance(operator, AveragePool):
        counts = np.asarray(count, np.int64)
        magnitude = (np.abs(total) + counts // 2) // counts
        return _clamp(np.sign(total) * magnitude, operator.minimum, operator.maximum)
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    factor = mean_multiplier(*quantize_multiplier(operator.multiplier(input, output)), int(count))
    return _clamp(requantise(total - int(count) * input.zero_point, *factor) + output.zero_point)


@apply.register
def _reduce(operator: Reduce, graph: Graph, x: Codes) -> Codes:
    axes = tuple(1 + axis for axis in operator.axes)
    if operator.what in ("max", "min"):
        extreme: Codes = (np.max if operator.what == "max" else np.min)(x, axis=axes, keepdims=True)
        return extreme
    return reduced(operator, graph, x.astype(np.int64).sum(axis=axes, keepdims=True))


def reduction_factor(operator: Reduce, input: Tensor, output: Tensor) -> tuple[Any, Any]:
    """Return (multiplier, shift) of the sums of a Reduce."""
    multiplier, shift = quantize_multiplier(operator.multiplier(input, output))
    if operator.what == "sum":
        return multiplier, shift
    return mean_multiplier(multiplier, shift, operator.count(input.shape))


def reduced(operator: Reduce, graph: Graph, total: Integers) -> Codes:
    """Return the codes of sums of codes, or of means."""
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    count = operator.count(input.shape)
    factor = reduction_factor(operator, input, output)
    return _clamp(requantise(total - count * input.zero_point, *factor) + output.zero_point)


@apply.register
def _arg_max(operator: ArgMax, graph: Graph, x: Codes) -> Codes:
    return _clamp(x.argmax(axis=3, keepdims=True) + INT8_MIN)


@apply.register
def _normalise(operator: Normalize, graph: Graph, x: Codes) -> Codes:
    tensor = graph.tensor(operator.inputs[0])

    def normalise(x: Codes) -> Codes:
        values = _shifted(x, tensor)
        multiplier, shift = inverse_root((values**2).sum(axis=-1, keepdims=True))
        return _clamp(requantise(values, multiplier, shift + 7))  # of a scale of 1/128

    return _in_blocks(normalise, x)


@apply.register
def _rearrange(operator: Rearrange, graph: Graph, x: Codes) -> Codes:
    return x.reshape(len(x), -1)[:, operator.places]


@apply.register
def _join(operator: Join, graph: Graph, *inputs: Codes) -> Codes:
    return np.concatenate(inputs, axis=1 + operator.axis)


@apply.register
def _constant(operator: Constant, graph: Graph, x: Codes) -> Codes:
    return np.broadcast_to(operator.values, (len(x), *operator.values.shape))


@apply.register
def _keep(operator: WriteState, graph: Graph, x: Codes, state: Codes) -> Codes:
    return x


@apply.register
def _pad(operator: Pad, graph: Graph, x: Codes) -> Codes:
    return np.pad(x, ((0, 0), *operator.padding), constant_values=operator.value)


@apply.register
def _resize(operator: Resize, graph: Graph, x: Codes) -> Codes:
    rows, columns = (operator.taps(axis, x.shape[1 + axis]) for axis in (0, 1))
    return resized(x, rows, columns)


def resized(x: Codes, rows: tuple[Integers, ...], columns: tuple[Integers, ...]) -> Codes:
    """Return the map that taps of rows and of columns make: first places, second places, weights of the second."""
    top, bottom = (_mixed(x[:, places].astype(np.int64), columns) for places in rows[:2])
    weights = rows[2][:, None, None]
    total = top * (ONE - weights) + bottom * weights
    half = np.where(total > 0, ONE * ONE // 2, -(ONE * ONE // 2))
    magnitude = np.abs(total + half) // (ONE * ONE)  # towards zero, as C divides
    return _clamp(np.sign(total + half) * magnitude)


def _mixed(x: Integers, columns: tuple[Integers, ...]) -> Integers:
    first, second, weights = columns
    return x[:, :, first] * (ONE - weights[:, None]) + x[:, :, second] * weights[:, None]


@apply.register
def _softmax(operator: Softmax, graph: Graph, x: Codes) -> Codes:
    factor = factor_and_smallest(operator.multiplier(graph.tensor(operator.inputs[0])))
    return _in_blocks(lambda x: softmax(x, *factor), x)


@apply.register
def _log_softmax(operator: LogSoftmax, graph: Graph, x: Codes) -> Codes:
    factor = factor_and_smallest(operator.multiplier(graph.tensor(operator.inputs[0])))
    return _in_blocks(lambda x: log_softmax(x, *factor), x)


@apply.register
def _look_up(operator: Lookup, graph: Graph, x: Codes) -> Codes:
    return _in_blocks(lambda x: operator.table[x.astype(np.int32) - INT8_MIN], x)


@apply.register
def _move_channels(operator: Wire, graph: Graph, *inputs: Codes) -> Codes:
    offsets = np.cumsum([0, *(x.shape[3] for x in inputs[:-1])])
    return np.concatenate(inputs, axis=3)[..., offsets[operator.sources[:, 0]] + operator.sources[:, 1]]


# --- Their parts ------------------------------------------------------------------------------------------------------


def _in_blocks(compute: Callable[..., Codes], *inputs: npt.NDArray[Any]) -> Codes:
    """Return what a function makes of arrays (batch, rows, ...), some rows at a time: it takes memory for each."""
    rows, values = inputs[0].shape[1], max(each.size for each in inputs)
    at_once = max(1, rows * VALUES_OF_A_BLOCK // max(values, 1))
    if at_once >= rows:
        return compute(*inputs)
    blocks = (slice(start, start + at_once) for start in range(0, rows, at_once))
    return np.concatenate([compute(*(each[:, block] for each in inputs)) for block in blocks], axis=1)


def _clamp(x: Integers, minimum: int = INT8_MIN, maximum: int = INT8_MAX) -> Codes:
    return np.clip(x, minimum, maximum).astype(np.int8)


def _shifted(x: Codes, tensor: Tensor) -> npt.NDArray[np.int64]:
    """Return codes less their zero point."""
    return x.astype(np.int64) - tensor.zero_point


def _without_zero_point(operator: Convolution, graph: Graph, x: Codes) -> npt.NDArray[np.floating]:
    """Return codes less their zero point, in the smallest float type that holds every sum."""
    zero_point = graph.tensor(operator.inputs[0]).zero_point
    taps = operator.codes[0].size if isinstance(operator, Conv2D) else operator.codes[..., 0].size
    largest_sum = taps * 128 * (128 + abs(zero_point))
    return (x.astype(np.float32) if largest_sum < 2**24 else x.astype(np.float64)) - zero_point


def _windows(operator: Window, x: npt.NDArray[Number], padding: int = 0) -> npt.NDArray[Number]:
    """Return windows (batch, out height, out width, kernel height, kernel width, channels)."""
    rows, columns = operator.pads(x.shape[1:3])
    padded = np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, operator.extent, axis=(1, 2))
    steps, taps = operator.strides, operator.dilations
    return np.moveaxis(windows[:, :: steps[0], :: steps[1], :, :: taps[0], :: taps[1]], 3, 5)


def requantised(operator: Convolution, graph: Graph, sums: npt.NDArray[np.floating] | Integers) -> Codes:
    """Return the codes that a convolution makes of its sums, (..., channels out), before the bias."""
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    accumulator = wrap_to_int32(sums.astype(np.int64) + operator.bias)
    scaled = requantise(accumulator, *quantize_multiplier(operator.multipliers(input, output)))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)
