"""Trained fixed8 Keras model -> integer graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Lookup,
    MaxPool,
    Pad,
    Softmax,
    Wire,
    switched_sources,
)
from export.graph.switches import NAMED_BY_SFKERAS
from export.graph.tensor import Tensor
from sfkeras.nn import layers
from sfkeras.nn.arguments import require_keras
from sfkeras.nn.freezing.core import snap
from sfkeras.nn.quantisation import piecewise
from sfkeras.nn.quantisation.fixed8 import INPUT_EXPONENT, unwrapped
from sfkeras.tensorflow import tf

keras = tf.keras


def lower(model: keras.Model, name: str, metadata: dict[str, str] | None = None) -> Graph:
    """Lowers a quantisation-aware SemifreddoNet to its integer graph.

    Batch-norm is folded: its positive factor goes into the scales of the convolution, its offset into the bias, so that
    the codes of a frozen convolution are the bytes of its core file. What no output needs (a frozen core whose alphas
    are all 0) is left out.

    Args:
        model: what fixed8.quantise returned and training made of it, or a part of it that ends at the heads; one image
            input. A stage keeps its name: frozen.stage2.unit3.pointwise.
        name: of the graph.
        metadata: kept in the graph, for example the digest of the core, beside the mark that its stages have the names
            of sfkeras's layers.
    Raises: ValueError if the model is none of fixed8.quantise or has a layer that a SemifreddoNet has not; GraphError.
    """
    require_keras(model)
    if isinstance(model, keras.Sequential) or not any(_exponent(layer) is not None for layer in model.layers):
        raise ValueError(
            f"{model.name} is no fixed8 model: its layers have no exponents. Expected what "
            "sfkeras.quantise(model, images) returns, or an int8 .tflite, which `sfkeras compile` takes"
        )
    lowering = _Lowering(model)
    for layer in model.layers[1:]:
        lowering.add(layer)
    outputs = [lowering.values[id(output)] for output in tf.nest.flatten(model.output)]
    tensors, operators = _needed(outputs, lowering.tensors, lowering.operators)
    metadata = {**NAMED_BY_SFKERAS, **(metadata or {})}
    return Graph(name, (model.input.name,), tuple(outputs), tensors, operators, metadata)


def _exponent(layer):
    """The exponent that a layer's output is rounded with; None if it is not rounded."""
    return getattr(getattr(layer, "quantize_config", None), "exponent", None)


def _needed(outputs, tensors, operators):
    """Only what the outputs depend on; the input stays, for a network always has one."""
    needed = set(outputs)
    kept = []
    for operator in reversed(operators):
        if operator.output in needed:
            needed.update(operator.inputs)
            kept.append(operator)
    return [tensors[0], *(t for t in tensors[1:] if t.name in needed)], kept[::-1]


class _Convolved:
    """A convolution whose end, where it is rounded to int8, is still to come: batch-norm and relu belong to it."""

    def __init__(self, layer, source):
        inner = unwrapped(layer)
        self.layer, self.source = inner, source
        parts = [(inner.codes.numpy(), np.ravel(inner.scales.numpy()))] if hasattr(inner, "codes") else []
        self.frozen = len(parts[0][1]) if parts else 0  # output channels, the first ones
        # In tfmot's wrapper `layer.kernel` is the rounded tensor. The variable has four axes, as the codes have.
        kernels = [each for each in layer.weights if each.shape.rank == 4 and each is not getattr(inner, "codes", None)]
        parts += [snap(kernel.numpy(), self.depthwise) for kernel in kernels]
        self.codes = np.concatenate([codes for codes, _ in parts], axis=2 if self.depthwise else 3)
        self.scales = np.concatenate([scales for _, scales in parts]).astype(np.float64)
        self.bias = inner.bias.numpy().astype(np.float64) if getattr(inner, "use_bias", False) else 0.0

    @property
    def depthwise(self):
        return isinstance(self.layer, (keras.layers.DepthwiseConv2D, layers.FrozenDepthwiseConv2D))

    def fold(self, batch_norm):
        """Takes in a batch-norm: y = factor * x + offset with factor > 0."""
        gamma, beta, mean, variance = (w.astype(np.float64) for w in batch_norm.get_weights())
        factor = gamma / np.sqrt(variance + batch_norm.epsilon)
        self.scales, self.bias = self.scales * factor, beta - mean * factor


