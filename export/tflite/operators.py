"""The operators of a .tflite, one function each: what of the integer graph they become, or why they cannot.

The first line of a function's description is its row in docs/operators.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Resize,
    Softmax,
    Wire,
)
from export.graph.tensor import INT8_MAX, INT8_MIN, Tensor
from export.tflite import schema, tables
from export.tflite.flatbuffer import name_of
from export.tflite.known_values import strided
from export.tflite.writer import ACTIVATIONS, RESIZES, activation_range

READERS: dict[str, Callable] = {}  # the function that reads an operator, by TFLite's name of it

LARGEST_RATIO = 2.0**20  # of two scales; beyond it no network makes sense
CODES = np.arange(-128, 128).astype(np.int8)


def _reads(*kinds: str):
    def register(reader: Callable) -> Callable:
        READERS.update({kind: reader for kind in kinds})
        return reader

    return register


def table() -> str:
    """The supported operators as a table in Markdown."""
    rows = [f"| {kind} | {str(READERS[kind].__doc__).splitlines()[0]} |" for kind in sorted(READERS)]
    return "\n".join(["| operator of the .tflite | becomes |", "| --- | --- |", *rows]) + "\n"


# --- Convolutions -----------------------------------------------------------------------------------------------------


@_reads("CONV_2D")
def _convolution(step):
    """Conv2D: any kernel, stride, dilation, padding and number of groups; weights int8 with zero point 0"""
    options, codes = step.options("Conv2DOptionsT"), _weights(step, 4)
    input, fields = _convolution_window(step, options, codes.shape[1:3])
    channels, depth = input.channels, codes.shape[3]
    codes = codes.swapaxes(1, 2) if fields["turned"] else codes
    step.require(channels % depth == 0, f"its weights read {depth} channels; its input has {channels}, no multiple")
    step.emit(Conv2D, [input], codes=codes, groups=channels // depth, **fields, **_constants(step, len(codes), 0))


@_reads("DEPTHWISE_CONV_2D")
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


@_reads("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def _batches(step):
    """the dilation of the one convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND"""
    step.refuse("expected SPACE_TO_BATCH_ND, one convolution of stride 1 without padding, and BATCH_TO_SPACE_ND")


@_reads("FULLY_CONNECTED")
def _fully_connected(step):
    """Conv2D whose kernel is the whole map that it reads, or 1x1 if it reads each pixel alone"""
    options, weights, index = step.options("FullyConnectedOptionsT"), _weights(step, 2), step.input(0)
    step.require(options.weightsFormat == 0, "its weights are shuffled; expected the default format")
    view, (out, depth) = step.view(index), weights.shape
    dense = view.source.size == depth and view.is_whole()
    if dense:  # flattened in whatever order: the weights are put into the map's
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
    fields = {"dense": dense, "fully_connected": one_scale, **_constants(step, out, 0), **_clamp(step, options)}
    step.emit(Conv2D, [input], shapes=[shape], codes=codes, **fields)


def _weights(step, rank: int) -> np.ndarray:
    codes = step.constant(1, "its weights", "INT8")
    step.require(codes.ndim == rank, f"its weights are {codes.shape}; expected {rank} dimensions")
    quantization = step.file_tensor(step.input(1)).quantization
    step.require(quantization is not None, "its weights have no scale")
    step.require(not np.any(quantization.zero_points), "its weights have a zero point other than 0")
    return codes


def _constants(step, channels: int, axis: int) -> dict:
    """The fields that hold scales and biases of the output channels, which are along this axis of the weights."""
    quantization = step.file_tensor(step.input(1)).quantization
    # A channel that is dead can have scale 0; its multiplier then is 0, as that of a very small scale is.
    scales = np.where(quantization.scales == 0, np.float32(1e-30), quantization.scales)
    fits = len(scales) == 1 or (len(scales) == channels and quantization.axis == axis)
    step.require(fits, f"its weights have {len(scales)} scales; expected one, or one for each of {channels} channels")
    bias = np.zeros(channels, np.int32)
    if len(step.operator.inputs) > 2 and step.operator.inputs[2] != -1:
        bias = step.constant(2, "its biases", "INT32").ravel()
        step.require(len(bias) == channels, f"it has {len(bias)} biases for {channels} channels")
    return {"scales": np.broadcast_to(scales, channels), "bias": bias, "frozen": False}


# --- Windows ----------------------------------------------------------------------------------------------------------


@_reads("AVERAGE_POOL_2D")
def _average_pool(step):
    """AveragePool, if its input and output share one scale"""
    _pool(step, AveragePool, None)


@_reads("MAX_POOL_2D")
def _max_pool(step):
    """MaxPool, if its input and output share one scale"""
    _pool(step, MaxPool, INT8_MIN)  # padding with the smallest code is as good as not counting it


def _pool(step, kind, padded_with: int | None) -> None:
    options = step.options("Pool2DOptionsT")
    window = options.filterHeight, options.filterWidth
    input, fields = _window(step, options, window, padded_with)
    step.emit(kind, [input], window=window[::-1] if fields["turned"] else window, **fields)


@_reads("PAD", "PADV2")
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
        value = _one(step, 2, "its value", "INT8")
        step.require_equal_codings(index, step.input(2))
    step.pad(source, (*padding, channels), value, turned)


@_reads("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
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
    fields = {"strides": strides, "turned": False, **_clamp(step, options)}
    pad = step.pad_of(step.input(0))
    if pad is not None and padding == "valid" and pad.value == padded_with and not pad.is_turned:
        *sides, channels = pad.padding
        extent = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations)]
        if channels == (0, 0) and all(max(side) < size for side, size in zip(sides, extent)):
            return pad.source, {"padding": tuple(sides), **fields}
    if step.is_turned(step.input(0)):
        return step.values(step.input(0)), {"padding": padding, **fields, "strides": strides[::-1], "turned": True}
    return step.map(step.input(0)), {"padding": padding, **fields}


def _clamp(step, options) -> dict[str, int]:
    """The fields that hold the fused activation."""
    minimum, maximum = _clamp_codes(step, options)
    return {"minimum": minimum, "maximum": maximum}


def _clamp_codes(step, options) -> tuple[int, int]:
    """Smallest and largest code that the fused activation lets through."""
    name = name_of(schema.ActivationFunctionType, options.fusedActivationFunction)
    step.require(name in ACTIVATIONS, f"its activation is {name}; it must be one of {', '.join(ACTIVATIONS)}")
    return activation_range(name, *step.coding(step.output()))


# --- Value by value ---------------------------------------------------------------------------------------------------


@_reads("ADD")
def _add(step):
    """Add of two maps of one shape, or of a map and one constant per channel; Lookup with one constant"""
    options = step.options("AddOptionsT")
    constant = _constant_operand(step)
    if step.file_tensor(step.output()).type == "INT32":
        step.require(constant is not None, "it adds two int32 maps; expected int8")
        _clamp_is_none(step, options)
        step.add_to_codes(step.input(1 - constant), _one(step, constant, "its constant"))
        return
    if constant is None:
        _pair(step, Add, options)
    elif step.file_tensor(step.input(constant)).data.size == 1:
        _lookup(step, 1 - constant, _clamp_codes(step, options))
    else:
        input, codes = _constant_a_channel(step, constant)
        filled = _filled(step, input, codes, *step.coding(step.input(constant)))
        step.emit(Add, [input, filled], shapes=[step.shape(1 - constant)], **_clamp(step, options))


@_reads("MUL")
def _multiply(step):
    """Multiply of two maps of one shape; ChannelScale with one constant per channel; Lookup with one constant"""
    options = step.options("MulOptionsT")
    constant = _constant_operand(step)
    if constant is None:
        _pair(step, Multiply, options)
    elif step.file_tensor(step.input(constant)).data.size == 1:
        _lookup(step, 1 - constant, _clamp_codes(step, options))
    else:
        input, codes = _constant_a_channel(step, constant)
        scale, zero_point = step.coding(step.input(constant))
        fields = {"codes": codes, "scale": scale, "constant_zero_point": zero_point, **_clamp(step, options)}
        step.emit(ChannelScale, [input], shapes=[step.shape(1 - constant)], **fields)


def _pair(step, kind, options) -> None:
    indices = step.input(0), step.input(1)
    shapes = [step.file_tensor(index).shape for index in indices]
    step.require(shapes[0] == shapes[1], f"its inputs have shapes {shapes[0]} and {shapes[1]}; expected equal ones")
    inputs = [step.values(index) for index in indices]
    if inputs[0].shape != inputs[1].shape:  # one of them is reshaped
        inputs = [step.map(index) for index in indices]
    step.emit(kind, inputs, shapes=[shapes[0]], **_clamp(step, options))


def _constant_operand(step) -> int | None:
    """Which of two inputs is a constant."""
    constants = [n for n in (0, 1) if step.is_constant(n)]
    step.require(len(constants) < 2, "both of its inputs are constants")
    return constants[0] if constants else None


def _constant_a_channel(step, n: int) -> tuple[Tensor, np.ndarray]:
    """The map that is one input, and the codes of the n-th one, a constant."""
    constant, input = step.constant(n, "its constants", "INT8"), step.channels(step.input(1 - n))
    fits = constant.size == constant.shape[-1] == input.channels
    step.require(fits, f"its constant has shape {constant.shape}; expected one value, or one for each channel")
    return input, constant.ravel()


def _filled(step, like: Tensor, codes: np.ndarray, scale: float, zero_point: int) -> Tensor:
    """Return a map of one code per channel: the biases of a depthwise convolution whose weights are all 0."""
    tensor = Tensor(step.unique_name(f"{step.reading.names[step.output()]}.constant"), like.shape, scale, zero_point)
    fill = DepthwiseConv2D(
        name=tensor.name,
        inputs=(like.name,),
        codes=np.zeros((1, 1, like.channels), np.int8),
        scales=np.full(like.channels, scale / like.scale, np.float32),
        bias=codes.astype(np.int32) - zero_point,
        frozen=False,
    )
    step.extra(fill, like, tensor)
    return tensor


@_reads("ABS", "ELU", "HARD_SWISH", "LOGISTIC", "RELU", "RELU6", "TANH")
def _function(step):
    """Lookup"""
    step.require(len(step.operator.inputs) == 1, f"it has {len(step.operator.inputs)} inputs; it must have one")
    _lookup(step, 0)


@_reads("LEAKY_RELU")
def _leaky_relu(step):
    """Lookup"""
    options = step.options("LeakyReluOptionsT")
    step.require(abs(options.alpha) < LARGEST_RATIO, f"its alpha is {options.alpha}")
    _lookup(step, 0, alpha=float(options.alpha))


@_reads("MAXIMUM", "MINIMUM", "SUB")
def _with_a_constant(step):
    """Lookup, if one of its inputs is one constant"""
    constant = _constant_operand(step)
    one = constant is not None and step.file_tensor(step.input(constant)).data.size == 1
    step.require(one, "expected one constant and one map; two maps are not supported")
    if step.operator.kind == "SUB":
        _lookup(step, 1 - constant, _clamp_codes(step, step.options("SubOptionsT")))
    else:
        _lookup(step, 1 - constant)


def _lookup(step, n: int, clamp: tuple[int, int] = (INT8_MIN, INT8_MAX), **constants) -> None:
    """A function of the n-th input's codes alone, as a table. constants are those of export.tflite.tables.fill."""
    indices, output = [step.input(place) for place in range(len(step.operator.inputs))], step.output()
    input = step.values(step.input(n))
    codings = [step.coding(index) for index in (*indices, output)]
    scales = [scale for scale, _ in codings]
    sane = all(0 < scale < np.inf for scale in scales) and max(scales) < LARGEST_RATIO * min(scales)
    step.require(sane, f"its scales are {scales}; they must be positive and not further apart than {LARGEST_RATIO:.0f}")
    operands = [
        tables.Operand(scale, zero_point, tables.CODES if place == n else _one_code(step, place))
        for place, (scale, zero_point) in enumerate(codings[:-1])
    ]
    try:
        table = tables.fill(step.operator.kind, operands, tables.Coding(*codings[-1]), clamp, **constants)
    except ValueError as error:
        step.refuse(f"{error}")
    step.emit(Lookup, [input], shapes=[step.shape(n)], table=table)


