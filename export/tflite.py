"""Graph -> .tflite, written directly as a flatbuffer: int8 from end to end, the same bytes for the same graph.

Channel orders are chosen so that a Wire costs nothing (a whole tensor), a SPLIT_V (parts of one), one or two
CONCATENATIONs (parts of several), and only where an order must really be restored a GATHER. There is no QUANTIZE,
RESHAPE or TRANSPOSE.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import singledispatchmethod
from itertools import pairwise

import numpy as np

from export.graph import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Graph,
    GraphError,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Pad,
    Softmax,
    Tensor,
    Window,
    Wire,
)
from export.schedule import Step, small_memory_order
from export.wiring import ORDERED, Run, choose_orders, compose_wires, runs_of

MOST_CONCATENATED = 10  # inputs of a CONCATENATION in TFLM
MOST_RUNS = 2 * MOST_CONCATENATED - 1  # of a Wire: two CONCATENATIONs, as cheap as one before a GATHER and faster
BUFFER_ALIGNMENT = 16  # as the schema demands; a Cortex-M0 faults on int32 biases that are not aligned


@dataclass(frozen=True)
class Placed:
    """Where a graph's tensor is in a .tflite: its index there; order[i] is the logical channel at place i."""

    index: int
    order: np.ndarray

    def logical(self, values: np.ndarray) -> np.ndarray:
        """Values (..., channels) as in the .tflite -> in the order of the graph."""
        return values[..., np.argsort(self.order)]


@dataclass(frozen=True)
class Tflite:
    """A .tflite file: its bytes, and where each tensor of the graph is in it; a Wire that costs nothing is nowhere."""

    content: bytes
    tensors: dict[str, Placed]


def write(graph: Graph) -> Tflite:
    """Writes a graph as a .tflite model.

    Raises: GraphError if a clamp is none of TFLite's activations (none, ReLU, ReLU6, ReLU_N1_TO_1), or if an average
        pool has a padding that TFLite does not know.
    """
    return _Writer(*choose_orders(compose_wires(graph))).write(graph)


