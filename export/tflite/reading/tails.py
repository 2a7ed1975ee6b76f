"""Operators at a file's end that compute with other numbers than int8, such as a SOFTMAX of floats: they are left out.

The last int8 codes before them become the outputs. What is left out is said in the graph's metadata.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from export.graph.graph import LEFT_OUT, Graph
from export.tflite.file.flatbuffer import FileOperator, Model

CONVERSIONS = ("DEQUANTIZE", "QUANTIZE")
BEGIN = (*CONVERSIONS, "SOFTMAX")  # kinds that can make other numbers of int8 codes
CODES = ("INT8", "UINT8")
# A file that does some of its work in floats is refused, and not cut.
WORK = (
    *("ASSIGN_VARIABLE", "BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "IF", "SVDF"),
    *("TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "WHILE"),
)


def without_tail(file: Model) -> tuple[Model, str]:
    """Return the file that ends with its last int8 codes, and a sentence that says what is left out.

    Outputs that are int8 codes come first, then those that are read by what is left out. The same file and "" if nothing
    but conversions come at its end, or if more than int8 codes are read.
    """
    tail = _tail(file)
    left_out = [operator.kind for operator in tail if operator.kind not in CONVERSIONS]
    made = {index for operator in tail for index in operator.outputs}
    read = [index for operator in tail for index in operator.inputs if index not in made and _is_computed(file, index)]
    codes = all(file.tensors[index].type in CODES and index not in file.inputs for index in read)
    if not left_out or not read or not codes or set(left_out) & set(WORK):
        return file, ""
    outputs = dict.fromkeys([*(index for index in file.outputs if index not in made), *read])
    cut = set(map(id, tail))
    operators = tuple(operator for operator in file.operators if id(operator) not in cut)
    types = " and ".join(sorted({file.tensors[index].type.lower() for index in made}))
    kinds = "".join(letter for letter in ", ".join(left_out) if letter.isprintable())
    sentence = f"{kinds} of {types} at the end is left out; the outputs are the int8 codes before it"
    return replace(file, operators=operators, outputs=tuple(outputs)), sentence


def _tail(file: Model) -> list[FileOperator]:
    """Return the operators that only the file's end depends on and that make no codes, in the order of the file."""
    waiting = Counter(index for operator in file.operators for index in set(operator.inputs))
    tail: list[FileOperator] = []
    for operator in reversed(file.operators):
        used = all(index in file.outputs or index in waiting for index in operator.outputs)
        ends = used and not any(waiting[index] for index in operator.outputs)
        codes = any(file.tensors[index].type in (*CODES, "RESOURCE") for index in operator.outputs)
        reads = any(file.tensors[index].type in CODES and _is_computed(file, index) for index in operator.inputs)
        if operator.outputs and ends and not codes and (operator.kind in BEGIN or not reads):
            tail.insert(0, operator)
            waiting.subtract(set(operator.inputs))
    return tail


def _is_computed(file: Model, index: int) -> bool:
    return index != -1 and file.tensors[index].data is None


def noted(graph: Graph, file: Model, left_out: str) -> Graph:
    """Return a graph that says in its metadata what of the file it leaves out."""
    further = f"the first of {file.unread + 1} graphs is read" if file.unread else ""
    notes = [note for note in (further, left_out) if note]
    return replace(graph, metadata={**graph.metadata, LEFT_OUT: "; ".join(notes)}) if notes else graph