def _one_code(step, n: int) -> np.ndarray:
    return step.constant(n, "its constant", "INT8").ravel().astype(np.int64)


@_reads("QUANTIZE")
def _quantize(step):
    """Lookup from int8 to int8; nothing where it makes the input of a model int8 or its output uint8"""
    types = [step.file_tensor(index).type for index in (step.input(0), step.output())]
    if types == ["INT8", "INT8"]:
        _lookup(step, 0)
    else:
        step.convert()


@_reads("DEQUANTIZE")
def _dequantize(step):
    """nothing, at the output of a model"""
    step.convert()


# --- Pixel by pixel, and the whole map --------------------------------------------------------------------------------


@_reads("SOFTMAX")
def _softmax(step):
    """Softmax over the channels"""
    options = step.options("SoftmaxOptionsT")
    step.emit(Softmax, [step.channels(step.input(0))], shapes=[step.shape(0)], beta=float(options.beta))


@_reads("MEAN")
def _mean(step):
    """Mean, over all rows and columns"""
    index, axes = step.input(0), step.constant(1, "its axes", "INT32")
    rank = len(step.view(index).shape)
    known = all(-rank <= axis < rank for axis in axes.ravel())
    whole = known and rank > 2 and {int(axis) % rank for axis in axes.ravel()} == set(range(1, rank - 1))
    step.require(whole, f"it averages over axes {axes.tolist()} of {rank}; expected all rows and columns")
    input = step.channels(index)
    step.emit(Mean, [input], shapes=[(1, *[1] * (rank - 2), input.channels), (1, input.channels)])