def operator_counts(content: bytes) -> dict[str, int]:
    """How often each TFLite operator is in a .tflite, by name, most often first."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    used = (names[codes[operator.opcodeIndex]] for subgraph in model.subgraphs for operator in subgraph.operators)
    return dict(Counter(used).most_common())


class _Writer:
    """Fills the tables of one flatbuffer."""

    def __init__(self, graph: Graph, orders: dict[str, np.ndarray]):
        from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

        self.schema = schema
        self.graph, self.orders = graph, orders
        self.buffers = [schema.BufferT()]  # buffer 0 is the empty one, by convention
        self.tensors, self.operators, self.codes = [], [], []
        self.constants: dict[tuple, int] = {}
        self.sizes: dict[int, int] = {}  # bytes of the tensors that are in memory
        self.index: dict[str, int] = {}  # tensor of the graph -> tensor of the model
        self.runs = _plan_wires(graph, orders)
        self.parts: dict[str, dict[tuple[int, int], int]] = {}  # of a tensor that was split: (begin, end) -> tensor

    def write(self, original: Graph) -> Tflite:
        for name in self.graph.inputs:
            self._map(self.graph.tensor(name))
        for operator in self.graph.operators:
            self._emit(operator)
        self._order_operators()
        placed = {name: Placed(index, self.orders[name]) for name, index in self.index.items()}
        # Of an output that was put back into logical order, the copy is the one to look at.
        placed |= {name.removesuffix(ORDERED): placed.pop(name) for name in list(placed) if name.endswith(ORDERED)}
        known = {tensor.name for tensor in original.tensors}
        return Tflite(self._pack(), {name: place for name, place in placed.items() if name in known})

    # --- One operator of the graph after the other

    @singledispatchmethod
    def _emit(self, operator) -> None:
        raise GraphError(f"{operator.name}: a {type(operator).__name__} cannot be written as .tflite")

    @_emit.register
    def _(self, operator: Conv2D) -> None:
        rows, columns = self.orders[operator.output], self.orders[operator.inputs[0]]
        codes = operator.codes[rows]
        codes = codes[..., columns] if operator.groups == 1 else codes
        if operator.fully_connected:
            self._fully_connected(operator, codes)
            return
        options = self._window_options("Conv2D", operator)
        options.dilationHFactor, options.dilationWFactor = operator.dilations
        self._convolution("CONV_2D", operator, codes, 0, options)

    @_emit.register
    def _(self, operator: DepthwiseConv2D) -> None:
        options = self._window_options("DepthwiseConv2D", operator)
        options.depthMultiplier = 1
        options.dilationHFactor, options.dilationWFactor = operator.dilations
        codes = operator.codes[None, :, :, self.orders[operator.output]]
        self._convolution("DEPTHWISE_CONV_2D", operator, codes, 3, options)

    def _convolution(self, kind: str, operator, codes: np.ndarray, axis: int, options) -> None:
        input = self._padded(operator, self.graph.tensor(operator.inputs[0]).zero_point)
        scales = operator.scales[self.orders[operator.output]]
        self._weighted(kind, operator, input, codes, scales, axis, options)

    def _fully_connected(self, operator: Conv2D, codes: np.ndarray) -> None:
        flat = self._reshape(f"{operator.name}/flat", operator.inputs[0], (1, 1, codes[0].size))
        options = self.schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = self._activation(operator)
        options.keepNumDims = True
        codes = codes.reshape(len(codes), -1)
        self._weighted("FULLY_CONNECTED", operator, flat, codes, operator.scales[:1], 0, options)

    def _weighted(self, kind: str, operator, input: int, codes: np.ndarray, scales: np.ndarray, axis: int, options):
        bias, bias_scales = operator.bias[self.orders[operator.output]], self._scale(operator.inputs[0]) * scales
        weights = self._constant(f"{operator.name}/weights", codes, self._quantization(scales, axis=axis))
        biases = self._constant(f"{operator.name}/bias", bias, self._quantization(bias_scales))
        self._operator(kind, [input, weights, biases], [self._map_output(operator)], options)

    def _scale(self, name: str) -> np.float32:
        return np.float32(self.graph.tensor(name).scale)

    @_emit.register
    def _(self, operator: ChannelScale) -> None:
        codes = operator.codes[self.orders[operator.output]].reshape(1, 1, 1, -1)
        quantization = self._quantization([operator.scale], operator.constant_zero_point)
        constant = self._constant(f"{operator.name}/codes", codes, quantization)
        self._pair("MUL", operator, [self.index[operator.inputs[0]], constant], self.schema.MulOptionsT())

    @_emit.register
    def _(self, operator: Multiply) -> None:
        self._pair("MUL", operator, [self.index[name] for name in operator.inputs], self.schema.MulOptionsT())

    @_emit.register
    def _(self, operator: Add) -> None:
        self._pair("ADD", operator, [self.index[name] for name in operator.inputs], self.schema.AddOptionsT())

    def _pair(self, kind: str, operator, inputs: list[int], options) -> None:
        options.fusedActivationFunction = self._activation(operator)
        self._operator(kind, inputs, [self._map_output(operator)], options)

    @_emit.register
    def _(self, operator: AveragePool) -> None:
        if operator.padding not in ("same", "valid"):
            raise GraphError(
                f"{operator.name}: TFLite has no average pool with padding {operator.padding} that is not counted"
            )
        self._pool("AVERAGE_POOL_2D", operator, self.index[operator.inputs[0]])

    @_emit.register
    def _(self, operator: MaxPool) -> None:
        self._pool("MAX_POOL_2D", operator, self._padded(operator, -128))

    def _pool(self, kind: str, operator, input: int) -> None:
        options = self._window_options("Pool2D", operator)
        options.filterHeight, options.filterWidth = operator.window
        self._operator(kind, [input], [self._map_output(operator)], options)

    @_emit.register
    def _(self, operator: Mean) -> None:
        axes = self._constant("map/axes", np.array([1, 2], np.int32))
        options = self.schema.ReducerOptionsT()
        options.keepDims = True
        self._operator("MEAN", [self.index[operator.inputs[0]], axes], [self._map_output(operator)], options)

    @_emit.register
    def _(self, operator: Pad) -> None:
        self._pad(
            operator.name, self.index[operator.inputs[0]], operator.padding, operator.value, self._map_output(operator)
        )

    @_emit.register
    def _(self, operator: Softmax) -> None:
        options = self.schema.SoftmaxOptionsT()
        options.beta = operator.beta
        self._operator("SOFTMAX", [self.index[operator.inputs[0]]], [self._map_output(operator)], options)

    @_emit.register
    def _(self, operator: Lookup) -> None:
        # GATHER wants int32 indices from 0: no kernel of TFLM looks an int8 code up in a table of the user's.
        int32 = self.schema.TensorType.INT32
        shape = self.graph.tensor(operator.output).shape
        codes, places = (self._tensor(f"{operator.name}/{what}", shape, int32, 4) for what in ("codes", "places"))
        cast = self.schema.CastOptionsT()
        cast.inDataType, cast.outDataType = self.schema.TensorType.INT8, int32
        gather = self.schema.GatherOptionsT()
        offset = self._constant("lookup/offset", np.array([128], np.int32))
        output = self._map_output(operator)
        quantization = self.tensors[output].quantization
        table = self._constant(f"{operator.name}/table", operator.table, quantization)
        self._operator("CAST", [self.index[operator.inputs[0]]], [codes], cast)
        self._operator("ADD", [codes, offset], [places], self.schema.AddOptionsT())
        self._operator("GATHER", [table, places], [output], gather)

    @_emit.register
    def _(self, operator: Wire) -> None:
        runs = self.runs[operator.name]
        if runs is None:
            self._gather(operator)
        elif len(runs) == 1:
            self.index[operator.name] = self._part(*runs[0])
        else:
            self._concatenate(operator.name, [self._part(*run) for run in runs], self._map_output(operator))

    # --- Around them

    def _padded(self, operator: Window, value: int) -> int:
        """The tensor that a window reads: its input, or that with the explicit padding around it."""
        input = self.index[operator.inputs[0]]
        if operator.padding in ("same", "valid"):
            return input
        tensor = self.graph.tensor(operator.inputs[0])
        shape = (*(n + sum(pads) for n, pads in zip(tensor.shape, operator.padding)), tensor.channels)
        name = f"{operator.name}/padded"
        padded = self._like(input, name, shape)
        self._pad(name, input, (*operator.padding, (0, 0)), value, padded)
        return padded

    def _pad(self, name: str, input: int, padding, value: int, output: int) -> None:
        sides = self._constant(f"{name}/padding", np.array([(0, 0), *padding], np.int32))
        quantization = self.tensors[input].quantization
        if value == quantization.zeroPoint[0]:
            self._operator("PAD", [input, sides], [output], self.schema.PadOptionsT())
        else:
            code = self._constant(f"{name}/value", np.array([value], np.int8), quantization)
            self._operator("PADV2", [input, sides, code], [output], self.schema.PadV2OptionsT())

    def _reshape(self, name: str, source: str, shape) -> int:
        """The tensor of a graph's tensor in another shape."""
        if self.graph.tensor(source).shape == shape:
            return self.index[source]
        reshaped = self._like(self.index[source], name, shape)
        options = self.schema.ReshapeOptionsT()
        options.newShape = [1, *shape]
        target = self._constant(f"{name}/shape", np.array([1, *shape], np.int32))
        self._operator("RESHAPE", [self.index[source], target], [reshaped], options)
        return reshaped

    # --- Wires

    def _part(self, name: str, begin: int, end: int) -> int:
        """The tensor that holds places begin..end of another one. The first call splits that one into all its parts."""
        tensor = self.graph.tensor(name)
        if (begin, end) == (0, tensor.channels):
            return self.index[name]
        if name not in self.parts:
            parts = sorted({run[1:] for runs in self.runs.values() for run in runs or () if run[0] == name})
            parts = _with_gaps([part for part in parts if part != (0, tensor.channels)], tensor.channels)
            made = {part: self._map(tensor, f"{name}/{part[0]}..{part[1]}", part[1] - part[0]) for part in parts}
            lengths = self._constant(f"{name}/lengths", np.array([end - begin for begin, end in parts], np.int32))
            axis = self._constant("channels/axis", np.array(3, np.int32))
            options = self.schema.SplitVOptionsT()
            options.numSplits = len(parts)
            self._operator("SPLIT_V", [self.index[name], lengths, axis], list(made.values()), options)
            self.parts[name] = made
        return self.parts[name][begin, end]

    def _concatenate(self, name: str, parts: list[int], output: int) -> None:
        while len(parts) > MOST_CONCATENATED:
            parts = [self._join(f"{name}/joined{len(parts)}", parts[:MOST_CONCATENATED]), *parts[MOST_CONCATENATED:]]
        options = self.schema.ConcatenationOptionsT()
        options.axis = 3
        self._operator("CONCATENATION", parts, [output], options)

    def _join(self, name: str, parts: list[int]) -> int:
        """The tensor of several parts, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        channels = sum(self.tensors[part].shape[3] for part in parts)
        joined = self._like(parts[0], name, (*self.tensors[parts[0]].shape[1:3], channels))
        self._concatenate(name, parts, joined)
        return joined

    def _gather(self, wire: Wire) -> None:
        """One GATHER from its sources, put one behind the other if there are several."""
        joined = self._join(f"{wire.name}/joined", [self.index[name] for name in wire.inputs])
        offsets = np.cumsum([0, *(self.graph.tensor(name).channels for name in wire.inputs)])
        places = [np.argsort(self.orders[name]) + offset for name, offset in zip(wire.inputs, offsets)]
        wanted = wire.sources[self.orders[wire.name]]
        indices = self._constant(f"{wire.name}/channels", np.array([places[i][c] for i, c in wanted], np.int32))
        options = self.schema.GatherOptionsT()
        options.axis = 3
        self._operator("GATHER", [joined, indices], [self._map_output(wire)], options)

    # --- Tables of the flatbuffer

    def _map_output(self, operator) -> int:
        return self._map(self.graph.tensor(operator.output))

    def _map(self, tensor: Tensor, name: str | None = None, channels: int | None = None) -> int:
        """Adds an int8 map like a tensor of the graph; by the same name, it is that tensor."""
        height, width, _ = tensor.shape
        shape = (height, width, channels or tensor.channels)
        quantization = self._quantization([tensor.scale], tensor.zero_point)
        index = self._tensor(name or tensor.name, shape, self.schema.TensorType.INT8, 1, quantization)
        if name is None:
            self.index[tensor.name] = index
        return index

    def _like(self, other: int, name: str, shape) -> int:
        """Adds an int8 map with scale and zero point of another one."""
        return self._tensor(name, shape, self.schema.TensorType.INT8, 1, self.tensors[other].quantization)

    def _tensor(self, name: str, shape, kind: int, bytes_each: int, quantization=None) -> int:
        """Adds a tensor of (height, width, channels) that is computed, with a batch of one."""
        self._add_tensor(name, (1, *shape), kind, 0, quantization)
        self.sizes[len(self.tensors) - 1] = int(np.prod(shape)) * bytes_each
        return len(self.tensors) - 1

    def _constant(self, name: str, values: np.ndarray, quantization=None) -> int:
        """Adds a constant tensor, or finds the one of that name and content."""
        key = (name, values.dtype.str, values.shape, values.tobytes())
        if key not in self.constants:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self.buffers.append(buffer)
            kind = {1: self.schema.TensorType.INT8, 4: self.schema.TensorType.INT32}[values.itemsize]
            self._add_tensor(name, values.shape, kind, len(self.buffers) - 1, quantization)
            self.constants[key] = len(self.tensors) - 1
        return self.constants[key]

    def _add_tensor(self, name: str, shape, kind: int, buffer: int, quantization) -> None:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(shape, np.int32), kind, buffer
        tensor.quantization = quantization
        self.tensors.append(tensor)

    def _quantization(self, scales, zero_point: int = 0, axis: int = 0):
        quantization = self.schema.QuantizationParametersT()
        quantization.scale = np.array(scales, np.float32)
        quantization.zeroPoint = np.full(len(scales), zero_point, np.int64)
        quantization.quantizedDimension = axis
        return quantization

    def _window_options(self, kind: str, operator):
        options = getattr(self.schema, f"{kind}OptionsT")()
        padding = operator.padding if operator.padding == "same" else "valid"  # an explicit one is put around before
        options.padding = getattr(self.schema.Padding, padding.upper())
        options.strideH, options.strideW = operator.strides
        options.fusedActivationFunction = self._activation(operator)
        return options

    def _activation(self, operator) -> int:
        """TFLite's activation whose clamp is the operator's."""
        tensor = self.graph.tensor(operator.output)

        def code(value: float) -> int:  # in float32, as the kernels round it
            return tensor.zero_point + int(np.floor(np.float32(value) / np.float32(tensor.scale) + np.float32(0.5)))

        ranges = {
            "NONE": (-128, 127),
            "RELU": (code(0), 127),
            "RELU6": (code(0), code(6)),
            "RELU_N1_TO_1": (code(-1), code(1)),
        }
        for name, (minimum, maximum) in ranges.items():
            if (operator.minimum, operator.maximum) == (max(minimum, -128), min(maximum, 127)):
                return getattr(self.schema.ActivationFunctionType, name)
        raise GraphError(
            f"{operator.name}: the clamp {operator.minimum}..{operator.maximum} is none of TFLite's activations, "
            f"which at scale {tensor.scale} and zero point {tensor.zero_point} are {ranges}"
        )

    def _operator(self, kind: str, inputs: list[int], outputs: list[int], options) -> None:
        code = getattr(self.schema.BuiltinOperator, kind)
        if code not in self.codes:
            self.codes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes.index(code), inputs, outputs
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.operators.append(operator)

    def _order_operators(self) -> None:
        steps = [Step(tuple(operator.inputs), tuple(operator.outputs)) for operator in self.operators]
        outputs = {self.index[name] for name in self.graph.outputs}
        self.operators = [self.operators[i] for i in small_memory_order(steps, self.sizes, outputs)]

    def _pack(self) -> bytes:
        schema = self.schema
        subgraph = schema.SubGraphT()
        subgraph.name, subgraph.tensors, subgraph.operators = self.graph.name, self.tensors, self.operators
        subgraph.inputs = [self.index[name] for name in self.graph.inputs]
        subgraph.outputs = [self.index[name] for name in self.graph.outputs]
        model = schema.ModelT()
        model.version, model.description = 3, self.graph.name
        model.operatorCodes = [self._operator_code(code) for code in self.codes]
        model.subgraphs, model.buffers = [subgraph], self.buffers
        builder = _aligned_builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _operator_code(self, code: int):
        entry = self.schema.OperatorCodeT()
        entry.builtinCode = code
        entry.deprecatedBuiltinCode = min(code, 127)
        # The first version of the kernel that knows int8, per-channel scales where there are any.
        first = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 5, "CAST": 1, "RESHAPE": 1}
        names = {getattr(self.schema.BuiltinOperator, name): version for name, version in first.items()}
        entry.version = names.get(code, 2)
        return entry


def _aligned_builder():
    """A flatbuffer builder that aligns the bytes of buffers, which Python's own does not."""
    import flatbuffers

    class AlignedBuilder(flatbuffers.Builder):
        def StartVector(self, element_size, count, alignment):  # noqa: N802, the name is flatbuffers'
            return super().StartVector(element_size, count, BUFFER_ALIGNMENT if element_size == 1 else alignment)

    return AlignedBuilder(1 << 20)


