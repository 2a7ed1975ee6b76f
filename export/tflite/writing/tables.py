"""A .tflite that is being written: its tensors, constants and operators, each found by its index."""

from __future__ import annotations

import math

import numpy as np

from export.graph.tensor import Tensor
from export.tflite.file.flatbuffer import DTYPES, FileOperator, FileTensor, Quantization
from export.tflite.kinds import FIRST_VERSIONS


class Tables:
    """The tables of one flatbuffer. Tensors are indices into `tensors`."""

    def __init__(self) -> None:
        self.tensors: list[FileTensor] = []
        self.operators: list[FileOperator] = []
        self.constants: dict[tuple, int] = {}
        self.sizes: dict[int, int] = {}  # bytes of the tensors that are in memory
        self.index: dict[str, int] = {}  # tensor of the graph -> tensor of the model

    def _map(self, tensor: Tensor, name: str | None = None, channels: int | None = None) -> int:
        """Adds an int8 map like a tensor of the graph; by the same name, it is that tensor."""
        height, width, _ = tensor.shape
        quantization = self._quantization([tensor.scale], tensor.zero_point)
        index = self._tensor(name or tensor.name, (height, width, channels or tensor.channels), "INT8", quantization)
        if name is None:
            self.index[tensor.name] = index
        return index

    def _like(self, other: int, name: str, shape) -> int:
        """Adds an int8 map with scale and zero point of another one."""
        return self._tensor(name, shape, "INT8", self.tensors[other].quantization)

    def _tensor(self, name: str, shape, type: str, quantization: Quantization | None = None) -> int:
        """Adds a tensor of (height, width, channels) that is computed, with a batch of one."""
        index = self._add(FileTensor(name, (1, *shape), type, quantization))
        self.sizes[index] = math.prod(shape) * np.dtype(DTYPES[type]).itemsize
        return index

    def _constant(self, name: str, values: np.ndarray, quantization: Quantization | None = None) -> int:
        """Adds a constant tensor, or finds the one of that name and content."""
        key = (name, values.dtype.str, values.shape, values.tobytes())
        if key not in self.constants:
            tensor = FileTensor(name, values.shape, values.dtype.name.upper(), quantization, values)
            self.constants[key] = self._add(tensor)
        return self.constants[key]

    def _add(self, tensor: FileTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _quantization(self, scales, zero_point: int = 0, axis: int = 0) -> Quantization:
        return Quantization(np.array(scales, np.float32), np.full(len(scales), zero_point, np.int64), axis)

    def _operator(self, kind: str, inputs: list[int], outputs: list[int], options) -> None:
        version = FIRST_VERSIONS.get(kind, 2)
        self.operators.append(FileOperator(kind, tuple(inputs), tuple(outputs), options, version))
