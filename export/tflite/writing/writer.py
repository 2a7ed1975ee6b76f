"""Graph -> .tflite, written directly as a flatbuffer: int8 from end to end, the same bytes for the same graph.

Channel orders are chosen so that a Wire costs nothing (a whole tensor), a SPLIT_V (parts of one), one or two
CONCATENATIONs (parts of several), and only where an order must really be restored a GATHER. There is no QUANTIZE,
RESHAPE or TRANSPOSE.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import singledispatchmethod

import numpy as np

from export.graph.graph import Graph
from export.graph.memory_order import Step, small_memory_order
from export.graph.operators import (
    ArgMax,
    AveragePool,
    ChannelScale,
    Constant,
    Conv2D,
    DepthwiseConv2D,
    Join,
    LogSoftmax,
    Lookup,
    MatMul,
    MaxPool,
    Mean,
    Normalize,
    Pad,
    Pair,
    Prelu,
    ReadState,
    Rearrange,
    Recurrent,
    Reduce,
    Resize,
    Softmax,
    Svdf,
    Window,
    Wire,
    WriteState,
)
from export.graph.tensor import INT8_MIN, GraphError
from export.graph.wires import compose_wires
from export.tflite.file import flatbuffer, metadata, schema
from export.tflite.file.flatbuffer import Model
from export.tflite.kinds import ACTIVATIONS, PAIRS, REDUCTIONS, RESIZES, activation_range
from export.tflite.placed import Placed, Tflite
from export.tflite.writing import recurrent
from export.tflite.writing.channel_orders import ORDERED, choose_orders
from export.tflite.writing.tables import Tables
from export.tflite.writing.variables import Variables
from export.tflite.writing.wire_plan import MOST_CONCATENATED, plan_wires, with_gaps


def write(graph: Graph) -> Tflite:
    """Writes a graph as a .tflite model.

    Raises: GraphError if a clamp is none of TFLite's activations (none, ReLU, ReLU6, ReLU_N1_TO_1), or if an average
        pool has a padding that TFLite does not know.
    """
    return _Writer(*choose_orders(compose_wires(graph))).write(graph)


def operator_counts(content: bytes) -> dict[str, int]:
    """How often each TFLite operator is in a .tflite, by name, most often first."""
    return dict(Counter(operator.kind for operator in flatbuffer.parse(content).operators).most_common())


class _Writer(Tables):
    """Writes the operators of a graph, one after the other."""

    def __init__(self, graph: Graph, orders: dict[str, np.ndarray]):
        super().__init__()
        self.graph, self.orders = graph, orders
        self.runs = plan_wires(graph, orders)
        self.hidden: set[str] = set()  # constants, which no interpreter shows
        self.variables = Variables()
        self.parts: dict[str, dict[tuple[int, int], int]] = {}  # of a tensor that was split: (begin, end) -> tensor

    def write(self, original: Graph) -> Tflite:
        for name in self.graph.inputs:
            self._map(self.graph.tensor(name))
        for operator in self.graph.operators:
            self._emit(operator)
        self._order_operators()
        placed = {
            name: Placed(index, self.orders[name], self.graph.tensor(name).shape, self._offset(index))
            for name, index in self.index.items()
            if name not in self.hidden
        }
        # Of an output that was put back into logical order, the copy is the one to look at.
        placed |= {name.removesuffix(ORDERED): placed.pop(name) for name in list(placed) if name.endswith(ORDERED)}
        known = {tensor.name for tensor in original.tensors}
        return Tflite(self._pack(), {name: place for name, place in placed.items() if name in known})

    def _offset(self, index: int) -> int:
        return INT8_MIN if self.tensors[index].type == "INT32" else 0

    # --- One operator of the graph after the other

    @singledispatchmethod
    def _emit(self, operator) -> None:
        raise GraphError(f"{operator.name}: a {type(operator).__name__} cannot be written as .tflite")

    @_emit.register
    def _emit_convolution(self, operator: Conv2D) -> None:
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
    def _emit_depthwise(self, operator: DepthwiseConv2D) -> None:
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
        input = self.graph.tensor(operator.inputs[0]).shape
        shape = input if operator.kernel == (1, 1) else (1, 1, codes[0].size)
        flat = self._reshape(f"{operator.name}/flat", operator.inputs[0], shape)
        options = schema.FullyConnectedOptionsT()
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
    def _emit_channel_scale(self, operator: ChannelScale) -> None:
        codes = operator.codes[self.orders[operator.output]].reshape(1, 1, 1, -1)
        quantization = self._quantization([operator.scale], operator.constant_zero_point)
        constant = self._constant(f"{operator.name}/codes", codes, quantization)
        self._pair("MUL", "Mul", operator, [self.index[operator.inputs[0]], constant])

    @_emit.register
    def _emit_pair(self, operator: Pair) -> None:
        self._pair(*PAIRS[type(operator)], operator, [self.index[name] for name in operator.inputs])

    def _pair(self, kind: str, name: str, operator, inputs: list[int]) -> None:
        options = getattr(schema, f"{name}OptionsT")()
        activation = self._activation(operator)
        if hasattr(options, "fusedActivationFunction"):
            options.fusedActivationFunction = activation
        elif activation != schema.ActivationFunctionType.NONE:
            raise GraphError(f"{operator.name}: TFLite's {kind} has no clamp")
        self._operator(kind, inputs, [self._map_output(operator)], options)

    @_emit.register
    def _emit_mat_mul(self, operator: MatMul) -> None:
        options = schema.BatchMatMulOptionsT()
        options.adjY = True
        self._plain("BATCH_MATMUL", operator, options)

    @_emit.register
    def _emit_prelu(self, operator: Prelu) -> None:
        codes = operator.codes[..., self.orders[operator.output]]
        quantization = self._quantization([operator.scale], operator.constant_zero_point)
        slopes = self._constant(f"{operator.name}/slopes", codes, quantization)
        self._operator("PRELU", [self.index[operator.inputs[0]], slopes], [self._map_output(operator)], None)

    @_emit.register
    def _emit_constant(self, operator: Constant) -> None:
        tensor = self.graph.tensor(operator.output)
        if tensor.name in self.graph.outputs:
            raise GraphError(f"{operator.name}: a constant cannot be an output of a .tflite")
        codes = operator.values[None][..., self.orders[operator.output]]
        self.index[tensor.name] = self._constant(
            tensor.name, codes, self._quantization([tensor.scale], tensor.zero_point)
        )
        self.hidden.add(tensor.name)

    @_emit.register
    def _emit_read_state(self, operator: ReadState) -> None:
        handle = self._add(self.variables.handle_tensor(operator.name))
        output = self._map_output(operator)
        self.variables.begin(operator, handle, self.tensors[output])
        self._operator("READ_VARIABLE", [handle], [output], None)

    @_emit.register
    def _emit_write_state(self, operator: WriteState) -> None:
        self.index[operator.output] = self.index[operator.inputs[0]]
        self.variables.keep(operator, self.index[operator.output])

    @_emit.register
    def _emit_recurrent(self, operator: Recurrent) -> None:
        kind, tensors, intermediates, options = recurrent.described(operator, self.graph)
        (height, _, channels), output = self.graph.tensor(operator.inputs[0]).shape, self._map_output(operator)
        steps = () if isinstance(operator, Svdf) else (height,)
        flat = self._reshape(f"{operator.name}/steps", operator.inputs[0], (*steps, channels))
        made = self._like(output, f"{operator.name}/made", (*steps, operator.units))
        inputs = [-1 if tensor is None else self._add(tensor) for tensor in tensors]
        self._operator(kind, [flat, *inputs], [made], options)
        others = tuple(map(self._add, intermediates))
        self.operators[-1] = replace(self.operators[-1], intermediates=others)
        self._add_reshape(made, output)

    @_emit.register
    def _emit_reduce(self, operator: Reduce) -> None:
        axes = self._constant(f"{operator.name}/axes", np.array([1 + axis for axis in operator.axes], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = True
        inputs = [self.index[operator.inputs[0]], axes]
        self._operator(REDUCTIONS[operator.what], inputs, [self._map_output(operator)], options)

    @_emit.register
    def _emit_arg_max(self, operator: ArgMax) -> None:
        if any(operator.output in other.inputs for other in self.graph.operators):
            raise GraphError(f"{operator.name}: TFLite's ARG_MAX makes int32 numbers, which no other operator can read")
        options = schema.ArgMaxOptionsT()
        options.outputType = schema.TensorType.INT32
        axis = self._constant("channels/axis", np.array(3, np.int32))
        output = self._tensor(operator.name, self.graph.tensor(operator.output).shape[:2], "INT32")
        self.index[operator.output] = output
        self._operator("ARG_MAX", [self.index[operator.inputs[0]], axis], [output], options)

    @_emit.register
    def _emit_normalize(self, operator: Normalize) -> None:
        self._plain("L2_NORMALIZATION", operator, schema.L2NormOptionsT())

    @_emit.register
    def _emit_rearrange(self, operator: Rearrange) -> None:
        source = self.graph.tensor(operator.inputs[0])
        flat = self._like(self.index[source.name], f"{operator.name}/flat", ())
        self.tensors[flat] = replace(self.tensors[flat], shape=(source.size,))
        self.sizes[flat] = source.size
        reshape, gather = schema.ReshapeOptionsT(), schema.GatherOptionsT()
        reshape.newShape = [source.size]
        shape = self._constant(f"{operator.name}/shape", np.array([source.size], np.int32))
        places = self._constant(f"{operator.name}/places", operator.places[None].astype(np.int32))
        self._operator("RESHAPE", [self.index[source.name], shape], [flat], reshape)
        self._operator("GATHER", [flat, places], [self._map_output(operator)], gather)

    @_emit.register
    def _emit_join(self, operator: Join) -> None:
        options = schema.ConcatenationOptionsT()
        options.axis = 1 + operator.axis
        if (count := len(operator.inputs)) > MOST_CONCATENATED:
            raise GraphError(f"{operator.name}: TFLM joins up to {MOST_CONCATENATED} maps; it has {count}")
        self._plain("CONCATENATION", operator, options)

    @_emit.register
    def _emit_average_pool(self, operator: AveragePool) -> None:
        if operator.padding not in ("same", "valid"):
            raise GraphError(
                f"{operator.name}: TFLite has no average pool with padding {operator.padding} that is not counted"
            )
        self._pool("AVERAGE_POOL_2D", operator, self.index[operator.inputs[0]])

    @_emit.register
    def _emit_max_pool(self, operator: MaxPool) -> None:
        self._pool("MAX_POOL_2D", operator, self._padded(operator, -128))

    def _pool(self, kind: str, operator, input: int) -> None:
        options = self._window_options("Pool2D", operator)
        options.filterHeight, options.filterWidth = operator.window
        self._operator(kind, [input], [self._map_output(operator)], options)

    @_emit.register
    def _emit_mean(self, operator: Mean) -> None:
        axes = self._constant("map/axes", np.array([1, 2], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = True
        self._operator("MEAN", [self.index[operator.inputs[0]], axes], [self._map_output(operator)], options)

    @_emit.register
    def _emit_pad(self, operator: Pad) -> None:
        self._pad(
            operator.name, self.index[operator.inputs[0]], operator.padding, operator.value, self._map_output(operator)
        )

    @_emit.register
    def _emit_resize(self, operator: Resize) -> None:
        kind, name = RESIZES[operator.method]
        options = getattr(schema, f"{name}OptionsT")()
        options.alignCorners, options.halfPixelCenters = operator.align_corners, operator.half_pixel_centers
        size = self._constant(f"{operator.name}/size", np.array(operator.size, np.int32))
        self._operator(kind, [self.index[operator.inputs[0]], size], [self._map_output(operator)], options)

    @_emit.register
    def _emit_softmax(self, operator: Softmax) -> None:
        options = schema.SoftmaxOptionsT()
        options.beta = operator.beta
        self._plain("SOFTMAX", operator, options)

    @_emit.register
    def _emit_log_softmax(self, operator: LogSoftmax) -> None:
        self._plain("LOG_SOFTMAX", operator, schema.LogSoftmaxOptionsT())

    @_emit.register
    def _emit_lookup(self, operator: Lookup) -> None:
        # GATHER wants int32 indices from 0: no kernel of TFLM looks an int8 code up in a table of the user's.
        shape = self.graph.tensor(operator.output).shape
        codes, places = (self._tensor(f"{operator.name}/{what}", shape, "INT32") for what in ("codes", "places"))
        cast = schema.CastOptionsT()
        cast.inDataType, cast.outDataType = schema.TensorType.INT8, schema.TensorType.INT32
        gather = schema.GatherOptionsT()
        offset = self._constant("lookup/offset", np.array([128], np.int32))
        output = self._map_output(operator)
        quantization = self.tensors[output].quantization
        table = self._constant(f"{operator.name}/table", operator.table, quantization)
        self._operator("CAST", [self.index[operator.inputs[0]]], [codes], cast)
        self._operator("ADD", [codes, offset], [places], schema.AddOptionsT())
        self._operator("GATHER", [table, places], [output], gather)

    @_emit.register
    def _emit_wire(self, operator: Wire) -> None:
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
        if isinstance(operator.padding, str):
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
        if value == quantization.zero_points[0]:
            self._operator("PAD", [input, sides], [output], schema.PadOptionsT())
        else:
            code = self._constant(f"{name}/value", np.array([value], np.int8), quantization)
            self._operator("PADV2", [input, sides, code], [output], schema.PadV2OptionsT())

    def _reshape(self, name: str, source: str, shape) -> int:
        """The tensor of a graph's tensor in another shape."""
        if self.graph.tensor(source).shape == shape:
            return self.index[source]
        reshaped = self._like(self.index[source], name, shape)
        self._add_reshape(self.index[source], reshaped)
        return reshaped

    def _add_reshape(self, source: int, target: int) -> None:
        options, tensor = schema.ReshapeOptionsT(), self.tensors[target]
        options.newShape = list(tensor.shape)
        shape = self._constant(f"{tensor.name}/shape", np.array(tensor.shape, np.int32))
        self._operator("RESHAPE", [source, shape], [target], options)

    # --- Wires

    def _part(self, name: str, begin: int, end: int) -> int:
        """The tensor that holds places begin..end of another one. The first call splits that one into all its parts."""
        tensor = self.graph.tensor(name)
        if (begin, end) == (0, tensor.channels):
            return self.index[name]
        if name not in self.parts:
            parts = sorted({run[1:] for runs in self.runs.values() for run in runs or () if run[0] == name})
            parts = with_gaps([part for part in parts if part != (0, tensor.channels)], tensor.channels)
            made = {part: self._map(tensor, f"{name}/{part[0]}..{part[1]}", part[1] - part[0]) for part in parts}
            lengths = self._constant(f"{name}/lengths", np.array([end - begin for begin, end in parts], np.int32))
            axis = self._constant("channels/axis", np.array(3, np.int32))
            options = schema.SplitVOptionsT()
            options.numSplits = len(parts)
            self._operator("SPLIT_V", [self.index[name], lengths, axis], list(made.values()), options)
            self.parts[name] = made
        return self.parts[name][begin, end]

    def _concatenate(self, name: str, parts: list[int], output: int) -> None:
        while len(parts) > MOST_CONCATENATED:
            parts = [self._join(f"{name}/joined{len(parts)}", parts[:MOST_CONCATENATED]), *parts[MOST_CONCATENATED:]]
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        self._operator("CONCATENATION", parts, [output], options)

    def _join(self, name: str, parts: list[int]) -> int:
        """Return the tensor of several parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        channels = sum(self.tensors[part].shape[3] for part in parts)
        joined = self._like(parts[0], name, (*self.tensors[parts[0]].shape[1:3], channels))
        self._concatenate(name, parts, joined)
        return joined

    def _gather(self, wire: Wire) -> None:
        """Add one GATHER from its sources, which are joined first if there are several."""
        joined = self._join(f"{wire.name}/joined", [self.index[name] for name in wire.inputs])
        offsets = np.cumsum([0, *(self.graph.tensor(name).channels for name in wire.inputs)])
        places = [np.argsort(self.orders[name]) + offset for name, offset in zip(wire.inputs, offsets)]
        sources = wire.sources[self.orders[wire.name]]
        indices = self._constant(f"{wire.name}/channels", np.array([places[i][c] for i, c in sources], np.int32))
        options = schema.GatherOptionsT()
        options.axis = 3
        self._operator("GATHER", [joined, indices], [self._map_output(wire)], options)

    # --- What several of them need

    def _map_output(self, operator) -> int:
        return self._map(self.graph.tensor(operator.output))

    def _window_options(self, kind: str, operator):
        options = getattr(schema, f"{kind}OptionsT")()
        padding = operator.padding if operator.padding == "same" else "valid"  # an explicit one is put around before
        options.padding = getattr(schema.Padding, padding.upper())
        options.strideH, options.strideW = operator.strides
        options.fusedActivationFunction = self._activation(operator)
        return options

    def _activation(self, operator) -> int:
        """TFLite's activation whose clamp is the operator's."""
        tensor = self.graph.tensor(operator.output)
        ranges = {name: activation_range(name, tensor.scale, tensor.zero_point) for name in ACTIVATIONS}
        for name, clamp in ranges.items():
            if clamp == (operator.minimum, operator.maximum):
                return getattr(schema.ActivationFunctionType, name)
        raise GraphError(
            f"{operator.name}: the clamp {operator.minimum}..{operator.maximum} is none of TFLite's activations, "
            f"which at scale {tensor.scale} and zero point {tensor.zero_point} are {ranges}"
        )

    def _plain(self, kind: str, operator, options) -> None:
        self._operator(kind, [self.index[name] for name in operator.inputs], [self._map_output(operator)], options)

    def _order_operators(self) -> None:
        steps = [Step(operator.inputs, operator.outputs) for operator in self.operators]
        outputs = {self.index[name] for name in self.graph.outputs} | self.variables.kept
        order = small_memory_order(steps, self.sizes, outputs)
        self.operators = [*self.variables.first, *(self.operators[i] for i in order), *self.variables.last]

    def _pack(self) -> bytes:
        inputs, outputs = (
            tuple(self.index[name] for name in names) for names in (self.graph.inputs, self.graph.outputs)
        )
        known = metadata.files(self.graph)
        tables = ((metadata.BUFFER, metadata.table(self.graph)),) if known else ()
        model = Model(
            self.graph.name, tuple(self.tensors), tuple(self.operators), inputs, outputs, tables, self.variables.graphs
        )
        return metadata.appended(flatbuffer.to_bytes(model), known)