@dataclass(frozen=True)
class _Summed:
    """A sum of maps whose end, where it is rounded to int8, is still to come: a relu belongs to it."""

    name: str
    inputs: tuple[str, ...]


class _Lowering:
    """Walks the layers in the order of data flow."""

    def __init__(self, model):
        image = Tensor(model.input.name, tuple(model.input.shape[1:]), 2.0**-INPUT_EXPONENT)
        self.tensors, self.operators = [image], []
        self.joins = {}  # of each map that was joined: the names of its parts
        self.values = {id(model.input): image.name}  # of each Keras tensor: a name of the graph, or a _Convolved

    def add(self, layer):
        inner = unwrapped(layer)
        inputs = [self.values[id(tensor)] for tensor in tf.nest.flatten(layer.input)]
        outputs = tf.nest.flatten(layer.output)
        exponent = _exponent(layer)
        if isinstance(inner, keras.layers.BatchNormalization) and not isinstance(inputs[0], _Convolved):
            raise ValueError(f"{inner.name}: it reads {inputs[0]}, which is rounded; expected a convolution before it")
        for kind, lowered in _LOWERED.items():
            if isinstance(inner, kind):
                results = lowered(self, layer, inputs, outputs, exponent)
                self.values |= {id(output): result for output, result in zip(outputs, results)}
                return
        raise ValueError(f"{inner.name}: a {type(inner).__name__} has no integer form; export knows {_known()}")

    def emit(self, operator, shape, scale, zero_point=0):
        self.operators.append(operator)
        self.tensors.append(Tensor(operator.name, tuple(shape), scale, zero_point))
        return operator.name

    def tensor(self, name):
        return next(tensor for tensor in reversed(self.tensors) if tensor.name == name)

    # ---- one method a kind of layer; each returns what its outputs are

    def convolution(self, layer, inputs, outputs, exponent):
        convolved = _Convolved(layer, inputs[0])
        return [convolved if exponent is None else self.round(convolved, outputs[0], exponent)]

    def batch_norm(self, layer, inputs, outputs, exponent):
        inputs[0].fold(unwrapped(layer))
        return [inputs[0] if exponent is None else self.round(inputs[0], outputs[0], exponent)]

    def relu(self, layer, inputs, outputs, exponent):
        largest, scale = unwrapped(layer).max_value, 2.0**-exponent
        maximum = 127 if largest is None else min(127, round(largest / scale))
        if isinstance(inputs[0], _Convolved):
            return [self.round(inputs[0], outputs[0], exponent, 0, maximum)]
        if isinstance(inputs[0], _Summed):
            return [self.add_up(inputs[0], outputs[0], exponent, 0, maximum)]
        codes = np.arange(-128, 128) * self.tensor(inputs[0]).scale / scale
        operator = Lookup(name=layer.name, inputs=(inputs[0],), table=np.rint(codes).clip(0, maximum).astype(np.int8))
        return [self.emit(operator, outputs[0].shape[1:], scale)]

    def sum(self, layer, inputs, outputs, exponent):
        summed = _Summed(unwrapped(layer).name, tuple(inputs))
        if len(inputs) != 2:
            raise ValueError(f"{summed.name}: it adds {len(inputs)} maps; expected 2")
        return [summed if exponent is None else self.add_up(summed, outputs[0], exponent)]

    def add_up(self, summed, output, exponent, minimum=-128, maximum=127):
        operator = Add(name=summed.name, inputs=summed.inputs, minimum=minimum, maximum=maximum)
        return self.emit(operator, output.shape[1:], 2.0**-exponent)

    def round(self, convolved, output, exponent, minimum=-128, maximum=127):
        layer, source = convolved.layer, self.tensor(convolved.source)
        scales = convolved.scales.astype(np.float32)
        bias = np.rint(convolved.bias / (source.scale * scales.astype(np.float64))) + np.zeros(len(scales))
        common = {
            "strides": tuple(np.broadcast_to(layer.strides, 2).tolist()),
            "dilations": tuple(np.broadcast_to(getattr(layer, "dilation_rate", 1), 2).tolist()),
            "padding": getattr(layer, "padding", "same"),  # a frozen convolution knows no other
            "minimum": minimum,
            "maximum": maximum,
        }
        bias = np.clip(bias, -(2**31), 2**31 - 1).astype(np.int32)

        def convolve(name, source, channels, frozen):
            own = {**common, "scales": scales[channels], "bias": bias[channels], "frozen": frozen}
            if convolved.depthwise:
                codes = convolved.codes[..., channels, 0]
                operator = DepthwiseConv2D(name=name, inputs=(source,), codes=codes, **own)
            else:
                codes, groups = convolved.codes[..., channels].transpose(3, 0, 1, 2), getattr(layer, "groups", 1)
                operator = Conv2D(name=name, inputs=(source,), codes=codes, groups=groups, **own)
            return self.emit(operator, (*output.shape[1:3], len(operator.scales)), 2.0**-exponent)

        count = convolved.frozen
        if count in (0, len(scales)):
            return convolve(layer.name, source.name, slice(None), count > 0)
        read = self.parts(source, count, layer.name) if convolved.depthwise else [source.name, source.name]
        made = [
            convolve(f"{layer.name}.frozen", read[0], slice(count), True),
            convolve(f"{layer.name}.trainable", read[1], slice(count, None), False),
        ]
        return self.joined(layer.name, made)

    def parts(self, source, count, name):
        """Return the tensors of the first `count` channels of a map, and of the others."""
        channels = self.tensor(source.name).channels
        joined = self.joins.get(source.name, ())
        if [self.tensor(part).channels for part in joined] == [count, channels - count]:
            return joined
        split = {"frozen": range(count), "trainable": range(count, channels)}
        return [self.wire(f"{name}.{part}.read", [source.name], [(0, c) for c in split[part]]) for part in split]

    def blend(self, layer, inputs, outputs, exponent):
        layer = unwrapped(layer)
        if layer.alpha in (0, 1):  # one core alone: no operator, the scale group of fixed8 holds its exponent
            return [inputs[0] if layer.alpha == 1 else inputs[1]]
        unit = 2**layers.ALPHA_BITS
        alphas = np.broadcast_to(layer.alphas().numpy(), outputs[0].shape[-1])
        kept = np.clip(np.rint(alphas * unit), 1, unit - 1).astype(np.int8)
        shape, scale = outputs[0].shape[1:], 2.0**-layer.exponent
        products = []
        for source, part, codes in zip(inputs, ("frozen", "trainable"), (kept, (unit - kept.astype(int)))):
            name = f"{layer.name}.{part}"
            operator = ChannelScale(name=name, inputs=(source,), codes=codes.astype(np.int8), scale=1 / unit)
            products.append(self.emit(operator, shape, scale))
        return [self.emit(Add(name=layer.name, inputs=tuple(products)), shape, scale)]

    def pool(self, layer, inputs, outputs, exponent):
        source = self.tensor(inputs[0])
        operator = AveragePool(name=layer.name, inputs=(source.name,), window=source.shape[:2])
        return [self.emit(operator, outputs[0].shape[1:], source.scale)]

    def window_pool(self, layer, inputs, outputs, exponent):
        layer, source = unwrapped(layer), self.tensor(inputs[0])
        kind = MaxPool if isinstance(layer, keras.layers.MaxPooling2D) else AveragePool
        operator = kind(
            name=layer.name,
            inputs=(source.name,),
            window=layer.pool_size,
            strides=layer.strides,
            padding=layer.padding,
        )
        return [self.emit(operator, outputs[0].shape[1:], source.scale)]

    def pad(self, layer, inputs, outputs, exponent):
        layer, source = unwrapped(layer), self.tensor(inputs[0])
        operator = Pad(name=layer.name, inputs=(source.name,), padding=(*layer.padding, (0, 0)), value=0)
        return [self.emit(operator, outputs[0].shape[1:], source.scale)]

    def softmax(self, layer, inputs, outputs, exponent):
        source = self.tensor(inputs[0])
        return [self.emit(Softmax(name=layer.name, inputs=(source.name,)), source.shape, 1 / 256, -128)]

    def flatten(self, layer, inputs, outputs, exponent):
        """Of one pixel it moves nothing."""
        if self.tensor(inputs[0]).shape[:2] != (1, 1):
            raise ValueError(f"{layer.name}: it flattens a map of {self.tensor(inputs[0]).shape}; expected one pixel")
        return inputs

    def activation(self, layer, inputs, outputs, exponent):
        source = self.tensor(inputs[0])
        points = unwrapped(layer).points
        table = piecewise.table(points, source.exponent, exponent)
        breakpoints = tuple(map(tuple, points.tolist()))
        operator = Lookup(name=layer.name, inputs=(source.name,), table=table, breakpoints=breakpoints)
        return [self.emit(operator, outputs[0].shape[1:], 2.0**-exponent)]

    # ---- layers that only move bytes

    def wire(self, name, inputs, sources, core_shuffle=False):
        first = self.tensor(inputs[0])
        operator = Wire(name=name, inputs=tuple(inputs), sources=np.asarray(sources), core_shuffle=core_shuffle)
        return self.emit(operator, (*first.shape[:2], len(sources)), first.scale)

    def split(self, layer, inputs, outputs, exponent):
        half = outputs[0].shape[-1]
        return [
            self.wire(f"{layer.name}.{i}", inputs, [(0, i * half + c) for c in range(half)])
            for i in range(len(outputs))
        ]

    def concat(self, layer, inputs, outputs, exponent):
        return [self.joined(layer.name, inputs)]

    def joined(self, name, inputs):
        self.joins[name] = inputs
        channels = [self.tensor(name).shape[-1] for name in inputs]
        return self.wire(name, inputs, [(i, c) for i, count in enumerate(channels) for c in range(count)])

    def shuffle(self, layer, inputs, outputs, exponent):
        return [self.wire(layer.name, inputs, [(0, c) for c in unwrapped(layer).order(outputs[0].shape[-1])])]

    def core_shuffle(self, layer, inputs, outputs, exponent):
        sources = switched_sources(outputs[0].shape[-1], unwrapped(layer).on)
        followed = zip(inputs, inputs[1:] + inputs[:1])
        return [
            self.wire(f"{layer.name}.core{own}", pair, sources, core_shuffle=True)
            for own, pair in enumerate(followed, 1)
        ]

    def rgb(self, layer, inputs, outputs, exponent):
        return [self.wire(layer.name, inputs, [(0, 0)] * 3)]


