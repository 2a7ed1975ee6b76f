"""Readers of functions of single values, which become tables."""

from __future__ import annotations

import numpy as np

from export.graph.operators import Lookup
from export.graph.tensor import INT8_MAX, INT8_MIN
from export.tflite.reading import tables
from export.tflite.reading.operators import floats
from export.tflite.reading.operators.registry import reads

LARGEST_RATIO = 2.0**20  # of two scales; beyond it no network makes sense


@reads("ABS", "ELU", "HARD_SWISH", "LOGISTIC", "RELU", "RELU6", "RSQRT", "TANH")
def _function(step):
    """Lookup"""
    lookup(step, 0)


@reads("LEAKY_RELU")
def _leaky_relu(step):
    """Lookup"""
    options = step.options("LeakyReluOptionsT")
    step.require(abs(options.alpha) < LARGEST_RATIO, f"its alpha is {options.alpha}")
    lookup(step, 0, alpha=float(options.alpha))


def lookup(step, n: int, clamp: tuple[int, int] = (INT8_MIN, INT8_MAX), **constants) -> None:
    """A function of the n-th input's codes alone, as a table. constants are those of export.tflite.reading.tables.fill."""
    given, count = len(step.operator.inputs), tables.operand_count(step.operator.kind)
    step.require(given == count, f"it has {given} inputs; expected {count}")
    indices, output = [step.input(place) for place in range(given)], step.output()
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
    """Lookup from int8 to int8, or to uint8 and back; nothing at the ends of a model, which become int8"""
    types, of_bytes = [step.file_tensor(index).type for index in (step.input(0), step.output())], step.reading.of_bytes
    inside = step.output() not in step.reading.file.outputs
    if types == ["INT8", "INT8"]:
        lookup(step, 0)
    elif types == ["INT8", "UINT8"] and inside:
        of_bytes[step.output()] = step.input(0), _requantised(step, step.coding(step.input(0)), _of_bytes(step, 1))
    elif types == ["UINT8", "INT8"] and step.input(0) in of_bytes:
        source, codes = of_bytes[step.input(0)]
        table = _requantised(step, _of_bytes(step, 0), step.coding(step.output()))[codes.astype(int) - INT8_MIN]
        step.emit(Lookup, [step.values(source)], shapes=[step.shape(0)], table=table)
    else:
        step.convert()


def _requantised(step, input: tuple[float, int], output: tuple[float, int]) -> np.ndarray:
    """The int8 codes of an output for all codes of an input, by their scales and zero points."""
    try:
        operands = [tables.Operand(*input, tables.CODES)]
        table = tables.fill("QUANTIZE", operands, tables.Coding(*output), (INT8_MIN, INT8_MAX))
    except ValueError as error:
        step.refuse(f"{error}")
    return table


def _of_bytes(step, end: int) -> tuple[float, int]:
    """Scale and zero point of the uint8 tensor at an end of a QUANTIZE, its codes less 128."""
    scale, zero_point = step.coding(step.output() if end else step.input(0), "UINT8")
    return scale, zero_point + INT8_MIN


@reads("DEQUANTIZE")
def _dequantize(step):
    """nothing at a model's end, also with floats after it; a Lookup, with functions of single floats and a QUANTIZE after it"""
    if step.output() in step.reading.file.outputs:
        step.convert()
    else:
        floats.dequantize(step)
