"""What is known before a network runs: what a file computes from shapes and constants alone.

A model that was converted without a fixed batch computes the new shape of each RESHAPE from the shape
of its input. Its tensors have the batch 1, and so all of this is known: values, and shapes that the
file does not say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from export.tflite.file.flatbuffer import DTYPES, FileOperator, FileTensor, Model

Values = npt.NDArray[Any]

NUMPY_ERRORS = (ValueError, IndexError, TypeError, AttributeError)  # options, axes or bounds that do not fit
KNOWN_TYPES = ("INT8", "INT32", "INT64")


def with_known_values(file: Model) -> Model:
    """Return the file with known values as constants, without the operators that compute them, and with known shapes."""
    tensors, left = list(file.tensors), []
    for operator in file.operators:
        if len(operator.outputs) == 1 and tensors[operator.outputs[0]].dynamic:
            output = tensors[operator.outputs[0]]
            shape = _shape(operator, [tensors[index] for index in operator.inputs if index != -1])
            if shape is not None:
                tensors[operator.outputs[0]] = replace(output, shape=shape, dynamic=False)
        values = _values(operator, tensors)
        if values is None:
            left.append(operator)
        else:
            tensors[operator.outputs[0]] = replace(tensors[operator.outputs[0]], data=values)
    return replace(file, tensors=tuple(tensors), operators=tuple(left))


def has_other_shapes(file: Model, than: Model) -> bool:
    """Return whether a file has other shapes than one of the same tensors."""
    return any(one.shape != other.shape for one, other in zip(file.tensors, than.tensors, strict=True))


def _shape(operator: FileOperator, inputs: list[FileTensor]) -> tuple[int, ...] | None:
    """Return the shape of an operator's output; None if that is not known."""
    if not inputs or any(tensor.dynamic for tensor in inputs):
        return None
    shapes, options = [tensor.shape for tensor in inputs], operator.options
    zeros = np.broadcast_to(np.int8(0), shapes[0])
    try:
        if operator.kind == "RESHAPE" and len(inputs) == 2 and inputs[1].data is not None:
            return zeros.reshape(inputs[1].data.tolist()).shape
        if operator.kind == "CONCATENATION":
            return np.concatenate([np.broadcast_to(np.int8(0), shape) for shape in shapes], options.axis).shape
        if operator.kind == "TRANSPOSE" and len(inputs) == 2 and inputs[1].data is not None:
            return zeros.transpose(inputs[1].data.tolist()).shape
        bounds = [tensor.data for tensor in inputs[1:]]
        if operator.kind == "STRIDED_SLICE" and all(bound is not None for bound in bounds):
            sliced = _slice(options, (), zeros, *bounds)
            return None if sliced is None else sliced.shape
        return np.broadcast_shapes(*shapes) if operator.kind in VALUE_BY_VALUE else None
    except NUMPY_ERRORS:
        return None


# Operators whose output has the shape of their inputs.
VALUE_BY_VALUE = (
    *("ABS", "ADD", "DEQUANTIZE", "DIV", "ELU", "EXP", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "LOG_SOFTMAX"),
    *("MAXIMUM", "MINIMUM", "MUL", "QUANTIZE", "RELU", "RELU6", "SOFTMAX", "SQUARED_DIFFERENCE", "SUB", "TANH"),
)


def _values(operator: FileOperator, tensors: list[FileTensor]) -> Values | None:
    """Return what an operator computes; None if that is not known."""
    if operator.kind not in COMPUTED or len(operator.outputs) != 1 or -1 in operator.inputs or not operator.inputs:
        return None
    inputs, output = [tensors[index] for index in operator.inputs], tensors[operator.outputs[0]]
    if operator.kind in ("SHAPE", "ZEROS_LIKE"):
        shape = np.array(inputs[0].shape)
        values = None if inputs[0].dynamic else shape if operator.kind == "SHAPE" else np.zeros(shape)
    elif any(tensor.data is None or tensor.type not in KNOWN_TYPES or tensor.sparse for tensor in inputs):
        return None
    else:
        try:
            values = COMPUTED[operator.kind](operator.options, output.shape, *(tensor.data for tensor in inputs))
        except NUMPY_ERRORS:
            return None
    if values is None or output.type not in KNOWN_TYPES or values.shape != output.shape:
        return None
    return np.ascontiguousarray(values).astype(DTYPES[output.type]).reshape(output.shape)


def _fill(options: object, shape: tuple[int, ...], dims: Values, value: Values) -> Values | None:
    return np.full(shape, value.reshape(())) if tuple(dims.tolist()) == shape else None


def _broadcast(options: object, shape: tuple[int, ...], values: Values, dims: Values) -> Values | None:
    return np.broadcast_to(values, shape) if tuple(dims.tolist()) == shape else None


def _of_two(function: Callable[[Values, Values], Values]) -> Callable[..., Values | None]:
    """Return a function of two integers as known values: not of codes, which have scales."""

    def compute(options: Any, shape: tuple[int, ...], first: Values, second: Values) -> Values | None:
        of_codes = np.int8 in (first.dtype, second.dtype)
        return None if of_codes or options.fusedActivationFunction else function(first, second)

    return compute


def strided(options: Any, begins: Values, ends: Values, strides: Values) -> tuple[slice | int, ...]:
    """Return the index with which a STRIDED_SLICE of plain bounds takes its values from an array."""
    index: list[slice | int] = []
    for axis, (begin, end, stride) in enumerate(zip(begins.tolist(), ends.tolist(), strides.tolist())):
        bit = 1 << axis
        whole = slice(None if options.beginMask & bit else begin, None if options.endMask & bit else end, stride)
        index.append(begin if options.shrinkAxisMask & bit else whole)
    return tuple(index)


def _slice(options: Any, shape: tuple[int, ...], values: Values, *bounds: Values) -> Values | None:
    plain = not (options.ellipsisMask or options.newAxisMask or options.offset)
    fits = len(bounds) == 3 and all(each.shape == (values.ndim,) for each in bounds)
    return values[strided(options, *bounds)] if plain and fits else None


COMPUTED: dict[str, Callable[..., Values | None]] = {
    "SHAPE": lambda options, shape, values: np.array(values.shape),
    "ZEROS_LIKE": lambda options, shape, values: np.zeros_like(values),
    "PACK": lambda options, shape, *values: np.stack(values, options.axis),
    "CONCATENATION": lambda options, shape, *values: np.concatenate(values, options.axis),
    "STRIDED_SLICE": _slice,
    "EXPAND_DIMS": lambda options, shape, values, axis: values.reshape(shape),
    "RESHAPE": lambda options, shape, values, *target: values.reshape(shape),
    "SQUEEZE": lambda options, shape, values: values.reshape(shape),
    "GATHER": lambda options, shape, values, places: None if options.batchDims else values.take(places, options.axis),
    "CAST": lambda options, shape, values: None if values.dtype == np.int8 else values,
    "FILL": _fill,
    "BROADCAST_TO": _broadcast,
    "ADD": _of_two(np.add),
    "SUB": _of_two(np.subtract),
    "MUL": _of_two(np.multiply),
}
