"""Readers of layers for sequences, which remember the steps before."""

from __future__ import annotations

import math

import numpy as np

from export.graph.operators import Lstm, Svdf
from export.graph.operators.recurrent import GATES, INT16_MAX
from export.tflite.file import schema
from export.tflite.file.flatbuffer import name_of
from export.tflite.reading.operators.registry import reads

VARIANTS = {"peepholes": (9, 10, 11), "a projection": (16, 17), "layer normalisation": (20, 21, 22, 23)}
HIDDEN, CELL = 18, 19  # inputs of an LSTM, which it changes
STATE = 4  # of an SVDF


@reads("UNIDIRECTIONAL_SEQUENCE_LSTM")
def _lstm(step):
    """Lstm, a time step per row, with an int16 cell; without peepholes, projection and layer normalisation"""
    options, inputs = step.options("UnidirectionalSequenceLSTMOptionsT"), step.operator.inputs
    step.require(len(inputs) == 24, f"it has {len(inputs)} inputs; expected 24")
    for what, places in VARIANTS.items():
        step.require(all(inputs[place] == -1 for place in places), f"it has {what}; expected a plain LSTM")
    activation = name_of(schema.ActivationFunctionType, options.fusedActivationFunction)
    step.require(activation == "TANH", f"its activation is {activation}; it must be TANH")
    shape = step.shape(0)
    step.require(len(shape) == 3, f"its input has shape {shape}; expected (batch, time, features)")
    batch, length = (shape[1], shape[0]) if options.timeMajor else shape[:2]
    step.require(batch == 1, f"the batch of shape {shape} is {batch}; it must be 1")
    gates = range(len(GATES))
    codes, recurrent_codes = (_of_gates(step, [first + gate for gate in gates], 2) for first in (1, 5))
    bias = _of_gates(step, [12 + gate for gate in gates], 1, "INT32")
    units = codes.shape[1]
    _require_state(step, HIDDEN, units, "INT8")
    step.require_equal_codings(step.input(HIDDEN), step.output())
    _require_state(step, CELL, units, "INT16")
    scale, zero_point = step.coding(step.input(CELL), "INT16")
    exponent = round(math.log2(scale))
    step.require(
        scale == 2.0**exponent and zero_point == 0,
        f"its cell has scale {scale} and zero point {zero_point}; they must be a power of two and 0",
    )
    step.emit(
        Lstm,
        [step.map(step.input(0), (length, 1, shape[2]))],
        shapes=[(*shape[:2], units)],
        codes=codes,
        recurrent_codes=recurrent_codes,
        bias=bias,
        scales=_scales(step, [1 + gate for gate in gates]),
        recurrent_scales=_scales(step, [5 + gate for gate in gates]),
        cell_bits=-exponent,
        cell_clip=_clip(step, float(options.cellClip), scale),
    )


def _of_gates(step, places: list[int], rank: int, type: str = "INT8") -> np.ndarray:
    """The constants of all gates, (gates, ...)."""
    each = [step.constant(place, f"its input {place}", type) for place in places]
    shapes = {values.shape for values in each}
    step.require(len(shapes) == 1 and each[0].ndim == rank, f"its gates have shapes {sorted(shapes)}; expected one")
    return np.stack(each)


def _scales(step, places: list[int]) -> np.ndarray:
    """The scale of each of these inputs, whose zero point must be 0."""
    codings = [step.coding(step.input(place)) for place in places]
    step.require(not any(zero_point for _, zero_point in codings), "its weights have a zero point other than 0")
    return np.array([scale for scale, _ in codings], np.float32)


def _clip(step, clip: float, scale: float) -> int:
    """The largest magnitude of the cell; 0 for any."""
    if not clip > 0:
        return 0
    code = int(min(clip / scale, INT16_MAX))
    step.require(code > 0, f"its cell is clipped at {clip}, which is less than its scale {scale}")
    return code


def _require_state(step, place: int, count: int, type: str) -> None:
    """Refuse an input that is no variable of so many numbers, or that another operator reads too."""
    index = step.input(place)
    tensor = step.file_tensor(index)
    fits = tensor.variable and tensor.type == type and math.prod(tensor.shape) == count
    got = f"{'' if tensor.variable else 'no '}variable of type {tensor.type.lower()} and shape {tensor.shape}"
    step.require(fits, f"its input {place} is {got}; expected a variable of {count} {type.lower()}")
    readers = sum(operator.inputs.count(index) for operator in step.reading.file.operators)
    step.require(readers == 1, f"its input {place} is read by {readers} operators; a state belongs to one")


@reads("SVDF")
def _svdf(step):
    """Svdf, one step per call, with an int16 or int8 state; its activation is not computed, as in TFLM"""
    options, inputs = step.options("SVDFOptionsT"), step.operator.inputs
    step.require(len(inputs) == 5, f"it has {len(inputs)} inputs; expected 5")
    shape = step.shape(0)
    step.require(len(shape) == 2 and shape[0] == 1, f"its input has shape {shape}; expected (1, features)")
    codes, time_codes = (
        step.constant(1, "its weights", "INT8"),
        step.constant(2, "its weights of time", "INT16", "INT8"),
    )
    of_memory = step.file_tensor(step.input(2)).type
    fits = codes.ndim == time_codes.ndim == 2 and len(codes) == len(time_codes)
    step.require(fits, f"its weights are {codes.shape} and {time_codes.shape}; expected one row per filter in both")
    bias, units = step.constant(3, "its biases", "INT32"), len(codes) // max(options.rank, 1)
    fits = options.rank > 0 and bias.shape == (units,) and units * options.rank == len(codes)
    step.require(fits, f"it has {len(codes)} filters of rank {options.rank} and biases {bias.shape}; they do not fit")
    _require_state(step, STATE, time_codes.size, of_memory)
    scale, time_scale, (memory_scale, memory_zero_point) = _codings_of_svdf(step, of_memory)
    step.emit(
        Svdf,
        [step.map(step.input(0), (1, 1, shape[1]))],
        shapes=[(1, units)],
        codes=codes,
        time_codes=time_codes.astype(np.int16),
        memory_bits=8 if of_memory == "INT8" else 16,
        bias=bias,
        scale=scale,
        time_scale=time_scale,
        memory_scale=memory_scale,
        memory_zero_point=memory_zero_point,
    )


def _codings_of_svdf(step, of_memory: str) -> tuple[float, float, tuple[float, int]]:
    """The scales of codes and time codes, the coding of the state, and a check that the bias fits them, as TFLM has it."""
    (scale, zero_point), (time_scale, time_zero_point) = (
        step.coding(step.input(1)),
        step.coding(step.input(2), of_memory),
    )
    step.require(zero_point == time_zero_point == 0, "its weights have a zero point other than 0")
    memory = step.coding(step.input(STATE), of_memory)
    bias_scale, _ = step.coding(step.input(3), "INT32")
    with np.errstate(over="ignore", under="ignore"):  # of scales that are then refused
        expected = float(np.float32(memory[0]) * np.float32(time_scale))
    step.require(abs(bias_scale - expected) < 1e-5, f"its biases have scale {bias_scale}; expected {expected}")
    return scale, time_scale, memory
