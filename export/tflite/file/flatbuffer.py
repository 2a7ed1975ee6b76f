"""A .tflite as plain tables: read with every offset checked before anything trusts it, and written."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import flatbuffers
import numpy as np

from export.graph import limits
from export.graph.tensor import OneLineError
from export.tflite.file import schema

IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = 16  # as the schema demands; a Cortex-M0 faults on int32 biases that are not aligned
MOST_DIMENSIONS = 8  # of a tensor
MOST_SUBGRAPHS = 64
DTYPES = {
    "BOOL": np.bool_,
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
}
# What Python's flatbuffers raises where bytes are not what they should be.
BROKEN = (struct.error, ValueError, IndexError, TypeError, OverflowError, AttributeError)


class TfliteError(OneLineError):
    """A .tflite that is broken or not supported; the message names the operator or tensor and the reason."""


@dataclass(frozen=True, eq=False)
class Quantization:
    """One scale (float32) and zero point (int64), or one of each for every place along `axis`."""

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int = 0


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor of a .tflite.

    type is the schema's name, such as "INT8". data is of this type and shape, or bytes if numpy lacks the type; None if
    the tensor is computed. dynamic says that a dimension other than the batch is not known before the network runs,
    variable that an operator changes what it reads there, and finds it again in the next call.
    """

    name: str
    shape: tuple[int, ...]
    type: str = "INT8"
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    dynamic: bool = False
    sparse: bool = False
    variable: bool = False


