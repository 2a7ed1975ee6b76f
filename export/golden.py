"""The golden arithmetic: the graph on whole arrays, to the bit as TensorFlow Lite Micro's reference kernels compute it.

The one place where rounding is written in Python. The other languages use the same names and the same test vectors
(tests/rounding_vectors.json).
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from export.graph import Add, AveragePool, ChannelScale, Conv2D, Convolution, DepthwiseConv2D, Graph, Lookup, Wire

ADD_LEFT_SHIFT = 20  # TFLite gives the operands of ADD 20 more bits before it scales them
VALUES_AT_ONCE = 1 << 18  # of the largest map: its int64 accumulators then stay within a processor's cache


# --- Rounding ---------------------------------------------------------------------------------------------------------


def quantize_multiplier(factor) -> tuple[np.ndarray, np.ndarray]:
    """Writes factors as multiplier * 2^(shift - 31), multiplier in 2^30..2^31 - 1 (TFLite's QuantizeMultiplier).

    Args:
        factor: positive float64, any shape.
    Returns: (multiplier, shift), both int64. A factor under 2^-32 gives (0, 0).
    """
    fraction, shift = np.frexp(np.asarray(factor, np.float64))
    multiplier = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    shift = shift.astype(np.int64)
    overflow = multiplier == 2**31
    multiplier, shift = np.where(overflow, 2**30, multiplier), np.where(overflow, shift + 1, shift)
    vanishes = shift < -31
    return np.where(vanishes, 0, multiplier), np.where(vanishes, 0, shift)


def saturating_rounding_doubling_high_mul(a, b) -> np.ndarray:
    """The high 32 bits of 2 * a * b, rounded to nearest, a half upwards; int32 values in and out, held as int64."""
    high = (np.asarray(a, np.int64) * b + 2**30) >> 31
    return np.minimum(high, 2**31 - 1)  # only -2^31 * -2^31 would not fit


def rounding_divide_by_pot(x, exponent) -> np.ndarray:
    """x / 2^exponent, rounded to nearest, a half away from zero; exponent in 0..31."""
    x = np.asarray(x, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def requantise(accumulator, multiplier, shift) -> np.ndarray:
    """Scales 32-bit accumulators by multiplier * 2^(shift - 31) (TFLite's MultiplyByQuantizedMultiplier).

    Double rounding, as TFLM does: rounding once would differ in about 1 of 2,000 values.
    """
    shifted = wrap_to_int32(np.asarray(accumulator, np.int64) << np.maximum(shift, 0))
    return rounding_divide_by_pot(
        saturating_rounding_doubling_high_mul(shifted, multiplier), np.maximum(-np.asarray(shift), 0)
    )


def wrap_to_int32(x) -> np.ndarray:
    """Lets 32-bit sums overflow as registers do, so that also a network with absurd weights agrees everywhere."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


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
            values[operator.output] = _apply(operator, graph, *arguments)
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
def _apply(operator, graph: Graph, *inputs) -> np.ndarray:
    """int8 output (batch, height, width, channels) of one operator."""
    raise TypeError(f"{operator.name}: the golden arithmetic knows no {type(operator).__name__}")


@_apply.register
def _(operator: Conv2D, graph, x):
    return _requantised(operator, graph, _convolve(operator, _without_zero_point(operator, graph, x)))


@_apply.register
def _(operator: DepthwiseConv2D, graph, x):
    windows = _windows(operator, _without_zero_point(operator, graph, x))
    weights = operator.codes.astype(np.float32)
    taps = np.ndindex(*operator.kernel)
    return _requantised(
        operator, graph, sum(windows[:, :, :, row, column] * weights[row, column] for row, column in taps)
    )


@_apply.register
def _(operator: ChannelScale, graph, x):
    input, output = graph.tensor(operator.inputs[0]), graph.tensor(operator.output)
    product = (x.astype(np.int64) - input.zero_point) * operator.codes
    scaled = requantise(product, *quantize_multiplier(operator.multiplier(input, output)))
    return _clamp(scaled + output.zero_point)


@_apply.register
def _(operator: Add, graph, *operands):
    output = graph.tensor(operator.output)
    # The coarser operand gets the factor 1/2, so that the sum of the two cannot overflow.
    unit = 2 * max(tensor.scale for tensor in graph.inputs_of(operator))
    total = 0
    for tensor, x in zip(graph.inputs_of(operator), operands):
        shifted = (x.astype(np.int64) - tensor.zero_point) << ADD_LEFT_SHIFT
        total = total + requantise(shifted, *quantize_multiplier(tensor.scale / unit))
    scaled = requantise(total, *quantize_multiplier(unit / (2**ADD_LEFT_SHIFT * output.scale)))
    return _clamp(scaled + output.zero_point, operator.minimum, operator.maximum)


@_apply.register
def _(operator: AveragePool, graph, x):
    total = _windows(operator, x.astype(np.int32)).sum(axis=(3, 4))
    count = _windows(operator, np.ones_like(x[:1, :, :, :1], np.int32)).sum(axis=(3, 4))  # padding is not counted
    magnitude = (np.abs(total) + count // 2) // count
    return _clamp(np.sign(total) * magnitude)


@_apply.register
def _(operator: Lookup, graph, x):
    return operator.table[x.astype(np.int32) + 128]


@_apply.register
def _(operator: Wire, graph, *inputs):
    offsets = np.cumsum([0, *(x.shape[3] for x in inputs[:-1])])
    return np.concatenate(inputs, axis=3)[..., offsets[operator.sources[:, 0]] + operator.sources[:, 1]]


def _clamp(x, minimum=-128, maximum=127) -> np.ndarray:
    return np.clip(x, minimum, maximum).astype(np.int8)


def _without_zero_point(operator: Convolution, graph, x) -> np.ndarray:
    """The input as floating point of the smallest kind that holds every sum of the convolution exactly."""
    zero_point = graph.tensor(operator.inputs[0]).zero_point
    taps = operator.codes[0].size if isinstance(operator, Conv2D) else operator.codes[..., 0].size
    largest_sum = taps * 128 * (128 + abs(zero_point))
    return x.astype(np.float32 if largest_sum < 2**24 else np.float64) - zero_point


def _windows(operator, x) -> np.ndarray:
    """Every window of a zero-padded map: (batch, height out, width out, kernel height, kernel width, channels)."""
    rows, columns = operator.pads(x.shape[1:3])
    padded = np.pad(x, ((0, 0), rows, columns, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, operator.kernel, axis=(1, 2))
    return np.moveaxis(windows[:, :: operator.strides[0], :: operator.strides[1]], 3, 5)


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
