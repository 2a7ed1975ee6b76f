"""Readers of convolutions, pools and all else that reads a window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from export.graph import limits
from export.graph.operators import (
    AveragePool,
    Conv2D,
    DepthwiseConv2D,
    MatMul,
    MaxPool,
    Resize,
)
from export.graph.tensor import INT8_MIN, Tensor
from export.tflite.file import schema
from export.tflite.file.flatbuffer import name_of
from export.tflite.kinds import RESIZES
from export.tflite.reading.operators.registry import clamp, one_number, reads


@reads("CONV_2D")
def _convolution(step):
    """Conv2D: any kernel, stride, dilation, padding and number of groups; weights int8 with zero point 0"""
    options, codes = step.options("Conv2DOptionsT"), _weights(step, 4)
    input, fields = _convolution_window(step, options, codes.shape[1:3])
    channels, depth = input.channels, codes.shape[3]
    codes = codes.swapaxes(1, 2) if fields["turned"] else codes
    step.require(channels % depth == 0, f"its weights read {depth} channels; its input has {channels}, no multiple")
    step.emit(Conv2D, [input], codes=codes, groups=channels // depth, **fields, **_constants(step, len(codes), 0))


@reads("DEPTHWISE_CONV_2D")
def _depthwise_convolution(step):
    """DepthwiseConv2D; with a depth multiplier above 1, Conv2D of as many groups as it reads channels"""
    options, codes = step.options("DepthwiseConv2DOptionsT"), _weights(step, 4)
    input, fields = _convolution_window(step, options, codes.shape[1:3])
    channels, multiplier, out = input.channels, options.depthMultiplier, codes.shape[3]
    fits = len(codes) == 1 and channels * multiplier == out
    step.require(fits, f"its weights are {codes.shape}; with {channels} channels times {multiplier} they cannot be")
    constants = _constants(step, out, 3)
    codes = codes.swapaxes(1, 2) if fields["turned"] else codes
    if multiplier == 1:
        step.emit(DepthwiseConv2D, [input], codes=codes[0], **fields, **constants)
    else:
        codes = codes[0].transpose(2, 0, 1)[..., None]
        step.emit(Conv2D, [input], codes=codes, groups=channels, **fields, **constants)


@reads("TRANSPOSE_CONV")
def _transposed_convolution(step):
    """Conv2D of one channel for each place in a stride, and Rearrange, which puts them beside each other"""
    options, codes = step.options("TransposeConvOptionsT"), _weights(step, 4, map=2)
    step.require(
        len(step.shape(2)) == 4, f"its input has shape {step.shape(2)}; it must be (1, height, width, channels)"
    )
    step.require_one_image(step.shape(2))
    input, shape = step.map(step.input(2)), step.file_tensor(step.output()).shape
    out, *kernel, depth = codes.shape
    fits = len(shape) == 4 and shape[0] == 1 and shape[3] == out and depth == input.channels
    step.require(
        fits, f"its weights are {codes.shape}, its input {input.shape}, and its output {shape}; they cannot be"
    )
    strides = options.strideH, options.strideW
    step.require(min(strides) >= 1, f"its strides are {strides}")
    made = Tensor(
        step.unique_name(f"{step.reading.names[step.output()]}.places"), (1, 1, 1), *step.coding(step.output())
    )
    height, width = (size * stride for size, stride in zip(input.shape, strides))
    step.checked(replace(made, shape=(height, width, out)).check)  # before anything of its size is made
    size, most = math.prod(strides) * out * depth, limits.MOST_CONSTANT_BYTES
    step.require(
        size <= most, f"its strides are {strides}, which makes {size:,} weights of it; expected up to {most:,}"
    )
    same = name_of(schema.Padding, options.padding) == "SAME"
    axes = [_phases(*each, same) for each in zip(input.shape[:2], shape[1:3], kernel, strides)]
    (rows, above), (columns, left) = ((each.taps, each.padding) for each in axes)
    # For each place in a stride the weights of its taps; those that are not in the kernel are 0.
    padded = np.pad(codes, ((0, 0), (0, 1), (0, 1), (0, 0)))
    spread = padded[:, rows][:, :, :, columns].transpose(1, 3, 0, 2, 4, 5)
    spread = spread.reshape(-1, rows.shape[1], columns.shape[1], depth)
    constants = _constants(step, out, 0, bias=3)
    repeated = {name: np.tile(constants[name], math.prod(strides)) for name in ("scales", "bias")}
    convolution = Conv2D(
        name=made.name,
        inputs=(input.name,),
        codes=spread,
        padding=(above, left),
        frozen=False,
        **repeated,
        **clamp(step, options),
    )
    source = step.extra(convolution, [input], made)
    height, width, _ = source.shape
    whole = height * strides[0], width * strides[1], out
    grid = np.arange(source.size).reshape(height, width, *strides, out).transpose(0, 2, 1, 3, 4).reshape(whole)
    if whole != shape[1:]:  # more than is needed
        source = step.rearranged(source, grid)
        grid = np.arange(source.size).reshape(whole)[: shape[1], : shape[2]]
    step.become_moved(source, grid[None])


@dataclass(frozen=True)
class _Phases:
    """A transposed convolution along one axis, as a convolution that makes each place in a stride.

    taps: int (places, taps), which tap of the kernel each one is; -1 for none. padding: before and after.
    """

    taps: np.ndarray
    padding: tuple[int, int]


def _phases(size: int, made: int, kernel: int, stride: int, same: bool) -> _Phases:
    """Output y is the sum of input i times tap k over all with y + before = stride * i + k."""
    padding = max((-(-made // stride) - 1) * stride + kernel - made, 0) if same else 0
    before = padding // 2
    starts = np.arange(stride) + before
    # Which tap of the kernel place r takes of input q + i, for output q of the convolution.
    inputs = np.arange(-kernel // stride, int(starts.max()) // stride + 1)
    taps = starts[:, None] - stride * inputs
    taps = np.where((taps >= 0) & (taps < kernel), taps, -1)
    used = np.any(taps >= 0, axis=0) | (inputs == 0)
    (places,) = np.nonzero(used)
    inputs, taps = inputs[places[0] : places[-1] + 1], taps[:, places[0] : places[-1] + 1]
    after = -(-made // stride) + int(inputs[-1]) - size
    return _Phases(taps, (-int(inputs[0]), max(after, 0)))


LONGEST_SIDE = 255  # of a window, in the C's tables; a longer map is moved into one pixel before a FULLY_CONNECTED


@reads("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def _batches(step):
    """the dilation of the one convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND"""
    step.refuse("expected SPACE_TO_BATCH_ND, one convolution of stride 1 without padding, and BATCH_TO_SPACE_ND")


@reads("FULLY_CONNECTED")
def _fully_connected(step):
    """Conv2D whose kernel is the whole map that it reads, or 1x1 if it reads each pixel alone"""
    options, weights, index = step.options("FullyConnectedOptionsT"), _weights(step, 2), step.input(0)
    step.require(options.weightsFormat == 0, "its weights are shuffled; expected the default format")
    view, (out, depth) = step.view(index), weights.shape
    dense = view.source.size == depth and view.is_whole()
    if dense and max(view.source.shape[:2]) > LONGEST_SIDE:
        input, codes = step.map(index, (1, 1, depth)), weights.reshape(out, 1, 1, depth)
    elif dense:  # flattened in whatever order: the weights are put into the map's
        input, codes = view.source, np.empty_like(weights)
        codes[:, view.all_places().ravel()] = weights
        codes = codes.reshape(out, *input.shape)
    else:
        input, codes = step.channels(index), weights.reshape(out, 1, 1, depth)
        step.require(input.channels == depth, f"its weights read {depth} values; its input has shape {view.shape}")
    shape = step.file_tensor(
        step.output()
    ).shape  # of which TFLM takes the last dimension, and the product of the others
    fits = len(shape) > 0 and shape[-1] == out and math.prod(shape) * depth == out * input.size
    step.require(fits, f"its output has shape {shape}; its inputs make {math.prod(input.shape[:2])} times {out} values")
    one_scale = len(step.file_tensor(step.input(1)).quantization.scales) == 1
    fields = {"dense": dense, "fully_connected": one_scale, **_constants(step, out, 0), **clamp(step, options)}
    step.emit(Conv2D, [input], shapes=[shape], codes=codes, **fields)


@reads("BATCH_MATMUL")
def _batch_matmul(step):
    """Conv2D of 1x1, if its second operand is constant; MatMul of two maps, a matrix per row"""
    options = step.options("BatchMatMulOptionsT")
    if not step.is_constant(1):
        _matrices(step, options)
        return
    step.require(not options.adjX, "its first operand is transposed")
    codes = step.constant(1, "its second operand", "INT8")
    fits = codes.ndim >= 2 and math.prod(codes.shape[:-2]) == 1
    step.require(fits, f"its second operand is {codes.shape}; expected one matrix")
    matrix = codes.reshape(codes.shape[-2:]) if options.adjY else codes.reshape(codes.shape[-2:]).T
    (scale, zero_point), (out, depth) = step.coding(step.input(1)), matrix.shape
    step.require(zero_point == 0, f"its second operand has zero point {zero_point}; expected 0")
    input, shape = step.channels(step.input(0)), step.shape(0)
    step.require(input.channels == depth, f"its second operand reads {depth} values; its input has shape {shape}")
    constants = {"scales": np.full(out, scale, np.float32), "bias": np.zeros(out, np.int32), "frozen": False}
    codes = matrix.reshape(out, 1, 1, depth)
    step.emit(Conv2D, [input], shapes=[(*shape[:-1], out)], codes=codes, fully_connected=True, **constants)


def _matrices(step, options) -> None:
    """A product of two maps: all dimensions before the last two are rows."""
    shapes = [step.shape(n) for n in (0, 1)]
    step.require(min(map(len, shapes)) >= 2, f"its operands have shapes {shapes[0]} and {shapes[1]}; expected matrices")
    try:
        batch = np.broadcast_shapes(*(shape[:-2] for shape in shapes))
    except ValueError:
        step.refuse(
            f"its operands have shapes {shapes[0]} and {shapes[1]}, of which neither can be repeated to the other"
        )
    first = _matrices_of(step, 0, options.adjX, batch)
    second = _matrices_of(step, 1, not options.adjY, batch)
    step.emit(MatMul, [first, second], shapes=[(*batch, first.shape[1], second.shape[1])])


def _matrices_of(step, n: int, turned: bool, batch: tuple[int, ...]) -> Tensor:
    """The n-th input as a map with a matrix per row, each with its rows and columns turned or not."""
    shape, view = step.shape(n), step.view(step.input(n))
    if turned:
        map = step.rearranged(view.source, view.all_places().swapaxes(-1, -2))
        shape = (*shape[:-2], shape[-1], shape[-2])
    else:
        map = step.map(step.input(n))
    own = shape[:-2]
    step.require(
        math.prod(own) in (1, math.prod(batch)), f"its operand of shape {shape} has another batch than {batch}"
    )
    return step.expanded(map, (math.prod(batch), *shape[-2:]))


CONVERT = (
    "convert it with a representative_dataset and tf.lite.OpsSet.TFLITE_BUILTINS_INT8, or compile the Keras model with "
    "--pictures=FOLDER"
)
UNSUITABLE = {  # types of map and weights
    ("FLOAT32", "FLOAT32"): f"it computes with floats, so the model is not quantised; {CONVERT}",
    ("FLOAT32", "INT8"): f"its weights are int8 and its input is float32, as without representative data; {CONVERT}",
    ("INT16", "INT8"): "its input is int16; convert the model with tf.lite.OpsSet.TFLITE_BUILTINS_INT8",
    ("UINT8", "UINT8"): "it is uint8, as of a converter of before TensorFlow 2; TensorFlow Lite Micro does not run it "
    f"either; {CONVERT}",
}


def _weights(step, rank: int, map: int = 0) -> np.ndarray:
    """The codes of a window's weights, after a look at their type and that of the map, which is input `map`."""
    types = tuple(step.file_tensor(step.input(n)).type for n in (map, 1))
    if types in UNSUITABLE:
        step.refuse(UNSUITABLE[types])
    codes = step.constant(1, "its weights", "INT8")
    step.require(codes.ndim == rank, f"its weights are {codes.shape}; expected {rank} dimensions")
    quantization = step.file_tensor(step.input(1)).quantization
    step.require(quantization is not None, "its weights have no scale")
    step.require(not np.any(quantization.zero_points), "its weights have a zero point other than 0")
    return codes