@dataclass(frozen=True, eq=False)
class FileOperator:
    """An operator of a .tflite: inputs and outputs are indices of tensors, -1 for an input that is left out.

    options is an object of the schema, such as Conv2DOptionsT, or None. number is its place in the file that it was
    read from. intermediates are tensors that only tf.lite looks at.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None
    version: int = 1
    number: int | None = None
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Model:
    """The graph of a .tflite; inputs and outputs are indices of tensors.

    others are the file's further graphs, which its CALL_ONCEs run: they have none themselves. unread is how many more
    it has, if nothing runs them: of further signatures.
    """

    name: str
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: tuple[tuple[str, bytes], ...] = ()  # buffers by name; they are written, never read
    others: tuple[Model, ...] = ()
    unread: int = 0


# --- Reading ----------------------------------------------------------------------------------------------------------


def parse(content: bytes) -> Model:
    """Reads a .tflite.

    Raises: TfliteError if it is broken, truncated, or has no graph.
    """
    if len(content) > limits.MOST_FILE_BYTES:
        raise TfliteError(f"it has {len(content):,} bytes; it can have up to {limits.MOST_FILE_BYTES:,}")
    if content[4:8] != IDENTIFIER:
        raise TfliteError(f"it is no .tflite: bytes 4 to 7 are {content[4:8]!r}; they must be {IDENTIFIER!r}")
    try:
        return _parse(bytes(content))
    except TfliteError:
        raise
    except BROKEN as error:
        raise TfliteError(f"it is broken or truncated ({error})") from None


def _parse(content: bytes) -> Model:
    model = schema.root("Model", content)
    subgraphs = _length(model.subgraphs)
    if not 1 <= subgraphs <= MOST_SUBGRAPHS:
        raise TfliteError(f"it has {subgraphs} subgraphs; it must have one")
    first, *others = (_graph(model, graph) for graph in model.subgraphs)
    called = {each.options.initSubgraphIndex for each in first.operators if each.kind == "CALL_ONCE" and each.options}
    for each in first.operators:
        if each.kind in ("IF", "WHILE"):
            fix = "unroll it (unroll=True of an LSTM or GRU), or take the LSTM of Keras 2"
            raise TfliteError(f"operator {each.number} ({each.kind}) is not supported, as no loop or branch: {fix}")
    if not called:
        return replace(first, unread=len(others))
    if called != set(range(1, subgraphs)):
        raise TfliteError(f"it has {subgraphs} subgraphs; it must have one, and those that its CALL_ONCEs run")
    return replace(first, others=tuple(others))


def _graph(model, graph) -> Model:
    for what, count, most in (
        ("tensors", _length(graph.tensors), limits.MOST_TENSORS),
        ("operators", _length(graph.operators), limits.MOST_OPERATORS),
    ):
        if count > most:  # a hostile file could claim that a few bytes are millions
            raise TfliteError(f"it has {count:,} {what}; it can have up to {most:,}")
    tensors = tuple(_tensor(model, table, i) for i, table in enumerate(graph.tensors or ()))
    operators = tuple(_operator(model, table, i) for i, table in enumerate(graph.operators or ()))
    inputs, outputs = _indices(graph.inputs), _indices(graph.outputs)
    _check_indices(tensors, operators, inputs, outputs)
    return Model(_text(graph.name), tensors, operators, inputs, outputs)


def _length(vector) -> int:
    return 0 if vector is None else len(vector)


def _tensor(model, table, index: int) -> FileTensor:
    name, shape = _text(table.name), tuple(_indices(table.shape))
    most = max(limits.MOST_VALUES, limits.MOST_CONSTANT_BYTES)
    if len(shape) > MOST_DIMENSIONS or any(size < 0 for size in shape) or math.prod(shape) > most:
        got = "x".join(map(str, shape[:MOST_DIMENSIONS]))
        raise TfliteError(f"tensor {index} ({name[:40]}): shape is {got}; it can have up to {most:,} values")
    type = name_of(schema.TensorType, table.type)
    return FileTensor(
        name,
        shape,
        type,
        _quantization(table.quantization),
        _data(model, table.buffer, type, shape, f"tensor {index} ({name})"),
        dynamic=-1 in _indices(table.shapeSignature)[1:],
        sparse=table.sparsity is not None,
        variable=bool(table.isVariable),
    )


def _quantization(table) -> Quantization | None:
    if table is None or not _length(table.scale):
        return None
    scales, zero_points = _vector(table.scale, np.float32), _vector(table.zeroPoint, np.int64)
    return Quantization(scales, zero_points, table.quantizedDimension)


def _data(model, buffer: int, type: str, shape: tuple[int, ...], tensor: str) -> np.ndarray | None:
    if buffer >= _length(model.buffers):
        raise TfliteError(f"{tensor}: its buffer {buffer} does not exist; there are {_length(model.buffers)}")
    table = model.buffers[buffer]
    if table.offset > 1:
        raise TfliteError(f"{tensor}: its bytes lie behind the flatbuffer, as in models over 2 GB")
    data = _vector(table.data, np.uint8)
    if not data.size:
        return None
    if type not in DTYPES:
        return data
    needed = math.prod(shape) * np.dtype(DTYPES[type]).itemsize
    if data.size != needed:
        raise TfliteError(f"{tensor}: its buffer has {data.size} bytes; {type} {shape} needs {needed}")
    return np.frombuffer(data.tobytes(), DTYPES[type]).reshape(shape)


def _operator(model, table, number: int) -> FileOperator:
    codes, place = model.operatorCodes, table.opcodeIndex
    if place >= _length(codes):
        raise TfliteError(f"an operator has code {place}; there are {_length(codes)}")
    code = codes[place]
    kind = name_of(schema.BuiltinOperator, max(code.builtinCode, code.deprecatedBuiltinCode))
    if kind == "CUSTOM":
        kind = f"CUSTOM {_text(code.customCode)}"
    options = None if table.builtinOptions is None else table.builtinOptions.unpacked()
    inputs, outputs, others = (_indices(part) for part in (table.inputs, table.outputs, table.intermediates))
    return FileOperator(kind, inputs, outputs, options, code.version, number, others)


def _check_indices(tensors, operators, inputs, outputs) -> None:
    """Every index is one of a tensor, and every tensor is a constant, an input, or made by one operator."""
    made = [*inputs, *(index for operator in operators for index in operator.outputs)]
    read = [index for operator in operators for index in operator.inputs if index != -1]
    for index in [*made, *read, *outputs]:
        if not 0 <= index < len(tensors):
            raise TfliteError(f"an operator or the model names tensor {index}; there are {len(tensors)}")
    seen = set()
    for index in made:
        if index in seen or tensors[index].data is not None:
            raise TfliteError(f"tensor {index} ({tensors[index].name}) is made twice")
        seen.add(index)


def _vector(array, dtype) -> np.ndarray:
    """A vector of the flatbuffer, empty if it is absent."""
    return np.zeros(0, dtype) if array is None else np.asarray(array, dtype)


def _indices(array) -> tuple[int, ...]:
    return tuple(_vector(array, np.int64).tolist())


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")


@lru_cache(maxsize=1 << 10)
def name_of(enumeration, value: int) -> str:
    """The name of a value of one of the schema's enumerations, such as Padding."""
    names = {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}
    return names.get(value, f"number {value}")


