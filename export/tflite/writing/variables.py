"""The states of a graph as the variables of a .tflite: handles, their first values, and when they are assigned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.graph.operators import ReadState, WriteState
from export.tflite.file import schema
from export.tflite.file.flatbuffer import FileOperator, FileTensor, Model


class Variables:
    """Collects operators that TFLite wants around all others, and the graph that gives variables their first values.

    Attributes:
        first, last: the operators before and after all others.
        kept: indices of the tensors that are assigned.
    """

    def __init__(self) -> None:
        self.last: list[FileOperator] = []
        self.kept: set[int] = set()
        self._handles: dict[str, int] = {}  # by state
        self._tensors: list[FileTensor] = []  # of the graph of first values: handle and value of each variable

    @property
    def first(self) -> list[FileOperator]:
        if not self._handles:
            return []
        once = schema.CallOnceOptionsT()
        once.initSubgraphIndex = 1
        return [
            FileOperator("CALL_ONCE", (), (), once),
            *(_handle(name, index) for name, index in self._handles.items()),
        ]

    @property
    def graphs(self) -> tuple[Model, ...]:
        """The graph of first values, if there are variables."""
        if not self._handles:
            return ()
        operators: list[FileOperator] = []
        for i, name in enumerate(self._handles):
            operators += [_handle(name, 2 * i), FileOperator("ASSIGN_VARIABLE", (2 * i, 2 * i + 1), ())]
        return (Model("first_values", tuple(self._tensors), tuple(operators), (), ()),)

    def handle_tensor(self, name: str) -> FileTensor:
        """Return the tensor of a variable's handle."""
        return FileTensor(f"{name}/handle", (), "RESOURCE")

    def begin(self, operator: ReadState, handle: int, output: FileTensor) -> None:
        """Add a variable: the index of its handle, and the tensor that READ_VARIABLE makes."""
        self._handles[operator.name] = handle
        values = np.full(output.shape, operator.initial, np.int8)
        self._tensors += [self.handle_tensor(operator.name), replace(output, data=values)]

    def keep(self, operator: WriteState, index: int) -> None:
        """Assign a tensor at the end."""
        self.kept.add(index)
        self.last.append(FileOperator("ASSIGN_VARIABLE", (self._handles[operator.state], index), ()))


def _handle(name: str, index: int) -> FileOperator:
    options = schema.VarHandleOptionsT()
    options.container, options.sharedName = "", name
    return FileOperator("VAR_HANDLE", (), (index,), options)