# --- Plan of the Wires ------------------------------------------------------------------------------------------------


def _plan_wires(graph: Graph, orders) -> dict[str, list[Run] | None]:
    """The runs that make up each Wire, cut so that equal or separate parts are read; None: it must be gathered."""
    wires = [operator for operator in graph.operators if isinstance(operator, Wire)]
    plans = {wire.name: runs_of(wire, orders) for wire in wires}
    while True:
        cuts = _cuts(plans, graph)
        parts = {
            name: runs and [part for run in runs for part in _cut(run, cuts, graph)] for name, runs in plans.items()
        }
        too_many = [name for name, runs in parts.items() if runs and len(runs) > MOST_RUNS]
        if not too_many:
            return parts
        plans[max(too_many, key=lambda name: len(parts[name]))] = None


def _cuts(plans, graph: Graph) -> dict[str, set[int]]:
    """Places where a tensor is cut into parts. A run that is the whole tensor needs no parts."""
    cuts: dict[str, set[int]] = {}
    for runs in plans.values():
        for name, begin, end in runs or ():
            if (begin, end) != (0, graph.tensor(name).channels):
                cuts.setdefault(name, set()).update((begin, end))
    return cuts


def _cut(run: Run, cuts, graph: Graph) -> list[Run]:
    name, begin, end = run
    if (begin, end) == (0, graph.tensor(name).channels):
        return [run]
    edges = sorted(cut for cut in cuts[name] if begin <= cut <= end)
    return [(name, *edge) for edge in pairwise(edges)]


def _with_gaps(parts: list[tuple[int, int]], channels: int) -> list[tuple[int, int]]:
    """Adds the parts that nobody reads, so that all parts together are the whole."""
    edges = sorted({0, channels, *(edge for part in parts for edge in part)})
    return list(pairwise(edges))
