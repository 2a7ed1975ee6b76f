"""One operator of a .tflite while it is read: what it says in the file, what it reads, and what it makes."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

import numpy as np

from export.graph.operators import Operator, Pad, Rearrange, Resize, Wire
from export.graph.tensor import INT8_MIN, GraphError, Shape, Tensor
from export.tflite.file.flatbuffer import FileOperator, FileTensor, TfliteError
from export.tflite.placed import Placed
from export.tflite.reading.view import Places, View, loops_of

if typing.TYPE_CHECKING:
    from export.tflite.reading.reader import Reading

Result = TypeVar("Result")
MapPadding = tuple[tuple[int, int], ...]  # rows, columns, channels

FIXES = dict.fromkeys(("FLOAT32", "INT16", "UINT8"), ": convert the model with tf.lite.OpsSet.TFLITE_BUILTINS_INT8")


@dataclass(frozen=True, eq=False)
class Padded:
    """A PAD before its readers are known: windows take it as padding, others read a Pad."""

    step: Step
    source: Tensor
    padding: MapPadding
    value: int
    is_turned: bool


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

    def coding(self, index: int, type: str = "INT8") -> tuple[float, int]:
        """Return scale and zero point of an int8 tensor, or of one of another type."""
        tensor, what = self.file_tensor(index), self._described(index)
        expected = f"it must be {type.lower()}{FIXES.get(tensor.type, '')}"
        self.require(tensor.type == type, f"{what} is {tensor.type.lower()}; {expected}")
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
        self.checked(tensor.check)
        return tensor

    def map_shape(self, shape: tuple[int, ...]) -> Shape:
        """Return (height, width, channels) of a shape of the file: all dimensions before the last two are rows."""
        *rows, width, channels = (1, 1, *shape)
        return math.prod(rows), width, channels

    def require_one_image(self, shape: tuple[int, ...]) -> None:
        """Raise TfliteError unless a shape is that of one map, with a batch of 1."""
        self.require(len(shape) <= 4, f"it needs a map of up to 4 dimensions; got {shape}")
        batch = shape[0] if len(shape) > 1 else 1
        self.require(batch == 1, f"the batch of shape {shape} is {batch}; it must be 1")

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

    def map(self, index: int, shape: Shape | None = None) -> Tensor:
        """Return a tensor of the file as a map, of that shape if one is given: the same values in the same order.

        A view that moves channels becomes a Wire; one that moves values to other pixels a Rearrange.
        """
        view = self.view(index)
        source, shape = view.source, shape or self.map_shape(view.shape)
        if view.places is None and source.shape == shape:
            return source
        places = view.all_places().reshape(shape)
        if source.shape[:2] == shape[:2]:
            first, pixels = places[0, 0], np.arange(shape[0] * shape[1]).reshape(*shape[:2], 1)
            if first.max() < source.channels and np.array_equal(places, pixels * source.channels + first):
                if np.array_equal(first, np.arange(source.channels)):  # moved, and moved back
                    return source
                return self._moved(Wire, index, shape, sources=np.stack([np.zeros_like(first), first], axis=1))
        what = f"{self._described(index)}, made by {view.made_by}"
        try:
            sizes, steps = loops_of(places.ravel())
        except ValueError:
            self.refuse(f"{what}, moves values in no regular way")
        return self._moved(Rearrange, index, shape, shape=shape, sizes=sizes, steps=steps, first=int(places.flat[0]))

    def _moved(self, kind: type[Operator], index: int, made: Shape, **fields: Any) -> Tensor:
        """Add an operator that makes the file's tensor of this index out of the source of its view."""
        view, own = self.view(index), self.map_shape(self.file_tensor(index).shape)
        tensor = self.tensor(index, made)
        if made != own or tensor.name == view.source.name:  # not the map that it is in the file
            tensor = replace(tensor, name=self.unique_name(tensor.name))
            return self.extra(kind(name=tensor.name, inputs=(view.source.name,), **fields), [view.source], tensor)
        self._add(kind(name=tensor.name, inputs=(view.source.name,), **fields), tensor, index)
        return tensor

    def expanded(self, tensor: Tensor, shape: Shape) -> Tensor:
        """Return a map repeated along the rows, columns and channels of which it has only one."""
        fits = all(own in (1, other) for own, other in zip(tensor.shape, shape))
        self.require(fits, f"a map {tensor.shape} cannot be repeated to {shape}")
        name = f"{self.reading.names[self.output()]}.{tensor.name[-20:]}"
        if tensor.channels != shape[2]:
            made = replace(tensor, name=self.unique_name(f"{name}.channels"), shape=(*tensor.shape[:2], shape[2]))
            sources = np.zeros((shape[2], 2), int)
            tensor = self.extra(Wire(name=made.name, inputs=(tensor.name,), sources=sources), [tensor], made)
        if tensor.shape != shape:
            made = replace(tensor, name=self.unique_name(f"{name}.pixels"), shape=shape)
            repeat = Resize(name=made.name, inputs=(tensor.name,), size=shape[:2], method="nearest")
            tensor = self.extra(repeat, [tensor], made)
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
        shape = self.checked(lambda: operator.output_shape(*(tensor.shape for tensor in inputs)))
        height, width, channels = shape
        self.require_shape(index, *(shapes or [(1, width, height, channels) if turned else (1, *shape)]))
        tensor = self.tensor(index, shape)
        self.checked(lambda: operator.check(inputs, tensor))
        self._add(operator, tensor, index)

    def extra(self, operator: Operator, inputs: list[Tensor], tensor: Tensor) -> Tensor:
        """Add an operator of the graph whose output is not in the file, and return that."""
        shape = self.checked(lambda: operator.output_shape(*(input.shape for input in inputs)))
        tensor = replace(tensor, shape=shape)
        self.checked(tensor.check)
        self.checked(lambda: operator.check(inputs, tensor))
        self.reading.tensors.append(tensor)
        self.reading.taken.add(tensor.name)
        self.reading.operators.append(operator)
        return tensor

    def copy(self, tensor: Tensor, index: int) -> Tensor:
        """Return the map of the file's tensor of this index by another name."""
        made = replace(tensor, name=self.unique_name(tensor.name))
        sources = np.stack([np.zeros(tensor.channels, int), np.arange(tensor.channels)], axis=1)
        self._add(Wire(name=made.name, inputs=(tensor.name,), sources=sources), made, index)
        return made

    def copied(self, tensor: Tensor) -> Tensor:
        """Return the map by another name, which the file does not have."""
        made = replace(tensor, name=self.unique_name(tensor.name))
        sources = np.stack([np.zeros(tensor.channels, int), np.arange(tensor.channels)], axis=1)
        return self.extra(Wire(name=made.name, inputs=(tensor.name,), sources=sources), [tensor], made)

    def become(self, tensor: Tensor) -> None:
        """Make the output a map of the graph, in its own shape."""
        shape = self.file_tensor(self.output()).shape
        self.require(
            math.prod(shape) == tensor.size, f"its output has shape {shape}; its inputs make it {tensor.shape}"
        )
        self.reading.views[self.output()] = View(tensor, shape, self.label)

    def rearranged(self, source: Tensor, places: Places) -> Tensor:
        """Return the map of values at these places of a map, which the file does not have."""
        sizes, steps = loops_of(places.ravel())
        shape, first = self.map_shape((1, *places.shape)), int(places.flat[0])
        made = replace(source, name=self.unique_name(source.name), shape=shape)
        loops = Rearrange(name=made.name, inputs=(source.name,), shape=shape, sizes=sizes, steps=steps, first=first)
        return self.extra(loops, [source], made)

    def become_moved(self, source: Tensor, places: Places) -> None:
        """Make the output a view of a map of the graph, in the shape of the places of its values there."""
        self.require_shape(self.output(), places.shape)
        self.reading.views[self.output()] = View(source, places.shape, self.label, places)

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

    def choose(self, kind: type[Operator], input: Tensor, shape: tuple[int, ...]) -> None:
        """Add an operator whose codes + 128 are the int32 values of the output, which must be one of the file."""
        index, name = self.output(), self.reading.names[self.output()]
        got = self.file_tensor(index).type
        self.require(got == "INT32", f"its output is {got.lower()}; it must be int32")
        self.require(
            index in self.reading.file.outputs, "another operator reads its output; expected the end of the model"
        )
        self.require_shape(index, shape)
        tensor = Tensor(name, (*input.shape[:2], 1), 1.0, -128)
        tensor = self.extra(kind(name=name, inputs=(input.name,)), [input], tensor)
        self.reading.chosen[index] = tensor
        self.reading.placed[name] = Placed(index, np.arange(1), tensor.shape, INT8_MIN)

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
        fix = "; convert the model with a fixed batch" if self.file_tensor(output).dynamic else ""
        self.require(math.prod(shape) == math.prod(view.shape), f"it cannot reshape {view.shape} to {shape}{fix}")
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
        self.require_one_image(shape)
        return shape

    def checked(self, check: Callable[[], Result]) -> Result:
        """Return what `check` returns. An error of the graph becomes the operator's."""
        try:
            return check()
        except GraphError as error:
            self.refuse(str(error))