_LOWERED = {
    keras.layers.BatchNormalization: _Lowering.batch_norm,
    keras.layers.ReLU: _Lowering.relu,
    keras.layers.Conv2D: _Lowering.convolution,
    keras.layers.DepthwiseConv2D: _Lowering.convolution,
    layers.FrozenConv2D: _Lowering.convolution,
    layers.FrozenDepthwiseConv2D: _Lowering.convolution,
    layers.AlphaBlend: _Lowering.blend,
    layers.ChannelSplit: _Lowering.split,
    layers.ChannelShuffle: _Lowering.shuffle,
    layers.CoreShuffle: _Lowering.core_shuffle,
    layers.GreyToRGB: _Lowering.rgb,
    keras.layers.Concatenate: _Lowering.concat,
    keras.layers.GlobalAveragePooling2D: _Lowering.pool,
    keras.layers.MaxPooling2D: _Lowering.window_pool,
    keras.layers.AveragePooling2D: _Lowering.window_pool,
    keras.layers.ZeroPadding2D: _Lowering.pad,
    keras.layers.Add: _Lowering.sum,
    keras.layers.Softmax: _Lowering.softmax,
    keras.layers.Flatten: _Lowering.flatten,
    piecewise.PiecewiseLinear: _Lowering.activation,
}


def _known():
    return ", ".join(sorted(kind.__name__ for kind in _LOWERED))
