"""The states of a .tflite while it is read: the variables that it keeps from one call to the next."""

from __future__ import annotations

import typing
from collections.abc import Hashable
from dataclasses import dataclass, field

from export.graph.operators import Operator, ReadState, WriteState
from export.graph.tensor import Tensor
from export.tflite.reading.view import View

if typing.TYPE_CHECKING:
    from export.tflite.reading.step import Step

Key = Hashable  # container and name of a variable


@dataclass(eq=False)
class States:
    """What is known of each variable so far, in the order of the file's operators.

    Attributes:
        handles: the variable by the index of the tensor that is its handle.
        initial: code before the first call; that of 0 where CALL_ONCE says nothing.
        views: what a READ_VARIABLE gives from here on.
        indices: the file's tensor that has its scale.
        read: the map of the call before, of variables that were read before they were assigned.
        shapes: of these maps in the file.
        kept: the map that the last ASSIGN_VARIABLE keeps for the next call.
    """

    handles: dict[int, Key] = field(default_factory=dict)
    initial: dict[Key, int] = field(default_factory=dict)
    views: dict[Key, View] = field(default_factory=dict)
    indices: dict[Key, int] = field(default_factory=dict)
    read: dict[Key, Tensor] = field(default_factory=dict)
    shapes: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    kept: dict[Key, Tensor] = field(default_factory=dict)

    def begin(self, step: Step, key: Key) -> None:
        """Let the output of a READ_VARIABLE be the map of the call before."""
        index = step.output()
        shape = step.file_tensor(index).shape
        tensor = step.tensor(index, step.map_shape(shape))
        step.reading.add(tensor, index, step.label)
        self.read[key], self.shapes[key] = tensor, shape
        self.views[key], self.indices[key] = step.reading.views[index], index

    def reads(self, image: str) -> list[Operator]:
        """Return the operators that begin each call, whose image has this name."""
        return [
            ReadState(
                name=tensor.name,
                inputs=(image,),
                shape=tensor.shape,
                initial=self.initial.get(key, tensor.zero_point),
            )
            for key, tensor in self.read.items()
        ]

    def writes(self, step: Step) -> None:
        """Add the operators that end each call."""
        for key, kept in self.kept.items():
            state = self.read[key]
            made = Tensor(step.unique_name(f"{state.name}.kept"), state.shape, state.scale, state.zero_point)
            step.extra(WriteState(name=made.name, inputs=(kept.name, state.name)), [kept, state], made)
