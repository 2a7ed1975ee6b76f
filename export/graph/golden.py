"""The golden arithmetic: the graph on whole arrays, to the bit as TensorFlow Lite Micro's reference kernels compute it.

How a number is rounded is in export/graph/rounding.py.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import (
    ADD_LEFT_SHIFT,
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Pad,
    Softmax,
    Wire,
)
from export.graph.rounding import mean_multiplier, quantize_multiplier, requantise, wrap_to_int32
from export.graph.softmax import factor_and_smallest, softmax

VALUES_AT_ONCE = 1 << 18  # of the largest map: its int64 accumulators then stay within a processor's cache


# --- Running a graph --------------------------------------------------------------------------------------------------


def run(graph: Graph, inputs, keep=None) -> dict[str, np.ndarray]:
    """Computes a graph for a batch.

    Args:
        graph: the graph.
        inputs: int8 (batch, height, width, channels), or a dict of such by input name if there are several inputs.
        keep: names of the tensors to return, e.g. graph.outputs; None returns every tensor.
    Returns: int8 (batch, height, width, channels) by tensor name.
    Raises: ValueError if an input is missing or not int8 of its tensor's shape.
    """
    inputs = _named_inputs(graph, inputs)
    keep = [tensor.name for tensor in graph.tensors] if keep is None else list(keep)
    batch = len(next(iter(inputs.values())))
    kept = {name: np.empty((batch, *graph.tensor(name).shape), np.int8) for name in keep}
    at_once = max(1, VALUES_AT_ONCE // max(tensor.size for tensor in graph.tensors))
    for start in range(0, batch, at_once):
        images = slice(start, start + at_once)
        values = {name: value[images] for name, value in inputs.items()}
        for operator in graph.operators:
            arguments = [values[name] for name in operator.inputs]
            values[operator.output] = apply(operator, graph, *arguments)
        for name in keep:
            kept[name][images] = values[name]
    return kept


def _named_inputs(graph: Graph, inputs) -> dict[str, np.ndarray]:
    if not isinstance(inputs, dict):
        inputs = {graph.inputs[0]: inputs}
    if missing := set(graph.inputs) ^ set(inputs):
        raise ValueError(f"{graph.name}: wants inputs {list(graph.inputs)}; missing or unknown: {sorted(missing)}")
    for name, value in inputs.items():
        wanted = graph.tensor(name).shape
        if value.dtype != np.int8 or value.shape[1:] != wanted:
            raise ValueError(f"input {name} is {value.dtype} {value.shape}; it must be int8 (batch, {wanted})")
    return inputs


@singledispatch
def apply(operator, graph: Graph, *inputs) -> np.ndarray:
    """int8 output (batch, height, width, channels) of one operator."""
    raise TypeError(f"{operator.name}: the golden arithmetic knows no {type(operator).__name__}")


@apply.register
def _(operator: Conv2D, graph, x):
    return _requantised(operator, graph, _convolve(operator, _without_zero_point(operator, graph, x)))


@apply.register
def _(operator: DepthwiseConv2D, graph, x):
    windows = _windows(operator, _without_zero_point(operator, graph, x))
    weights = operator.codes.astype(np.float32)
    taps = np.ndindex(*operator.kernel)
    return _requantised(
        operator, graph, sum(windows[:, :, :, row, column] * weights[row, column] for row, column in taps)
    )


@apply.register
def _(operator: ChannelScale, graph, x):
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    constants = operator.codes.astype(np.int64) - operator.constant_zero_point
    scaled = requantise(_shifted(x, input) * constants, *quantize_multiplier(operator.multiplier(input, output)))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)


@apply.register
def _(operator: Add, graph, *operands):
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    *each, of_sum = operator.multipliers(*inputs, output)
    total = 0
    for tensor, x, multiplier in zip(inputs, operands, each):
        total = total + requantise(_shifted(x, tensor) << ADD_LEFT_SHIFT, *quantize_multiplier(multiplier))
    scaled = requantise(total, *quantize_multiplier(of_sum))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)


@apply.register
def _(operator: Multiply, graph, *operands):
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    first, second = (_shifted(x, tensor) for x, tensor in zip(operands, inputs))
    scaled = requantise(first * second, *quantize_multiplier(operator.multiplier(*inputs, output)))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)


@apply.register
def _(operator: AveragePool, graph, x):
    count = _windows(operator, np.ones_like(x[:1, :, :, :1], np.int32)).sum(axis=(3, 4))  # padding is not counted
    return mean_of_sums(operator, graph, _windows(operator, x.astype(np.int32)).sum(axis=(3, 4)), count)


@apply.register
def _(operator: MaxPool, graph, x):
    return _clamp(_windows(operator, x, padding=-128).max(axis=(3, 4)), operator.minimum, operator.maximum)


@apply.register
def _(operator: Mean, graph, x):
    total = x.astype(np.int64).sum(axis=(1, 2), keepdims=True)
    return mean_of_sums(operator, graph, total, x.shape[1] * x.shape[2])


def mean_of_sums(operator: AveragePool | Mean, graph: Graph, total, count) -> np.ndarray:
    """What a pool makes of the sums of `count` codes each, int8 of the same shape."""
    if isinstance(operator, AveragePool):
        magnitude = (np.abs(total) + count // 2) // count
        return _clamp(np.sign(total) * magnitude, operator.minimum, operator.maximum)
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    factor = mean_multiplier(*quantize_multiplier(operator.multiplier(input, output)), count)
    return _clamp(requantise(total - count * input.zero_point, *factor) + output.zero_point)


@apply.register
def _(operator: Pad, graph, x):
    return np.pad(x, ((0, 0), *operator.padding), constant_values=operator.value)


@apply.register
def _(operator: Softmax, graph, x):
    return softmax(x, *factor_and_smallest(operator.multiplier(graph.tensor(operator.inputs[0]))))


@apply.register
def _(operator: Lookup, graph, x):
    return operator.table[x.astype(np.int32) + 128]


@apply.register
def _(operator: Wire, graph, *inputs):
    offsets = np.cumsum([0, *(x.shape[3] for x in inputs[:-1])])
    return np.concatenate(inputs, axis=3)[..., offsets[operator.sources[:, 0]] + operator.sources[:, 1]]


def _clamp(x, minimum=-128, maximum=127) -> np.ndarray:
    return np.clip(x, minimum, maximum).astype(np.int8)


def _shifted(x, tensor) -> np.ndarray:
    """Codes less their zero point, as int64."""
    return x.astype(np.int64) - tensor.zero_point


def _without_zero_point(operator: Convolution, graph, x) -> np.ndarray:
    """The input as floating point of the smallest kind that holds every sum of the convolution exactly."""
    zero_point = graph.tensor(operator.inputs[0]).zero_point
    taps = operator.codes[0].size if isinstance(operator, Conv2D) else operator.codes[..., 0].size
    largest_sum = taps * 128 * (128 + abs(zero_point))
    return x.astype(np.float32 if largest_sum < 2**24 else np.float64) - zero_point


def _windows(operator, x, padding=0) -> np.ndarray:
    """Every window of a padded map: (batch, height out, width out, kernel height, kernel width, channels)."""
    rows, columns = operator.pads(x.shape[1:3])
    padded = np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, operator.extent, axis=(1, 2))
    steps, taps = operator.strides, operator.dilations
    return np.moveaxis(windows[:, :: steps[0], :: steps[1], :, :: taps[0], :: taps[1]], 3, 5)


def _convolve(operator: Conv2D, x) -> np.ndarray:
    """Sums of products, exact: (batch, height out, width out, channels out)."""
    windows = _windows(operator, x)
    sums = []
    for inputs, codes in zip(np.split(windows, operator.groups, axis=5), np.split(operator.codes, operator.groups)):
        weights = codes.reshape(len(codes), -1).T.astype(x.dtype)
        sums.append(inputs.reshape(-1, weights.shape[0]) @ weights)
    return np.concatenate(sums, axis=1).reshape(*windows.shape[:3], -1)


def _requantised(operator: Convolution, graph, sums) -> np.ndarray:
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    accumulator = wrap_to_int32(sums.astype(np.int64) + operator.bias)
    scaled = requantise(accumulator, *quantize_multiplier(operator.multipliers(input, output)))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)


def random_inputs(graph: Graph, count: int = 100, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of uniformly random bytes by name, int8 (count, height, width, channels); the same for the same seed."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(-128, 128, (count, *graph.tensor(name).shape)).astype(np.int8) for name in graph.inputs
    }