def _constants(step, channels: int, axis: int, bias: int = 2) -> dict:
    """The fields that hold scales and biases of the output channels, which are along this axis of the weights."""
    quantization = step.file_tensor(step.input(1)).quantization
    # A channel that is dead can have scale 0; its multiplier then is 0, as that of a very small scale is.
    scales = np.where(quantization.scales == 0, np.float32(1e-30), quantization.scales)
    fits = len(scales) == 1 or (len(scales) == channels and quantization.axis == axis)
    step.require(fits, f"its weights have {len(scales)} scales; expected one, or one for each of {channels} channels")
    biases = np.zeros(channels, np.int32)
    if len(step.operator.inputs) > bias and step.operator.inputs[bias] != -1:
        biases = step.constant(bias, "its biases", "INT32").ravel()
        step.require(len(biases) == channels, f"it has {len(biases)} biases for {channels} channels")
    return {"scales": np.broadcast_to(scales, channels), "bias": biases, "frozen": False}


@reads("AVERAGE_POOL_2D")
def _average_pool(step):
    """AveragePool, if its input and output share one scale"""
    _pool(step, AveragePool, None)


@reads("MAX_POOL_2D")
def _max_pool(step):
    """MaxPool, if its input and output share one scale"""
    _pool(step, MaxPool, INT8_MIN)  # padding with the smallest code is as good as not counting it