# --- Writing ----------------------------------------------------------------------------------------------------------


class AlignedBuilder(flatbuffers.Builder):
    """A flatbuffer builder that aligns the bytes of buffers, which Python's own does not."""

    def StartVector(self, element_size, count, alignment):  # noqa: N802, the name is flatbuffers'
        return super().StartVector(element_size, count, BUFFER_ALIGNMENT if element_size == 1 else alignment)


def to_bytes(model: Model) -> bytes:
    """The file of a model. The same model gives the same bytes."""
    file = schema.ModelT()
    file.buffers = [schema.BufferT()]  # buffer 0 is the empty one, by convention
    graphs = (model, *model.others)
    codes = list(dict.fromkeys((operator.kind, operator.version) for graph in graphs for operator in graph.operators))
    file.version, file.description = 3, model.name
    file.subgraphs = [_graph_table(graph, codes, file.buffers) for graph in graphs]
    file.operatorCodes = [_code_table(*code) for code in codes]
    file.metadata = [_metadata_table(*entry, file.buffers) for entry in model.metadata] or None
    builder = AlignedBuilder(1 << 20)
    builder.Finish(schema.pack(builder, file), IDENTIFIER)
    return bytes(builder.Output())


def _graph_table(model: Model, codes: list[tuple[str, int]], buffers: list):
    graph = schema.SubGraphT()
    graph.name, graph.inputs, graph.outputs = model.name, list(model.inputs), list(model.outputs)
    graph.tensors = [_tensor_table(tensor, buffers) for tensor in model.tensors]
    graph.operators = [_operator_table(operator, codes) for operator in model.operators]
    return graph


def _metadata_table(name: str, content: bytes, buffers: list):
    buffers.append(schema.BufferT())
    buffers[-1].data = np.frombuffer(content, np.uint8)
    table = schema.MetadataT()
    table.name, table.buffer = name, len(buffers) - 1
    return table


def _tensor_table(tensor: FileTensor, buffers: list):
    table = schema.TensorT()
    table.name, table.shape, table.isVariable = tensor.name, np.array(tensor.shape, np.int32), tensor.variable
    table.type, table.buffer = getattr(schema.TensorType, tensor.type), 0
    if tensor.data is not None:
        buffers.append(schema.BufferT())
        buffers[-1].data = np.frombuffer(tensor.data.tobytes(), np.uint8)
        table.buffer = len(buffers) - 1
    if tensor.quantization is not None:
        table.quantization = quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = tensor.quantization.scales, tensor.quantization.zero_points
        quantization.quantizedDimension = tensor.quantization.axis
    return table


def _operator_table(operator: FileOperator, codes: list):
    table = schema.OperatorT()
    table.opcodeIndex = codes.index((operator.kind, operator.version))
    table.inputs, table.outputs = list(operator.inputs), list(operator.outputs)
    if operator.intermediates:
        table.intermediates = list(operator.intermediates)
    if operator.options is not None:
        table.builtinOptions = operator.options
        table.builtinOptionsType = getattr(schema.BuiltinOptions, type(operator.options).__name__.removesuffix("T"))
    return table


def _code_table(kind: str, version: int):
    table = schema.OperatorCodeT()
    table.builtinCode = getattr(schema.BuiltinOperator, kind)
    table.deprecatedBuiltinCode = min(table.builtinCode, 127)
    table.version = version
    return table