# --- Moving bytes -----------------------------------------------------------------------------------------------------


@_reads("CONCATENATION")
def _concatenation(step):
    """Wire, along the channels, if all its tensors share one scale"""
    options, indices = step.options("ConcatenationOptionsT"), step.operator.inputs
    shapes = [step.shape(n) for n in range(len(indices))]
    alike = len({shape[:-1] for shape in shapes}) == 1 and len(shapes[0]) > 0
    step.require(alike, f"its inputs have shapes {', '.join(map(str, shapes))}; they must differ in channels only")
    rank = len(shapes[0])
    step.require(options.axis in (-1, rank - 1), f"it joins along axis {options.axis} of {rank}; expected the channels")
    _clamp_is_none(step, options)
    parts = [step.channels(step.input(n)) for n in range(len(indices))]
    step.require_equal_codings(*indices, step.output())
    inputs = list({part.name: part for part in parts}.values())
    sources = [(inputs.index(part), channel) for part in parts for channel in range(part.channels)]
    step.emit(Wire, inputs, shapes=[(*shapes[0][:-1], len(sources))], sources=np.array(sources))


def _clamp_is_none(step, options) -> None:
    name = name_of(schema.ActivationFunctionType, options.fusedActivationFunction)
    step.require(name == "NONE", f"its activation is {name}; it must be NONE")