def _pool(step, kind, padded_with: int | None) -> None:
    options = step.options("Pool2DOptionsT")
    window = options.filterHeight, options.filterWidth
    input, fields = _window(step, options, window, padded_with)
    step.emit(kind, [input], window=window[::-1] if fields["turned"] else window, **fields)


@reads("PAD", "PADV2")
def _pad(step):
    """the padding of convolutions and max-pools that read it, where that is the same; else Pad"""
    index, sides = step.input(0), step.constant(1, "its paddings", "INT32", "INT64")
    step.require_equal_codings(index, step.output())
    shape = step.shape(0)
    rank = len(shape)
    step.require(rank in (3, 4), f"its input has shape {shape}; expected 3 or 4 dimensions")
    fits = sides.shape == (rank, 2) and not np.any(sides[0]) and sides.min() >= 0
    step.require(
        fits, f"its paddings are {sides.tolist()}; expected pairs from 0 for batch (0, 0), rows, columns, channels"
    )
    padded = tuple(size + int(side.sum()) for size, side in zip(shape, sides.astype(object)))
    step.require_shape(step.output(), padded)
    rows, columns, channels = [(0, 0)] * (4 - rank) + [tuple(side) for side in sides[1:].tolist()]
    turned = step.is_turned(index)
    source, padding = (step.values(index), (columns, rows)) if turned else (step.map(index), (rows, columns))
    value = step.coding(index)[1]
    if step.operator.kind == "PADV2":
        value = one_number(step, 2, "its value", "INT8")
        step.require_equal_codings(index, step.input(2))
    step.pad(source, (*padding, channels), value, turned)


