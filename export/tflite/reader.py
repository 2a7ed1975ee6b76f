"""Any int8 .tflite -> integer graph, or an error that names the unsupported operator.

Operators that compute become operators of the graph, one by one (export/tflite/operators).
Operators that only move bytes are followed as views: a view knows where each value of a tensor
comes from. It becomes a Wire where an operator needs it as a map. It becomes nothing where it is
the map again (a channel shuffle's way back) or where weights can be put into its order (a flattened
map before a FULLY_CONNECTED).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn, TypeVar

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import Operator, Pad, Wire
from export.graph.tensor import GraphError, Shape, Tensor
from export.tflite.dilations import with_dilations
from export.tflite.flatbuffer import FileOperator, FileTensor, Model, TfliteError, parse, to_bytes
from export.tflite.known_values import with_known_values
from export.tflite.operators import READERS
from export.tflite.view import Places, View
from export.tflite.writer import Placed, Tflite

Result = TypeVar("Result")
MapPadding = tuple[tuple[int, int], ...]  # rows, columns, channels

MOST_NAME = 200  # letters; more are left out
RESHAPING = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
FIXES = dict.fromkeys(("FLOAT32", "INT16", "UINT8"), ": convert the model with tf.lite.OpsSet.TFLITE_BUILTINS_INT8")


def read(content: bytes) -> tuple[Graph, Tflite]:
    """Read a .tflite.

    Args:
        content: the file. If its inputs or outputs are float or uint8 and a QUANTIZE or DEQUANTIZE
            makes them int8, the graph begins or ends at the int8 side.
    Returns: (graph, where its tensors are in the .tflite). The Tflite has the bytes of the file, or
        those of the file without the operators at its ends that convert from or to int8, and with
        dilations instead of batches (export/tflite/dilations.py). Tensors
        that only move bytes are in neither.
    Raises: TfliteError, which names the operator by index and kind and what is wrong or not
        supported.
    """
    file = with_known_values(parse(content))
    reading = Reading(with_dilations(file))
    changed = reading.file is not file
    for index, operator in enumerate(reading.file.operators):
        reader = READERS.get(operator.kind)
        label = f"operator {operator.number} ({operator.kind})"
        if reader is None:
            raise TfliteError(f"{label} is not supported; supported are {', '.join(sorted(READERS))}")
        reader(Step(reading, label, operator))
        reading.forget(index)
    graph = reading.graph()
    return graph, Tflite(reading.content() if changed or reading.converting else content, reading.placed)


@dataclass(frozen=True, eq=False)
class Padded:
    """A PAD before its readers are known: windows take it as padding, others read a Pad."""

    step: Step
    source: Tensor
    padding: MapPadding
    value: int
    is_turned: bool


@dataclass(eq=False)
class Reading:
    """The graph as far as it is read, and what each tensor of the file is in the graph."""

    file: Model
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    views: dict[int, View] = field(default_factory=dict)  # by index of the file's tensor
    pads: dict[int, Padded] = field(default_factory=dict)
    indices: dict[int, tuple[int, int]] = field(default_factory=dict)  # int32 tensors: int8 codes plus a number
    placed: dict[str, Placed] = field(default_factory=dict)
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
            if large and self._last_read[read] == index and read not in self._outputs:
                del self.views[read]

    @cached_property
    def _last_read(self) -> dict[int, int]:
        return {read: index for index, operator in enumerate(self.file.operators) for read in operator.inputs}

    @property
    def _outputs(self) -> set[int]:
        return {*self.file.outputs, *self.ends.values()}

    def add_input(self, step: Step, index: int) -> None:
        """Add an int8 input to the graph.

        A flat one that is only read as a map of another shape is that map.
        """
        shape = self.file.tensors[index].shape
        readers = [operator for operator in self.file.operators if index in operator.inputs]
        if len(shape) < 4 and all(operator.kind in RESHAPING for operator in readers):
            reshaped = {self.file.tensors[operator.outputs[0]].shape for operator in readers}
            shape = reshaped.pop() if len(reshaped) == 1 else shape
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
            output = step.values(index)
            if output.name in outputs:  # one tensor can be two outputs of a file, but not of a graph
                output = step.copy(output, index)
            outputs[output.name] = None
        inputs = tuple(self.names[self.ends.get(index, index)] for index in self.file.inputs)
        try:
            name = self.file.name or "network"
            return Graph(name, inputs, tuple(outputs), tuple(self.tensors), tuple(self.operators))
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


NO_OPERATOR = FileOperator("", (), ())


class Step:
    """One operator of the file while it is read, or an input or output of the file: NO_OPERATOR."""

    def __init__(self, reading: Reading, label: str, operator: FileOperator = NO_OPERATOR):
        self.reading, self.label, self.operator = reading, label, operator

    def refuse(self, reason: str) -> NoReturn:
        """Raise TfliteError for this operator."""
        raise TfliteError(f"{self.label}: {reason}")

    def require(self, condition: bool, reason: str) -> None:
        """Raise TfliteError for this operator unless a condition is true."""
        if not condition:
            self.refuse(reason)

    # --- The file

    def options(self, kind: str) -> Any:
        """Return the options of the operator, an object of the schema such as Conv2DOptionsT."""
        self.require(type(self.operator.options).__name__ == kind, "it has no options of its kind")
        return self.operator.options

    def input(self, n: int) -> int:
        """Return the index of the n-th input."""
        inputs = self.operator.inputs
        self.require(n < len(inputs) and inputs[n] != -1, f"it has no input {n}")
        return inputs[n]

    def output(self, n: int = 0) -> int:
        """Return the index of the n-th output."""
        self.require(n < len(self.operator.outputs), f"it has no output {n}")
        return self.operator.outputs[n]

    def file_tensor(self, index: int) -> FileTensor:
        """Return a tensor of the file."""
        return self.reading.file.tensors[index]

    def shape(self, n: int) -> tuple[int, ...]:
        """Return the shape of the n-th input."""
        return self.file_tensor(self.input(n)).shape

    def constant(self, n: int, what: str, *types: str) -> np.ndarray:
        """Return the values of the n-th input, a constant of one of these types."""
        tensor = self.file_tensor(self.input(n))
        self.require(not tensor.sparse, f"{what} are sparse; they must be dense")
        expected = " or ".join(types).lower()
        self.require(tensor.type in types, f"{what} are {tensor.type.lower()}; they must be {expected}")
        if tensor.data is None:
            self.refuse(f"{what} are computed; they must be constant")
        return tensor.data

    def is_constant(self, n: int) -> bool:
        """Return whether the n-th input is a constant."""
        return self.file_tensor(self.input(n)).data is not None

    def coding(self, index: int) -> tuple[float, int]:
        """Return scale and zero point of an int8 tensor."""
        tensor, what = self.file_tensor(index), self._described(index)
        is_int8 = tensor.type == "INT8"
        self.require(is_int8, f"{what} is {tensor.type.lower()}; it must be int8{FIXES.get(tensor.type, '')}")
        if tensor.quantization is None:
            self.refuse(f"{what} has no scale")
        scales, zero_points = tensor.quantization.scales, tensor.quantization.zero_points
        counts = f"{len(scales)} scales and {len(zero_points)} zero points"
        self.require(len(scales) == len(zero_points) == 1, f"{what} has {counts}; it must have one of each")
        scale = float(scales[0])
        self.require(0 < scale < math.inf, f"{what} has scale {scale}; it must be positive and finite")
        return scale, int(zero_points[0])

    def require_equal_codings(self, *indices: int) -> None:
        """Raise TfliteError unless these tensors have one scale and zero point."""
        codings = [self.coding(index) for index in indices]
        got = ", ".join(f"{scale}/{zero_point}" for scale, zero_point in codings)
        self.require(len(set(codings)) == 1, f"its tensors must share one scale and zero point; got {got}")

    def tensor(self, index: int, shape: Shape) -> Tensor:
        """Return an int8 tensor of the file as one of the graph."""
        tensor = Tensor(self.reading.names[index], shape, *self.coding(index))
        self._checked(tensor.check)
        return tensor

    def map_shape(self, shape: tuple[int, ...]) -> Shape:
        """Return (height, width, channels) of a shape of the file, without its batch."""
        self.require(len(shape) <= 4, f"it needs a map of up to 4 dimensions; got {shape}")
        batch, *rest = shape if len(shape) > 1 else (1, *shape)
        self.require(batch == 1, f"the batch of shape {shape} is {batch}; it must be 1")
        height, width, channels = [1] * (3 - len(rest)) + rest
        return height, width, channels

    def _described(self, index: int) -> str:
        if self.operator is NO_OPERATOR:
            return "it"
        if index in self.operator.outputs:
            return "its output"
        if index not in self.operator.inputs:  # found by way of another operator
            return self.reading.names[index]
        place = self.operator.inputs.index(index)
        return f"its input {place}" if place else "its input"

    # --- What it reads

    def view(self, index: int) -> View:
        """Return the content of a tensor of the file."""
        self.coding(index)
        tensor, views = self.file_tensor(index), self.reading.views
        self.require(not tensor.dynamic, f"{self._described(index)} has a shape that is not known before it runs")
        if index not in views and index in self.reading.pads:
            padded = self.reading.pads[index]
            shapes = [padded.step.file_tensor(index).shape]  # which was checked
            padded.step.emit(Pad, [padded.source], shapes, padding=padded.padding, value=padded.value)
        self.require(index in views, f"{self._described(index)} is a constant, or no earlier operator makes it")
        return views[index]

    def map(self, index: int) -> Tensor:
        """Return a tensor of the file as a map (height, width, channels).

        A view that moves channels becomes a Wire.
        """
        view = self.view(index)
        source, (height, width, channels) = view.source, self.map_shape(view.shape)
        if view.places is None and source.shape == (height, width, channels):
            return source
        what = f"{self._described(index)}, made by {view.made_by}"
        fits = source.shape[:2] == (height, width)
        self.require(fits, f"{what}, is a map {source.shape} reshaped to {view.shape}; only channels can be moved")
        places = view.all_places().reshape(height, width, channels)
        first, pixels = places[0, 0], np.arange(height * width).reshape(height, width, 1)
        moved = first.max() < source.channels and np.array_equal(places, pixels * source.channels + first)
        self.require(moved, f"{what}, moves values from one pixel to another; only channels can be moved")
        if np.array_equal(first, np.arange(source.channels)):  # moved, and moved back
            return source
        tensor = self.tensor(index, (height, width, channels))
        pairs = np.stack([np.zeros_like(first), first], axis=1)
        self._add(Wire(name=tensor.name, inputs=(source.name,), sources=pairs), tensor, index)
        return tensor

    def is_turned(self, index: int) -> bool:
        """Return whether a row of the file is a column of the graph, or the other way round: the same bytes.

        Conv1D reads a vector of pixels as a row, and MaxPooling1D reads it as a column.
        """
        view = self.view(index)
        height, width, channels = self.map_shape(view.shape)
        turned = view.source.shape == (width, height, channels) and height != width
        return turned and view.places is None and 1 in (height, width)

    def values(self, index: int) -> Tensor:
        """Return a tensor of the file, as a map of any shape, for an operator on single values."""
        view = self.view(index)
        return view.source if view.places is None else self.map(index)

    def channels(self, index: int) -> Tensor:
        """Return a tensor of the file, its last dimension channels, for an operator on pixels."""
        view = self.view(index)
        alike = view.places is None and view.source.channels == (1, *view.shape)[-1]
        return view.source if alike else self.map(index)

    # --- What it makes

    def emit(
        self,
        kind: type[Operator],
        inputs: list[Tensor],
        shapes: Sequence[tuple[int, ...]] = (),
        turned: bool = False,
        **constants: Any,
    ) -> None:
        """Add the graph's operator that makes the output.

        Args:
            kind: class of the graph's operator.
            inputs: tensors of the graph.
            shapes: that the file's output may have, all with the same values in the same order;
                none: that of a map, with its batch.
            turned: the rows of that map are the file's columns.
            constants: the other fields of the operator.
        """
        index = self.output()
        names = tuple(tensor.name for tensor in inputs)
        operator = kind(name=self.reading.names[index], inputs=names, **constants)
        shape = self._checked(lambda: operator.output_shape(*(tensor.shape for tensor in inputs)))
        height, width, channels = shape
        self.require_shape(index, *(shapes or [(1, width, height, channels) if turned else (1, *shape)]))
        tensor = self.tensor(index, shape)
        self._checked(lambda: operator.check(inputs, tensor))
        self._add(operator, tensor, index)

    def extra(self, operator: Operator, input: Tensor, tensor: Tensor) -> None:
        """Add an operator of the graph whose output is not in the file."""
        self._checked(tensor.check)
        self._checked(lambda: operator.check([input], tensor))
        self.reading.tensors.append(tensor)
        self.reading.taken.add(tensor.name)
        self.reading.operators.append(operator)

    def copy(self, tensor: Tensor, index: int) -> Tensor:
        """Return the map of the file's tensor of this index by another name."""
        made = replace(tensor, name=self.unique_name(tensor.name))
        sources = np.stack([np.zeros(tensor.channels, int), np.arange(tensor.channels)], axis=1)
        self._add(Wire(name=made.name, inputs=(tensor.name,), sources=sources), made, index)
        return made

    def pad(self, source: Tensor, padding: MapPadding, value: int, turned: bool) -> None:
        """Put a code around a map: rows, columns and channels.

        The readers of the output decide how.
        """
        self.reading.pads[self.output()] = Padded(self, source, padding, value, turned)

    def pad_of(self, index: int) -> Padded | None:
        """Return the PAD that made a tensor of the file, if one did."""
        return self.reading.pads.get(index)

    def convert(self) -> None:
        """Let the graph begin after, or end before, this conversion to or from int8."""
        file, ends, input, output = self.reading.file, self.reading.ends, self.input(0), self.output()
        types = self.file_tensor(input).type, self.file_tensor(output).type
        if input in file.inputs and types[1] == "INT8" and input not in ends:
            ends[input] = output
            self.reading.add_input(self, output)
        elif output in file.outputs and types[0] == "INT8":
            ends[output] = input
        else:
            conversion = f"{types[0].lower()} to {types[1].lower()}"
            self.refuse(f"it converts {conversion}; between input and output all must be int8")
        self.reading.converting.append(self.operator)

    def add_to_codes(self, index: int, number: int) -> None:
        """Make the output, int32, the codes of a tensor plus a number, to look them up in a table."""
        source, before = self.reading.indices.get(index, (index, 0))
        self.coding(source)
        self.reading.indices[self.output()] = source, before + number

    def codes_before(self, index: int) -> int:
        """Return the int8 tensor whose codes + 128 are the int32 values of this one."""
        source, added = self.reading.indices.get(index, (index, 0))
        self.require(added == 128, "its indices must be int8 codes + 128")
        return source

    def rearrange(self, index: int, move: Callable[[Places], list[Places]]) -> None:
        """Make the outputs views of a tensor.

        `move` maps the places of its values to those of each output's.
        """
        view = self.view(index)
        self.require_equal_codings(index, self.output(), *self.operator.outputs)
        try:
            moved = move(view.all_places())
        except (
            ValueError,
            IndexError,
            MemoryError,
        ) as error:  # NumPy's: indices, axes or sizes that do not fit the shape
            self.refuse(f"it does not fit its input of shape {view.shape}: {error}")
        self.require(len(moved) == len(self.operator.outputs), f"it makes {len(moved)} outputs")
        for output, places in zip(self.operator.outputs, moved):
            self.require_shape(output, places.shape)
            self.reading.views[output] = replace(view, shape=places.shape, places=places, made_by=self.label)

    def reshape(self) -> None:
        """Make the output a view of the input in another shape."""
        view, output = self.view(self.input(0)), self.output()
        self.require_equal_codings(self.input(0), output)
        shape = self.file_tensor(output).shape
        self.require(math.prod(shape) == math.prod(view.shape), f"it cannot reshape {view.shape} to {shape}")
        places = None if view.places is None else view.places.reshape(shape)
        self.reading.views[output] = replace(view, shape=shape, places=places, made_by=self.label)

    def unique_name(self, name: str) -> str:
        """Return this name, or one like it that no tensor has."""
        while name in self.reading.taken:
            name += "'"
        return name

    def _add(self, operator: Operator, tensor: Tensor, index: int) -> None:
        self.reading.operators.append(operator)
        self.reading.add(tensor, index, self.label)

    def require_shape(self, output: int, *shapes: tuple[int, ...]) -> None:
        """Raise TfliteError unless an output has one of these shapes: TFLM computes by the shape that is written."""
        got = self.file_tensor(output).shape
        self.require(got in shapes, f"its output has shape {got}; its inputs make it {' or '.join(map(str, shapes))}")

    def require_map(self, n: int) -> tuple[int, ...]:
        """Return the shape of the n-th input. Raise TfliteError unless it has the four dimensions that TFLM takes."""
        shape = self.shape(n)
        self.require(len(shape) == 4, f"its input has shape {shape}; it must be (1, height, width, channels)")
        return shape

    def _checked(self, check: Callable[[], Result]) -> Result:
        """Return what `check` returns. An error of the graph becomes the operator's."""
        try:
            return check()
        except GraphError as error:
            self.refuse(str(error))


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
