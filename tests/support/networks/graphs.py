"""Graphs for tests: a builder that infers shapes, and a small SemifreddoNet with random weights."""

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Lookup,
    Lstm,
    Svdf,
    Wire,
    switched_sources,
)
from export.graph.tensor import Tensor


class Builder:
    """Adds operators with random constants to a graph and infers their shapes."""

    def __init__(self, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.inputs, self.tensors, self.operators = [], {}, []

    def input(self, shape, scale=2.0**-7, zero_point=0, name="image"):
        self.tensors[name] = Tensor(name, shape, scale, zero_point)
        self.inputs.append(name)
        return name

    def add(self, operator, scale, zero_point=0):
        shape = operator.output_shape(*(self.tensors[name].shape for name in operator.inputs))
        self.tensors[operator.name] = Tensor(operator.name, shape, scale, zero_point)
        self.operators.append(operator)
        return operator.name

    def graph(self, *outputs, name="net", **metadata):
        return Graph(name, self.inputs, outputs, self.tensors.values(), self.operators, metadata)

    def channels(self, name):
        return self.tensors[name].channels

    def codes(self, *shape):
        return self.random.integers(-127, 128, shape).astype(np.int8)

    def convolution(self, name, input, out, kernel=1, relu=True, frozen=False, scale=2.0**-4, zero_point=0, **options):
        depth = self.channels(input) // options.get("groups", 1)
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        codes, taps = self.codes(out, height, width, depth), depth * height * width
        return self._convolution(Conv2D, name, input, codes, out, taps, relu, frozen, scale, zero_point, options)

    def depthwise(self, name, input, kernel=3, relu=False, frozen=False, scale=2.0**-4, zero_point=0, **options):
        channels = self.channels(input)
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        codes = self.codes(height, width, channels)
        options = {"padding": "same", **options}
        return self._convolution(
            DepthwiseConv2D, name, input, codes, channels, height * width, relu, frozen, scale, zero_point, options
        )

    def _convolution(self, kind, name, input, codes, out, taps, relu, frozen, scale, zero_point, options):
        # Of this size, outputs use all of -128..127 and saturate sometimes.
        weight_scale = scale / self.tensors[input].scale / (73 * np.sqrt(taps))
        scales = (weight_scale * self.random.uniform(0.5, 1.5, out)).astype(np.float32)
        bias = self.random.integers(-5000, 5000, out).astype(np.int32)
        minimum = zero_point if relu else -128
        operator = kind(
            name=name, inputs=[input], codes=codes, scales=scales, bias=bias, frozen=frozen, minimum=minimum, **options
        )
        return self.add(operator, scale, zero_point)

    def lstm(self, name, input, units, scale=2.0**-7, zero_point=0, **options):
        """Gates that use their whole curves."""
        codes, recurrent_codes = self.codes(4, units, self.channels(input)), self.codes(4, units, units)
        sums = zip((self.tensors[input].scale, scale), (codes, recurrent_codes))
        wished = [3 / (each * 73 * 73 * np.sqrt(values.shape[2])) for each, values in sums]
        scales, recurrent_scales = (np.float32(each * self.random.uniform(0.5, 1.5, 4)) for each in wished)
        constants = {"codes": codes, "recurrent_codes": recurrent_codes, "bias": self._bias(4, units)}
        constants |= {"scales": scales, "recurrent_scales": recurrent_scales, "cell_bits": 12, **options}
        return self.add(Lstm(name=name, inputs=[input], **constants), scale, zero_point)

    def svdf(self, name, input, units, rank=2, steps=3, scale=2.0**-4, zero_point=0, bits=16, memory_zero_point=0):
        """Filters and units that use all of their codes, and saturate sometimes. bits: of the memory."""
        codes = self.codes(units * rank, self.channels(input))
        time_codes = (self.random.integers(-30000, 30000, (units * rank, steps)) >> (16 - bits)).astype(np.int16)
        single, memory_scale, typical = np.float32, 2.0**-10, 2.0 ** (bits - 2)
        of_filter = memory_scale * typical / (self.tensors[input].scale * 73 * 73 * np.sqrt(self.channels(input)))
        of_unit = 40 * scale / (memory_scale * typical**2 * np.sqrt(rank * steps))
        scales = {"scale": float(single(of_filter)), "time_scale": float(single(of_unit)), "memory_scale": memory_scale}
        constants = {"codes": codes, "time_codes": time_codes, "bias": self._bias(units), "memory_bits": bits, **scales}
        constants["memory_zero_point"] = memory_zero_point
        return self.add(Svdf(name=name, inputs=[input], **constants), scale, zero_point)

    def _bias(self, *shape):
        return self.random.integers(-5000, 5000, shape).astype(np.int32)

    def wire(self, name, inputs, sources, **options):
        tensor = self.tensors[inputs[0]]
        wire = Wire(name=name, inputs=inputs, sources=np.array(sources), **options)
        return self.add(wire, tensor.scale, tensor.zero_point)

    def concat(self, name, *inputs):
        return self.wire(
            name, inputs, [(i, c) for i, tensor in enumerate(inputs) for c in range(self.channels(tensor))]
        )

    def shuffle(self, name, *inputs):
        """Concatenation, then a channel shuffle in two groups."""
        sources = np.array([(i, c) for i, tensor in enumerate(inputs) for c in range(self.channels(tensor))])
        return self.wire(name, inputs, sources.reshape(2, -1, 2).swapaxes(0, 1).reshape(-1, 2))

    def part(self, name, input, begin, end):
        return self.wire(name, [input], [(0, channel) for channel in range(begin, end)])

    def blend(self, name, frozen, trainable, scale=2.0**-4):
        alpha = self.random.integers(0, 128, self.channels(frozen)).astype(np.int8)
        first = self.add(ChannelScale(name=f"{name}.alpha", inputs=[frozen], codes=alpha, scale=2.0**-7), scale)
        rest = (128 - alpha.astype(int)).clip(max=127).astype(np.int8)
        second = self.add(ChannelScale(name=f"{name}.beta", inputs=[trainable], codes=rest, scale=2.0**-7), scale)
        return self.add(Add(name=name, inputs=[first, second]), scale)


def downscaling_unit(net, name, input, out, frozen=False):
    """Fig. 4, right: two branches over all channels, concatenated and shuffled."""
    branches = []
    for side in ("left", "right"):
        depthwise = net.depthwise(f"{name}.{side}.depthwise", input, strides=(2, 2), frozen=frozen)
        branches.append(net.convolution(f"{name}.{side}.pointwise", depthwise, out // 2, frozen=frozen))
    return net.shuffle(name, *branches)


def regular_unit(net, name, input, frozen=False):
    """Fig. 4, left: half of the channels pass through, the other half is convolved."""
    channels = net.channels(input)
    kept = net.part(f"{name}.kept", input, 0, channels // 2)
    worked = net.part(f"{name}.worked", input, channels // 2, channels)
    depthwise = net.depthwise(f"{name}.depthwise", worked, frozen=frozen)
    return net.shuffle(name, kept, net.convolution(f"{name}.pointwise", depthwise, channels // 2, frozen=frozen))


def level_unit(net, name, input):
    """The two branches of the downscaling unit at stride 1, each on one half of the channels."""
    half = net.channels(input) // 2
    branches = []
    for side, begin in (("left", 0), ("right", half)):
        part = net.part(f"{name}.{side}", input, begin, begin + half)
        depthwise = net.depthwise(f"{name}.{side}.depthwise", part)
        branches.append(net.convolution(f"{name}.{side}.pointwise", depthwise, half))
    return net.shuffle(name, *branches)


def core_shuffle(net, name, first, second):
    """Swaps the second half of the maps between two cores."""
    sources = switched_sources(net.channels(first), True)
    pairs = [(first, second), (second, first)]
    return [net.wire(f"core{i}.{name}", pair, sources, core_shuffle=True) for i, pair in enumerate(pairs, start=1)]


def semifreddo(size=(32, 32), channels=(32, 64, 128, 128, 256), seed=0, classes=10, core_shuffled=True, units=4):
    """Table 1 with two trainable cores, core shuffle after each blend, and a head on both cores together.

    Args:
        units: of the frozen core in each stage; 4 in the paper.
    """
    net = Builder(seed)
    image = net.input((*size, 3))
    cores = ("frozen", "core1", "core2")
    maps = {
        core: net.convolution(
            f"{core}.stem", image, channels[0], 3, strides=(2, 2), padding="same", frozen=core == "frozen"
        )
        for core in cores
    }
    for stage, out in enumerate(channels[1:], start=1):
        if stage == 3:
            maps["frozen"] = regular_unit(net, "frozen.stage3.unit1", maps["frozen"], frozen=True)
        else:
            maps["frozen"] = downscaling_unit(net, f"frozen.stage{stage}.unit1", maps["frozen"], out, frozen=True)
        for unit in range(2, units + 1):
            maps["frozen"] = regular_unit(net, f"frozen.stage{stage}.unit{unit}", maps["frozen"], frozen=True)
        for core in cores[1:]:
            name = f"{core}.stage{stage}"
            maps[core] = (
                level_unit(net, name, maps[core]) if stage == 3 else downscaling_unit(net, name, maps[core], out)
            )
            maps[core] = net.blend(f"{core}.stage{stage}.blend", maps["frozen"], maps[core])
        if core_shuffled:
            maps["core1"], maps["core2"] = core_shuffle(net, f"stage{stage}.shuffled", maps["core1"], maps["core2"])
    both = net.concat("head.input", maps["core1"], maps["core2"])
    logits = net.convolution("head.pointwise", both, classes, relu=False)
    window = net.tensors[logits].shape[:2]
    pooled = net.add(AveragePool(name="head.pool", inputs=[logits], window=window), net.tensors[logits].scale)
    table = np.clip(np.round(127 / (1 + np.exp(-np.arange(-128, 128) / 16))), -128, 127).astype(np.int8)
    return net.graph(net.add(Lookup(name="head.sigmoid", inputs=[pooled], table=table), 2.0**-7), name="semifreddo")