@reads("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def _resize(step):
    """Resize, to any size, also with half_pixel_centers or align_corners"""
    method, name = next((method, name) for method, (kind, name) in RESIZES.items() if kind == step.operator.kind)
    options, size = step.options(f"{name}OptionsT"), step.constant(1, "its size", "INT32").ravel()
    step.require(len(size) == 2, f"its size is {size.tolist()}; expected height and width")
    step.require_map(0)
    fields = {"align_corners": bool(options.alignCorners), "half_pixel_centers": bool(options.halfPixelCenters)}
    step.emit(Resize, [step.map(step.input(0))], size=(int(size[0]), int(size[1])), method=method, **fields)


def _convolution_window(step, options, kernel: tuple[int, int]) -> tuple[Tensor, dict]:
    dilations = options.dilationHFactor, options.dilationWFactor
    zero = step.coding(step.input(0))[1]
    input, fields = _window(step, options, kernel, zero, dilations)
    return input, {"dilations": dilations[::-1] if fields["turned"] else dilations, **fields}


def _window(step, options, kernel, padded_with: int | None, dilations=(1, 1)) -> tuple[Tensor, dict]:
    """What a window reads, and the fields that all windows have.

    A PAD before it that put the code `padded_with` around the map becomes padding of the window. If the map
    is turned, so are the fields, and the window must be too.
    """
    step.require_map(0)
    padding = name_of(schema.Padding, options.padding).lower()
    strides = options.strideH, options.strideW
    fields = {"strides": strides, "turned": False, **clamp(step, options)}
    pad = step.pad_of(step.input(0))
    if pad is not None and padding == "valid" and pad.value == padded_with and not pad.is_turned:
        *sides, channels = pad.padding
        extent = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations)]
        if channels == (0, 0) and all(max(side) < size for side, size in zip(sides, extent)):
            return pad.source, {"padding": tuple(sides), **fields}
    if step.is_turned(step.input(0)):
        return step.values(step.input(0)), {"padding": padding, **fields, "strides": strides[::-1], "turned": True}
    return step.map(step.input(0)), {"padding": padding, **fields}