@_reads("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
def _reshape(step):
    """nothing, where what reads it sees the same map, or all of it flattened"""
    step.reshape()


@_reads("TRANSPOSE")
def _transpose(step):
    """Wire, if with the RESHAPEs around it it moves channels only; nothing before a FULLY_CONNECTED"""
    order = step.constant(1, "its axes", "INT32").ravel()
    step.require(order.size == 0 or order.min() >= 0, f"its axes are {order.tolist()}; they must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.transpose(order)])


@_reads("CAST")
def _cast(step):
    """the first part of a Lookup: CAST to int32, ADD of 128, GATHER from a table"""
    types = [step.file_tensor(index).type for index in (step.input(0), step.output())]
    step.require(
        types == ["INT8", "INT32"], f"it casts {types[0].lower()} to {types[1].lower()}; expected int8 to int32"
    )
    step.add_to_codes(step.input(0), 0)


@_reads("GATHER")
def _gather(step):
    """Wire, along the channels; Lookup, from a table"""
    if step.is_constant(0):
        table, index = step.constant(0, "its values", "INT8"), step.codes_before(step.input(1))
        step.require(table.shape == (len(CODES),), f"its table has shape {table.shape}; expected (256,)")
        step.emit(Lookup, [step.values(index)], shapes=[step.shape(1)], table=table)
        return
    options, channels = step.options("GatherOptionsT"), step.constant(1, "its indices", "INT32", "INT64")
    step.require(options.batchDims == 0, f"batch_dims is {options.batchDims}; expected 0")
    step.require(channels.size > 0 and channels.min() >= 0, "its indices must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.take(channels, options.axis)])


@_reads("BROADCAST_TO", "FILL", "PACK", "SHAPE")
def _known_values(step):
    """nothing, where it is computed from shapes and constants alone"""
    step.refuse("its values are not known before it runs; expected that it is computed from shapes and constants alone")


@_reads("SPLIT")
def _split(step):
    """Wire, along the channels"""
    axis, count = _one(step, 0, "its axis"), len(step.operator.outputs)
    step.rearrange(step.input(1), lambda places: np.split(places, count, axis))


@_reads("SPLIT_V")
def _split_in_lengths(step):
    """Wire, along the channels"""
    lengths, axis = step.constant(1, "its lengths", "INT32", "INT64").ravel(), _one(step, 2, "its axis")

    def split(places):
        known = lengths[lengths >= 0].sum()
        ends = np.cumsum(np.where(lengths < 0, places.shape[axis] - known, lengths))
        return np.split(places, ends[:-1], axis)

    step.rearrange(step.input(0), split)


@_reads("SLICE")
def _slice(step):
    """Wire, along the channels"""
    begins, sizes = (step.constant(n, "its bounds", "INT32", "INT64").ravel() for n in (1, 2))
    shape = step.shape(0)
    fits = len(begins) == len(sizes) == len(shape)
    ends = [length if size == -1 else begin + size for begin, size, length in zip(begins, sizes, shape)]
    fits = fits and all(0 <= begin <= end <= length for begin, end, length in zip(begins, ends, shape))
    step.require(fits, f"it begins at {begins.tolist()} and takes {sizes.tolist()}; its input has shape {shape}")
    step.rearrange(step.input(0), lambda places: [places[tuple(map(slice, begins, ends))]])


@_reads("STRIDED_SLICE")
def _strided_slice(step):
    """Wire, along the channels; any step"""
    options = step.options("StridedSliceOptionsT")
    plain = not (options.ellipsisMask or options.newAxisMask or options.offset)
    step.require(plain, "it has an ellipsis, a new axis or an offset; expected plain bounds")
    bounds = [step.constant(n, "its bounds", "INT32").ravel() for n in (1, 2, 3)]
    counts, rank = [len(each) for each in bounds], len(step.shape(0))
    step.require(counts == [rank] * 3, f"it has {counts} bounds; expected one of each for {rank} dimensions")
    single = [stride for axis, stride in enumerate(bounds[2].tolist()) if options.shrinkAxisMask >> axis & 1]
    step.require(all(stride > 0 for stride in single), "it takes one place of a dimension with a step below 1")

    step.rearrange(step.input(0), lambda places: [places[strided(options, *bounds)]])


def _one(step, n: int, what: str, type: str = "INT32") -> int:
    values = step.constant(n, what, type)
    step.require(values.size == 1, f"{what} has {values.size} values; expected one")
    return int(values.ravel()[0])
