"""Readers of functions of single values, of pixels, and of the whole map."""

from __future__ import annotations

import numpy as np

from export.graph.operators import (
    Add,
    ChannelScale,
    DepthwiseConv2D,
    Lookup,
    Mean,
    Multiply,
    Softmax,
)
from export.graph.tensor import INT8_MAX, INT8_MIN, Tensor
from export.tflite import tables
from export.tflite.operators.registry import clamp, clamp_codes, one_number, reads, require_no_clamp

LARGEST_RATIO = 2.0**20  # of two scales; beyond it no network makes sense


@reads("ADD")
def _add(step):
    """Add of two maps of one shape, or of a map and one constant per channel; Lookup with one constant"""
    options = step.options("AddOptionsT")
    constant = _constant_operand(step)
    if step.file_tensor(step.output()).type == "INT32":
        step.require(constant is not None, "it adds two int32 maps; expected int8")
        require_no_clamp(step, options)
        step.add_to_codes(step.input(1 - constant), one_number(step, constant, "its constant"))
        return
    if constant is None:
        _pair(step, Add, options)
    elif step.file_tensor(step.input(constant)).data.size == 1:
        _lookup(step, 1 - constant, clamp_codes(step, options))
    else:
        input, codes = _constant_a_channel(step, constant)
        filled = _filled(step, input, codes, *step.coding(step.input(constant)))
        step.emit(Add, [input, filled], shapes=[step.shape(1 - constant)], **clamp(step, options))


@reads("MUL")
def _multiply(step):
    """Multiply of two maps of one shape; ChannelScale with one constant per channel; Lookup with one constant"""
    options = step.options("MulOptionsT")
    constant = _constant_operand(step)
    if constant is None:
        _pair(step, Multiply, options)
    elif step.file_tensor(step.input(constant)).data.size == 1:
        _lookup(step, 1 - constant, clamp_codes(step, options))
    else:
        input, codes = _constant_a_channel(step, constant)
        scale, zero_point = step.coding(step.input(constant))
        fields = {"codes": codes, "scale": scale, "constant_zero_point": zero_point, **clamp(step, options)}
        step.emit(ChannelScale, [input], shapes=[step.shape(1 - constant)], **fields)


def _pair(step, kind, options) -> None:
    indices = step.input(0), step.input(1)
    shapes = [step.file_tensor(index).shape for index in indices]
    step.require(shapes[0] == shapes[1], f"its inputs have shapes {shapes[0]} and {shapes[1]}; expected equal ones")
    inputs = [step.values(index) for index in indices]
    if inputs[0].shape != inputs[1].shape:  # one of them is reshaped
        inputs = [step.map(index) for index in indices]
    step.emit(kind, inputs, shapes=[shapes[0]], **clamp(step, options))


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


@reads("ABS", "ELU", "HARD_SWISH", "LOGISTIC", "RELU", "RELU6", "TANH")
def _function(step):
    """Lookup"""
    step.require(len(step.operator.inputs) == 1, f"it has {len(step.operator.inputs)} inputs; it must have one")
    _lookup(step, 0)


@reads("LEAKY_RELU")
def _leaky_relu(step):
    """Lookup"""
    options = step.options("LeakyReluOptionsT")
    step.require(abs(options.alpha) < LARGEST_RATIO, f"its alpha is {options.alpha}")
    _lookup(step, 0, alpha=float(options.alpha))


@reads("MAXIMUM", "MINIMUM", "SUB")
def _with_a_constant(step):
    """Lookup, if one of its inputs is one constant"""
    constant = _constant_operand(step)
    one = constant is not None and step.file_tensor(step.input(constant)).data.size == 1
    step.require(one, "expected one constant and one map; two maps are not supported")
    if step.operator.kind == "SUB":
        _lookup(step, 1 - constant, clamp_codes(step, step.options("SubOptionsT")))
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


@reads("QUANTIZE")
def _quantize(step):
    """Lookup from int8 to int8; nothing where it makes the input of a model int8 or its output uint8"""
    types = [step.file_tensor(index).type for index in (step.input(0), step.output())]
    if types == ["INT8", "INT8"]:
        _lookup(step, 0)
    else:
        step.convert()


@reads("DEQUANTIZE")
def _dequantize(step):
    """nothing, at the output of a model"""
    step.convert()


@reads("SOFTMAX")
def _softmax(step):
    """Softmax over the channels"""
    options = step.options("SoftmaxOptionsT")
    step.emit(Softmax, [step.channels(step.input(0))], shapes=[step.shape(0)], beta=float(options.beta))


@reads("MEAN")
def _mean(step):
    """Mean, over all rows and columns"""
    index, axes = step.input(0), step.constant(1, "its axes", "INT32")
    rank = len(step.view(index).shape)
    known = all(-rank <= axis < rank for axis in axes.ravel())
    whole = known and rank > 2 and {int(axis) % rank for axis in axes.ravel()} == set(range(1, rank - 1))
    step.require(whole, f"it averages over axes {axes.tolist()} of {rank}; expected all rows and columns")
    input = step.channels(index)
    step.emit(Mean, [input], shapes=[(1, *[1] * (rank - 2), input.channels), (1, input.channels)])
