"""What a recurrent operator computes in a step, to the bit as TensorFlow Lite Micro does.

golden.run and the line model go through the rows of a map with it; they keep its memories.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt

from export.graph.arithmetic import curves
from export.graph.arithmetic.rounding import quantize_multiplier, requantise, wrap_to_int32
from export.graph.graph import Graph
from export.graph.operators.recurrent import Lstm, Recurrent, Svdf

Codes = npt.NDArray[np.int8]
Memories = dict[str, npt.NDArray[np.int64]]  # by name; a step changes them


def started(operator: Recurrent, graph: Graph) -> Memories:
    """Return the memories of an operator after a reset."""
    memories = operator.memories(graph.tensor(operator.output))
    return {name: np.full(memory.count, memory.initial, np.int64) for name, memory in memories.items()}


def steps(operator: Recurrent, graph: Graph, memories: Memories, rows: Codes) -> Codes:
    """Return the rows that an operator makes of rows, int8 (rows, 1, channels), one step each."""
    made = [_step(operator, graph, memories, row.ravel().astype(np.int64)) for row in rows]
    return np.array(made).astype(np.int8)[:, None]


@singledispatch
def _step(operator: Recurrent, graph: Graph, memories: Memories, x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    raise TypeError(f"{operator.name}: there is no step of {type(operator).__name__}")


@_step.register
def _step_of_lstm(operator: Lstm, graph: Graph, memories: Memories, x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    (input,), output = graph.inputs_of(operator), graph.tensor(operator.output)
    hidden, cell = memories["hidden"], memories["cell"]
    (of_input, input_shifts), (of_hidden, hidden_shifts) = (
        [each[:, None] for each in quantize_multiplier(factors)] for factors in operator.multipliers(input, output)
    )
    sums = operator.codes.astype(np.int64) @ (x - input.zero_point) + operator.bias
    recurrent_sums = operator.recurrent_codes.astype(np.int64) @ (hidden - output.zero_point)
    into = _int16(requantise(wrap_to_int32(sums), of_input, input_shifts))
    into = _int16(into + _int16(requantise(wrap_to_int32(recurrent_sums), of_hidden, hidden_shifts)))
    input_gate, forget_gate, output_gate = (curves.sigmoid(into[gate]) for gate in (0, 1, 3))
    cell_gate = curves.tanh(into[2])
    kept, new, made = (quantize_multiplier(factor) for factor in operator.products(output))
    cell = _int16(_int16(requantise(forget_gate * cell, *kept)) + _int16(requantise(input_gate * cell_gate, *new)))
    if operator.cell_clip:
        cell = np.clip(cell, -operator.cell_clip, operator.cell_clip)
    product = curves.tanh(cell, operator.cell_bits) * output_gate
    hidden = np.clip(requantise(product, *made) + output.zero_point, -128, 127)
    memories |= {"hidden": hidden, "cell": cell}
    return hidden


@_step.register
def _step_of_svdf(operator: Svdf, graph: Graph, memories: Memories, x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    (input,), output = graph.inputs_of(operator), graph.tensor(operator.output)
    of_filter, of_unit = (quantize_multiplier(factor) for factor in operator.multipliers(input, output))
    sums = wrap_to_int32(operator.codes.astype(np.int64) @ (x - input.zero_point))
    last = memories["values"].reshape(operator.time_codes.shape)
    made = operator.remembered(requantise(sums, *of_filter))
    values = np.concatenate([last[:, 1:], made[:, None]], axis=1)
    memories["values"] = values.ravel()
    of_filters = (operator.time_codes.astype(np.int64) * values).sum(axis=1)
    total = wrap_to_int32(of_filters.reshape(operator.units, -1).sum(axis=1) + operator.bias)
    return np.clip(requantise(total, *of_unit) + output.zero_point, -128, 127)


def _int16(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.clip(x, -(2**15), 2**15 - 1)
