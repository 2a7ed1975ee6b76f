"""Readers of functions of two maps, or of a map and constants."""

from __future__ import annotations

import math

import numpy as np

from export.graph.operators import (
    Add,
    ChannelScale,
    Constant,
    DepthwiseConv2D,
    Maximum,
    Minimum,
    Multiply,
    Prelu,
    SquaredDifference,
    Subtract,
)
from export.graph.tensor import Shape, Tensor
from export.tflite.reading.operators.registry import clamp, clamp_codes, one_number, reads, require_no_clamp
from export.tflite.reading.operators.values import lookup


@reads("ADD")
def _add(step):
    """Add of two maps, or of a map and constants; Lookup with one constant"""
    options = step.options("AddOptionsT")
    if step.file_tensor(step.output()).type == "INT32":
        constant = constant_operand(step)
        step.require(constant is not None, "it adds two int32 maps; expected int8")
        require_no_clamp(step, options)
        step.add_to_codes(step.input(1 - constant), one_number(step, constant, "its constant"))
        return
    _pair(step, Add, options)


@reads("MUL")
def _multiply(step):
    """Multiply of two maps; ChannelScale with one constant per channel; Lookup with one constant"""
    options, constant = step.options("MulOptionsT"), constant_operand(step)
    if constant is not None and _is_one_per_channel(step, constant):
        input, codes = step.channels(step.input(1 - constant)), step.constant(constant, "its constants", "INT8")
        scale, zero_point = step.coding(step.input(constant))
        fields = {"codes": codes.ravel(), "scale": scale, "constant_zero_point": zero_point, **clamp(step, options)}
        step.emit(ChannelScale, [input], shapes=[step.shape(1 - constant)], **fields)
    else:
        _pair(step, Multiply, options)


@reads("SUB")
def _subtract(step):
    """Subtract of two maps, or of a map and constants; Lookup with one constant"""
    _pair(step, Subtract, step.options("SubOptionsT"))


@reads("MAXIMUM")
def _maximum(step):
    """Maximum of two maps, or of a map and constants; Lookup with one constant"""
    _pair(step, Maximum)


@reads("MINIMUM")
def _minimum(step):
    """Minimum of two maps, or of a map and constants; Lookup with one constant"""
    _pair(step, Minimum)


@reads("SQUARED_DIFFERENCE")
def _squared_difference(step):
    """SquaredDifference of two maps, or of a map and constants"""
    _pair(step, SquaredDifference)


@reads("DIV")
def _divide(step):
    """Lookup with one constant"""
    constant, options = constant_operand(step), step.options("DivOptionsT")
    one = constant is not None and step.constant(constant, "its constants", "INT8").size == 1
    step.require(one, "expected one constant and one map; two maps are not supported")
    lookup(step, 1 - constant, clamp_codes(step, options))


@reads("PRELU")
def _prelu(step):
    """Prelu, its slopes one per channel or one per value; Lookup with one slope"""
    slopes, shape = step.constant(1, "its slopes", "INT8"), step.shape(0)
    if slopes.size == 1:
        lookup(step, 0)
        return
    scale, zero_point = step.coding(step.input(1))
    one_per_channel = slopes.size == slopes.shape[-1] == shape[-1]
    input = step.channels(step.input(0)) if one_per_channel else step.map(step.input(0))
    fits = slopes.ndim <= len(shape) and all(own in (1, other) for own, other in zip(slopes.shape[::-1], shape[::-1]))
    step.require(fits, f"its slopes have shape {slopes.shape}; its input has {shape}")
    codes = slopes.ravel() if one_per_channel else np.broadcast_to(slopes, shape).reshape(input.shape)
    step.emit(Prelu, [input], shapes=[shape], codes=codes, scale=scale, constant_zero_point=zero_point)


# --- Two operands ------------------------------------------------------------------------------------------------------


