"""Any int8 .tflite -> integer graph, or an error that names the unsupported operator.

Operators that compute become operators of the graph, one by one (export/tflite/reading/operators).
Operators that only move bytes are followed as views: a view knows where each value of a tensor
comes from. Where an operator needs it as a map, it becomes a Wire if only channels were moved, else a
Rearrange. It becomes nothing where it is the map again (a channel shuffle's way back) or where weights
can be put into its order (a flattened map before a FULLY_CONNECTED).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Operator
from export.graph.tensor import GraphError, Tensor
from export.tflite.file.flatbuffer import FileOperator, FileTensor, Model, TfliteError, parse, to_bytes
from export.tflite.placed import Placed, Tflite
from export.tflite.reading.dilations import with_dilations
from export.tflite.reading.float_moves import with_moves_of_codes
from export.tflite.reading.known_values import has_other_shapes, with_known_values
from export.tflite.reading.operators import READERS, floats
from export.tflite.reading.states import States
from export.tflite.reading.step import Padded, Step
from export.tflite.reading.tails import noted, without_tail
from export.tflite.reading.view import View

MOST_NAME = 200  # letters; more are left out
SEQUENTIAL = "UNIDIRECTIONAL_SEQUENCE_LSTM"
RESHAPING = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
WITHOUT_OUTPUTS = ("ASSIGN_VARIABLE", "CALL_ONCE")


def read(content: bytes) -> tuple[Graph, Tflite]:
    """Read a .tflite.

    Args:
        content: the file. If its inputs or outputs are float or uint8 and a QUANTIZE or DEQUANTIZE
            makes them int8, the graph begins or ends at the int8 side. So it does if more operators at
            the end compute with floats (export/tflite/reading/tails.py).
    Returns: (graph, where its tensors are in the .tflite). The Tflite has the bytes of the file, or
        those of the file without the operators at its ends that convert from or to int8, and with
        dilations instead of batches (export/tflite/reading/dilations.py). Tensors
        that only move bytes are in neither.
    Raises: TfliteError, which names the operator by index and kind and what is wrong or not
        supported.
    """
    parsed = parse(content)
    for operator in parsed.operators:
        if operator.kind in READERS and not operator.outputs and operator.kind not in WITHOUT_OUTPUTS:
            raise TfliteError(f"operator {operator.number} ({operator.kind}): it has no output 0")
    file = with_known_values(parsed)
    shortened, left_out = without_tail(file)
    reading = Reading(with_dilations(with_moves_of_codes(shortened)))
    changed = reading.file is not file or has_other_shapes(file, parsed)
    for index, operator in enumerate(reading.file.operators):
        label = f"operator {operator.number} ({operator.kind})"
        step = Step(reading, label, operator)
        reader = floats.read if floats.is_function(step) else READERS.get(operator.kind)
        if reader is None:
            raise TfliteError(f"{label} is not supported; {_instead_of(operator.kind)}")
        reader(step)
        reading.forget(index)
    graph = noted(reading.graph(), parsed, left_out)
    return graph, Tflite(reading.content() if changed or reading.converting else content, reading.placed)


# Operators that TensorFlow Lite Micro does not have either, and what to write.
INSTEAD = {
    "SELECT": "write it as a product with tf.cast(condition, tf.float32)",
    "GELU": "write it as x * sigmoid(1.702 * x)",
    "REDUCE_PROD": "convert the model with a fixed batch",
    "TILE": "use UpSampling2D, or a multiplication by ones",
}


# Programs of accelerators, which their own compilers have put into a .tflite.
COMPILED = {
    "CUSTOM ethos-u": "Vela has compiled the model for an Ethos-U",
    "CUSTOM edgetpu-custom-op": "the model was compiled for an Edge TPU",
}


def _instead_of(kind: str) -> str:
    if kind in COMPILED:
        return f"{COMPILED[kind]}: give the .tflite that it was made of"
    if kind in INSTEAD:
        return f"TensorFlow Lite Micro does not have it: {INSTEAD[kind]}"
    return f"supported are {', '.join(sorted(READERS))}"


@dataclass(eq=False)
class Reading:
    """The graph as far as it is read, and what each tensor of the file is in the graph."""

    file: Model
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    views: dict[int, View] = field(default_factory=dict)  # by index of the file's tensor
    pads: dict[int, Padded] = field(default_factory=dict)
    indices: dict[int, tuple[int, int]] = field(default_factory=dict)  # int32 tensors: int8 codes plus a number
    functions: dict[int, floats.Function] = field(default_factory=dict)  # float tensors between int8 ones
    of_bytes: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)  # uint8 tensors: an int8 one, codes - 128
    conditions: dict[int, Tensor] = field(default_factory=dict)  # bool tensors: maps of the largest or smallest code
    chosen: dict[int, Tensor] = field(default_factory=dict)  # by ARG_MAX, int32: only an output can be one
    placed: dict[str, Placed] = field(default_factory=dict)
    states: States = field(default_factory=States)
    ends: dict[int, int] = field(default_factory=dict)  # float or uint8 inputs and outputs -> their int8 side
    converting: list[FileOperator] = field(default_factory=list)  # the operators between them

    def __post_init__(self) -> None:
        self.names = _unique_names(self.file.tensors)
        self.taken = set(self.names)
        for i, index in enumerate(self.file.inputs):
            if self.file.tensors[index].type == "INT8":
                self.add_input(Step(self, f"input {i} ({self.names[index]})"), index)

    def forget(self, index: int) -> None:
        """Drop views with places, which are large, that neither an operator after this one reads nor the file's end."""
        for read in self.file.operators[index].inputs:
            view = self.views.get(read)
            large = view is not None and view.places is not None
            if large and self._last_read[read] == index and read not in self._outputs | self._sources:
                del self.views[read]

    @cached_property
    def _last_read(self) -> dict[int, int]:
        return {read: index for index, operator in enumerate(self.file.operators) for read in operator.inputs}

    @property
    def _sources(self) -> set[int]:
        """The int8 tensors that tables are read of later."""
        return {source for source, _ in (*self.indices.values(), *self.of_bytes.values())} | {
            each.source for each in self.functions.values()
        }

    @property
    def _outputs(self) -> set[int]:
        return {*self.file.outputs, *self.ends.values()}

    def add_input(self, step: Step, index: int) -> None:
        """Add an int8 input to the graph.

        A flat one that is only read as a map of another shape is that map. A sequence for layers that remember has a
        time step per row.
        """
        shape = self.file.tensors[index].shape
        readers = [operator for operator in self.file.operators if index in operator.inputs]
        if len(shape) < 4 and all(operator.kind in RESHAPING for operator in readers):
            reshaped = {self.file.tensors[operator.outputs[0]].shape for operator in readers}
            own, *others = reshaped or {shape}
            shape = own if not others and (len(own) < 2 or own[0] == 1) else shape
        if len(shape) == 3 and 1 in shape[:2] and all(operator.kind == SEQUENTIAL for operator in readers):
            shape = (1, math.prod(shape[:2]), 1, shape[2])
        step.require_one_image(shape)
        self.add(step.tensor(index, step.map_shape(shape)), index, step.label)

    def add(self, tensor: Tensor, index: int, made_by: str) -> None:
        """Add a tensor to the graph that is the file's tensor of this index, byte for byte."""
        self.tensors.append(tensor)
        self.taken.add(tensor.name)
        self.views[index] = View(tensor, self.file.tensors[index].shape, made_by)
        self.placed[tensor.name] = Placed(index, np.arange(tensor.channels), tensor.shape)

    def graph(self) -> Graph:
        """Return the graph, after all operators are read."""
        for i, index in enumerate(self.file.inputs):
            self._step_of_end("input", i, index).view(self.ends.get(index, index))
        outputs: dict[str, None] = {}  # in their order
        for i, index in enumerate(self.file.outputs):
            index = self.ends.get(index, index)
            step = self._step_of_end("output", i, index)
            output = self.chosen[index] if index in self.chosen else step.values(index)
            if output.name in outputs:  # one tensor can be two outputs of a file, but not of a graph
                output = step.copy(output, index)
            outputs[output.name] = None
            self.placed.setdefault(output.name, Placed(index, np.arange(output.channels), output.shape))
        inputs = tuple(self.names[self.ends.get(index, index)] for index in self.file.inputs)
        self.states.writes(Step(self, "the file's end"))
        operators = (*self.states.reads(inputs[0]), *self.operators) if inputs else tuple(self.operators)
        try:
            name = self.file.name or "network"
            return Graph(name, inputs, tuple(outputs), tuple(self.tensors), operators)
        except GraphError as error:
            raise TfliteError(str(error)) from None

    def _step_of_end(self, what: str, i: int, index: int) -> Step:
        return Step(self, f"{what} {i} ({self.names[index]})")

    def content(self) -> bytes:
        """Return the file as it is read, without the operators that convert at its ends."""
        converting = set(map(id, self.converting))
        kept = [operator for operator in self.file.operators if id(operator) not in converting]
        inputs, outputs = (
            tuple(self.ends.get(index, index) for index in ends) for ends in (self.file.inputs, self.file.outputs)
        )
        return to_bytes(replace(self.file, operators=tuple(kept), inputs=inputs, outputs=outputs))


def _unique_names(tensors: tuple[FileTensor, ...]) -> list[str]:
    """Return a printable and unique name for each tensor: its own if possible, else one like it.

    A name that joins those of fused layers, "a/Relu;a/BiasAdd;a/Conv2D", becomes the first of them:
    the last layer's.
    """
    names: dict[str, int] = {}
    for index in sorted(range(len(tensors)), key=lambda index: tensors[index].data is not None):  # constants give way
        first = tensors[index].name.split(";")[0][:MOST_NAME]
        name = "".join(letter if letter.isprintable() else "_" for letter in first) or f"tensor{index}"
        while name in names:
            name = f"{name}.{index}"
        names[name] = index
    return sorted(names, key=names.__getitem__)
