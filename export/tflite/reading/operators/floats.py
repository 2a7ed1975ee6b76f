"""Readers of float operators on single values between a DEQUANTIZE and a QUANTIZE: together they are a table.

A float tensor is known by its values for each code of the int8 tensor that it was made of.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.graph.operators import Lookup
from export.graph.tensor import INT8_MAX, INT8_MIN
from export.tflite.file import schema
from export.tflite.file.flatbuffer import name_of
from export.tflite.reading.tables import CODES

BOUNDS = {"NONE": (-np.inf, np.inf), "RELU": (0, np.inf), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}


@dataclass(frozen=True, eq=False)
class Function:
    """A float tensor as a function of an int8 one: its values for all codes, float32 (256,)."""

    source: int
    values: np.ndarray


def dequantize(step) -> None:
    """Begin a function: float32 values of all codes."""
    scale, zero_point = step.coding(step.input(0))
    values = (np.float64(scale) * (CODES - zero_point)).astype(np.float32)
    step.reading.functions[step.output()] = Function(step.input(0), values)


def is_function(step) -> bool:
    """Return whether an operator reads a function."""
    return any(index in step.reading.functions for index in step.operator.inputs)


def read(step) -> None:
    """Read an operator of a function: one that makes another function, or the QUANTIZE that makes it a table."""
    if step.operator.kind == "QUANTIZE":
        _quantize(step)
        return
    functions, shapes = step.reading.functions, [step.shape(n) for n in range(len(step.operator.inputs))]
    known = step.operator.kind in FUNCTIONS
    expected = f"between DEQUANTIZE and QUANTIZE there can be {', '.join(sorted(FUNCTIONS))}"
    step.require(known, f"it computes with floats; {expected}")
    source = {functions[index].source for index in step.operator.inputs if index in functions}
    step.require(len(source) == 1, "it computes with floats of two tensors; all between input and output must be int8")
    operands = [_operand(step, n) for n in range(len(step.operator.inputs)) if _counts(step, n)]
    step.require_shape(step.output(), max(shapes, key=len))
    function, options = FUNCTIONS[step.operator.kind], step.operator.options
    count = len(inspect.signature(function).parameters) - 1
    step.require(len(operands) == count, f"it has {len(operands)} inputs; expected {count}")
    if step.operator.kind == "LEAKY_RELU":
        options = step.options("LeakyReluOptionsT")
    with np.errstate(all="ignore"):
        values = np.asarray(function(*operands, options), np.float32)
    functions[step.output()] = Function(source.pop(), _clamped(step, values))


def _counts(step, n: int) -> bool:
    return step.operator.kind not in ("RESHAPE", "EXPAND_DIMS", "SQUEEZE") or n == 0


def _operand(step, n: int) -> np.ndarray:
    if step.input(n) in step.reading.functions:
        return step.reading.functions[step.input(n)].values
    constant = step.constant(n, "its constants", "FLOAT32")
    step.require(constant.size == 1, f"it has {constant.size} float constants; expected one")
    return constant.ravel().astype(np.float32)


def _clamped(step, values: np.ndarray) -> np.ndarray:
    fused = getattr(step.operator.options, "fusedActivationFunction", 0)
    name = name_of(schema.ActivationFunctionType, fused)
    step.require(name in BOUNDS, f"its activation is {name}; it must be one of {', '.join(BOUNDS)}")
    least, most = BOUNDS[name]
    return np.clip(values, np.float32(least), np.float32(most))


def _quantize(step) -> None:
    step.require(len(step.operator.inputs) == 1, f"it has {len(step.operator.inputs)} inputs; expected 1")
    function, (scale, zero_point) = step.reading.functions[step.input(0)], step.coding(step.output())
    step.require(not np.any(np.isnan(function.values)), "its input is not a number for some codes")
    with np.errstate(over="ignore"):
        quotients = (function.values / np.float32(scale)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(quotients) + 0.5), quotients)
    codes = np.clip(rounded.clip(-(2.0**30), 2.0**30) + zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
    condition = step.reading.conditions.get(function.source)
    source = step.values(function.source) if condition is None else condition
    step.emit(Lookup, [source], shapes=[step.shape(0)], table=codes)


def _by_double(function: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """A function of the C library in float32: rounded from float64."""
    return lambda x, options: function(x.astype(np.float64)).astype(np.float32)


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "ABS": lambda x, options: np.abs(x),
    "ADD": lambda x, y, options: x + y,
    "CEIL": lambda x, options: np.ceil(x),
    "COS": _by_double(np.cos),
    "DIV": lambda x, y, options: x / y,
    "ELU": lambda x, options: np.where(x < 0, np.expm1(x.astype(np.float64)).astype(np.float32), x),
    "EXP": _by_double(np.exp),
    "EXPAND_DIMS": lambda x, options: x,
    "FLOOR": lambda x, options: np.floor(x),
    "HARD_SWISH": lambda x, options: x * np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6),
    "LEAKY_RELU": lambda x, options: np.where(x > 0, x, x * np.float32(options.alpha)),
    "LOG": _by_double(np.log),
    "LOGISTIC": lambda x, options: np.float32(1) / (np.float32(1) + np.exp(-x.astype(np.float64)).astype(np.float32)),
    "MAXIMUM": lambda x, y, options: np.maximum(x, y),
    "MINIMUM": lambda x, y, options: np.minimum(x, y),
    "MUL": lambda x, y, options: x * y,
    "NEG": lambda x, options: -x,
    "RELU": lambda x, options: np.maximum(x, np.float32(0)),
    "RELU6": lambda x, options: np.clip(x, np.float32(0), np.float32(6)),
    "RESHAPE": lambda x, options: x,
    "ROUND": lambda x, options: np.rint(x),
    "RSQRT": lambda x, options: np.float32(1) / np.sqrt(x),
    "SIN": _by_double(np.sin),
    "SQRT": lambda x, options: np.sqrt(x),
    "SQUARE": lambda x, options: x * x,
    "SQUEEZE": lambda x, options: x,
    "SUB": lambda x, y, options: x - y,
    "TANH": _by_double(np.tanh),
}
