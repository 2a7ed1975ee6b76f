"""What a recurrent operator is in a .tflite: its operator, the tensors that it reads after its input, those that tf.lite
demands besides, and its options.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import Lstm, Recurrent, Svdf
from export.tflite.file import schema
from export.tflite.file.flatbuffer import FileTensor, Quantization

Described = tuple[
    str, list[FileTensor | None], list[FileTensor], Any
]  # None: a tensor that it could have, and does not


@singledispatch
def described(operator: Recurrent, graph: Graph) -> Described:
    """Return kind, tensors, intermediate tensors and options of a recurrent operator."""
    raise TypeError(f"{operator.name}: a {type(operator).__name__} cannot be written as .tflite")


@described.register
def _lstm(operator: Lstm, graph: Graph) -> Described:
    (input,), output = graph.inputs_of(operator), graph.tensor(operator.output)
    codes, recurrent_codes, biases = (
        [_constant(f"{operator.name}/{what}{i}", values, scale) for i, (values, scale) in enumerate(zip(each, scales))]
        for what, each, scales in (
            ("codes", operator.codes, operator.scales),
            ("recurrent_codes", operator.recurrent_codes, operator.recurrent_scales),
            ("bias", operator.bias, np.float32(input.scale) * operator.scales),
        )
    )
    hidden = _variable(f"{operator.name}/hidden", operator.units, "INT8", output.scale, output.zero_point)
    cell = _variable(f"{operator.name}/cell", operator.units, "INT16", 2.0**-operator.cell_bits)
    options = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    options.cellClip = operator.cell_clip * 2.0**-operator.cell_bits
    tensors = [*codes, *recurrent_codes, *[None] * 3, *biases, None, None, hidden, cell, *[None] * 4]
    gates = [FileTensor(f"{operator.name}/gate{i}", (0,), "FLOAT32") for i in range(4)]
    reads = FileTensor(f"{operator.name}/hidden_coding", (0,), "INT8", hidden.quantization)
    return "UNIDIRECTIONAL_SEQUENCE_LSTM", tensors, [*gates, reads], options


@described.register
def _svdf(operator: Svdf, graph: Graph) -> Described:
    filters, of_memory = len(operator.codes), np.dtype(f"int{operator.memory_bits}")
    bias_scale = np.float32(operator.memory_scale) * np.float32(operator.time_scale)
    tensors: list[FileTensor | None] = [
        _constant(f"{operator.name}/codes", operator.codes, operator.scale),
        _constant(f"{operator.name}/time_codes", operator.time_codes.astype(of_memory), operator.time_scale),
        _constant(f"{operator.name}/bias", operator.bias, bias_scale),
        _variable(
            f"{operator.name}/values",
            operator.time_codes.size,
            of_memory.name.upper(),
            operator.memory_scale,
            operator.memory_zero_point,
        ),
    ]
    options = schema.SVDFOptionsT()
    options.rank = filters // operator.units
    # Which tf.lite demands; neither it nor TFLM computes it.
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    return "SVDF", tensors, [], options


def _constant(name: str, values: npt.NDArray[np.integer], scale: float | np.floating) -> FileTensor:
    return FileTensor(name, values.shape, values.dtype.name.upper(), _coding(scale, 0), values)


def _variable(name: str, count: int, type: str, scale: float, zero_point: int = 0) -> FileTensor:
    return FileTensor(name, (1, count), type, _coding(scale, zero_point), variable=True)


def _coding(scale: float | np.floating, zero_point: int) -> Quantization:
    return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int64))