def _pair(step, kind, options=None) -> None:
    """Two operands, each repeated along the dimensions of which it has only one."""
    constant = constant_operand(step)
    fields = clamp(step, options) if options else {}
    if constant is not None and step.constant(constant, "its constants", "INT8").size == 1:
        lookup(step, 1 - constant, *([clamp_codes(step, options)] if options else []))
        return
    shapes = [step.shape(0), step.shape(1)]
    if constant is None and shapes[0] == shapes[1]:
        inputs = [step.values(step.input(n)) for n in (0, 1)]
        if inputs[0].shape != inputs[1].shape:  # one of them is reshaped
            inputs = [step.map(step.input(n)) for n in (0, 1)]
        step.emit(kind, inputs, shapes=[shapes[0]], **fields)
        return
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        step.refuse(
            f"its inputs have shapes {shapes[0]} and {shapes[1]}, of which neither can be repeated to the other"
        )
    step.require(len(shape) <= 4, f"its inputs have shapes {shapes[0]} and {shapes[1]}; expected up to 4 dimensions")
    step.require_one_image(shape)
    maps = _maps(step, constant, shape)
    if constant is not None:
        maps[constant] = _constant_map(step, constant, maps[1 - constant], shape)
    step.emit(kind, [maps[0], maps[1]], shapes=[shape], **fields)


def _maps(step, constant: int | None, shape: tuple[int, ...]) -> dict[int, Tensor]:
    """Return the operands that are no constants as maps of one shape."""
    for n in (0, 1):  # a map and one number per channel: whatever the map's rows and columns are in the graph
        if n != constant and step.shape(n) == shape and math.prod(step.shape(1 - n)) == (1, *step.shape(1 - n))[-1]:
            whole = step.channels(step.input(n))
            if constant is not None:
                return {n: whole}
            one = step.map(step.input(1 - n), (1, 1, math.prod(step.shape(1 - n))))
            return {n: whole, 1 - n: step.expanded(one, whole.shape)}
    return {n: repeated(step, n, shape, step.map_shape(shape)) for n in (0, 1) if n != constant}


def repeated(step, n: int, shape: tuple[int, ...], target: Shape) -> Tensor:
    own = step.shape(n)
    map = step.map(step.input(n), step.map_shape((1,) * (len(shape) - len(own)) + own))
    return step.expanded(map, target)


def constant_operand(step) -> int | None:
    """Which of two inputs is a constant."""
    constants = [n for n in (0, 1) if step.is_constant(n)]
    step.require(len(constants) < 2, "both of its inputs are constants")
    return constants[0] if constants else None


def _is_one_per_channel(step, n: int) -> bool:
    """Whether the n-th input is one constant for each of several channels of the other one."""
    constant, shape = step.constant(n, "its constants", "INT8"), step.shape(1 - n)
    fits = constant.ndim > 0 and len(shape) > 0 and constant.size == constant.shape[-1] == shape[-1] > 1
    return fits and constant.ndim <= len(shape)


def _constant_map(step, n: int, like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the n-th input, constants, as a map of the shape of another."""
    constant, (scale, zero_point) = step.constant(n, "its constants", "INT8"), step.coding(step.input(n))
    name = step.unique_name(f"{step.reading.names[step.output()]}.constant")
    tensor = Tensor(name, like.shape, scale, zero_point)
    if not _is_one_per_channel(step, n):
        values = np.broadcast_to(constant, shape).reshape(like.shape)
        return step.extra(Constant(name=name, inputs=(like.name,), values=values), [like], tensor)
    # The biases of a depthwise convolution whose weights are all 0.
    fill = DepthwiseConv2D(
        name=name,
        inputs=(like.name,),
        codes=np.zeros((1, 1, like.channels), np.int8),
        scales=np.full(like.channels, scale / like.scale, np.float32),
        bias=constant.ravel().astype(np.int32) - zero_point,
        frozen=False,
    )
    return step.extra(fill, [like], tensor)
