"""A small network of every kind of operator, and other tasks of a network's core and datapath."""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import (
    AveragePool,
    ChannelScale,
    Constant,
    Convolution,
    Join,
    LogSoftmax,
    Lookup,
    Lstm,
    MatMul,
    Maximum,
    MaxPool,
    Mean,
    Minimum,
    Multiply,
    Normalize,
    Pad,
    Prelu,
    ReadState,
    Rearrange,
    Reduce,
    Resize,
    Softmax,
    SquaredDifference,
    Subtract,
    Svdf,
    Wire,
    WriteState,
    switched_sources,
)
from tests.support.networks.graphs import Builder


def cut(height, width, channels):
    """The loops that leave out the first column of a map that is one wider."""
    return {"sizes": (height, width * channels), "steps": ((width + 1) * channels, 1), "first": channels}


CORE = "c0" * 32  # digest of a frozen core


def every_operator(size=(7, 5), head=3, core_shuffle=True, seed=0) -> Graph:
    """Every kind of operator, frozen and not, wide and not; one output of many rows and two vectors."""
    net = Builder(seed)
    net.input((*size, 3))
    net.convolution("frozen.stem", "image", 4, 3, strides=(2, 1), padding="same", frozen=True)
    net.depthwise("frozen.depthwise", "frozen.stem", frozen=True)
    net.convolution("core1.stem", "image", 4, 3, strides=(2, 1), padding="same")
    net.depthwise("core1.depthwise", "core1.stem", scale=0.1171875, zero_point=-3)  # wide
    net.blend("core1.blend", "frozen.depthwise", "core1.depthwise")
    net.convolution("core2.pointwise", "frozen.depthwise", 4)
    swap = Wire(
        name="swap",
        inputs=["core1.blend", "core2.pointwise"],
        sources=switched_sources(4, core_shuffle),
        core_shuffle=True,
    )
    net.add(swap, 2.0**-4)
    net.add(MaxPool(name="max", inputs=["swap"], window=(3, 2), padding="same"), 2.0**-4)
    net.add(AveragePool(name="average", inputs=["max"], window=(2, 2), padding="same"), 2.0**-4)
    height, width, _ = net.tensors["average"].shape
    net.add(Resize(name="resized", inputs=["average"], size=(height + 1, width), half_pixel_centers=True), 2.0**-4)
    net.add(Pad(name="padded", inputs=["resized"], padding=((1, 0), (0, 1), (1, 1)), value=7), 2.0**-4)
    net.add(Multiply(name="product", inputs=["padded", "padded"]), 2.0**-3)
    height, width, channels = net.tensors["product"].shape
    flip = {
        "sizes": (height, width * channels),
        "steps": (-width * channels, 1),
        "first": (height - 1) * width * channels,
    }
    net.add(Rearrange(name="flipped", inputs=["product"], shape=(height, width, channels), **flip), 2.0**-3)
    net.add(Constant(name="constant", inputs=["product"], values=net.codes(height, width, channels)), 2.0**-3)
    net.add(Maximum(name="largest", inputs=["flipped", "constant"]), 2.0**-3)
    net.add(Subtract(name="less", inputs=["product", "largest"]), 2.0**-3, 2)
    net.add(SquaredDifference(name="squares", inputs=["less", "product"]), 2.0**-3)
    net.add(Minimum(name="least", inputs=["squares", "product"]), 2.0**-3)
    slopes = {"codes": net.codes(channels), "scale": 2.0**-7}
    net.add(Prelu(name="bent", inputs=["least"], **slopes), 2.0**-3)
    net.add(Reduce(name="columns", inputs=["bent"], what="mean", axes=(1,)), 2.0**-3)
    net.add(Reduce(name="rows", inputs=["bent"], what="max", axes=(0,)), 2.0**-3)
    net.add(Join(name="beside", inputs=["bent", "columns"], axis=1), 2.0**-3)
    net.add(
        Rearrange(name="cut", inputs=["beside"], shape=(height, width, channels), **cut(height, width, channels)),
        2.0**-3,
    )
    net.add(Join(name="below", inputs=["cut", "rows"], axis=0), 2.0**-3)
    net.add(Normalize(name="unit", inputs=["below"]), 2.0**-7)
    state = net.tensors["unit"].shape
    net.add(ReadState(name="before", inputs=["image"], shape=state, initial=-20), 2.0**-7)
    net.add(Subtract(name="lasting", inputs=["unit", "before"]), 2.0**-7)
    net.add(WriteState(name="kept", inputs=["lasting", "before"]), 2.0**-7)
    net.shuffle("shuffled", "lasting", "unit")
    net.convolution("head", "shuffled", head, relu=False, scale=0.0703125, zero_point=5)  # wide
    table = net.random.integers(-128, 128, 256).astype(np.int8)
    net.add(Lookup(name="map", inputs=["head"], table=table), 2.0**-4)
    net.add(Mean(name="mean", inputs=["map"]), 0.0546875, 9)
    net.add(MatMul(name="product of means", inputs=["mean", "mean"]), 0.0546875, 9)
    net.concat("means", "mean", "product of means")
    net.lstm("recalled", "means", 4, zero_point=-7)
    net.svdf("filtered", "recalled", head, zero_point=2)
    net.add(LogSoftmax(name="logarithms", inputs=["filtered"]), 2.0**-4, 127)
    net.add(Softmax(name="classes", inputs=["logarithms"], beta=1.5), 2.0**-8, -128)
    net.add(AveragePool(name="pool", inputs=["map"], window=net.tensors["map"].shape[:2]), 2.0**-4)
    return net.graph("classes", "map", "pool", core=CORE)


def other_task(graph: Graph, seed=1) -> Graph:
    """A network of the same core and datapath whose task has nothing in common with that of `graph`."""
    random = np.random.default_rng(seed)
    return replace(graph, operators=[_other(operator, random) for operator in graph.operators])


def with_core_of(graph: Graph, other: Graph) -> Graph:
    """The network with the frozen codes of another one."""
    codes = {each.name: each.codes for each in other.operators if isinstance(each, Convolution) and each.frozen}
    operators = [replace(each, codes=codes[each.name]) if each.name in codes else each for each in graph.operators]
    return replace(graph, operators=operators, metadata=other.metadata)


@singledispatch
def _other(operator, random):
    return operator


@_other.register
def _(operator: Convolution, random):
    factors = random.uniform(0.5, 1.5, 1 if getattr(operator, "fully_connected", False) else operator.scales.shape)
    return replace(
        operator,
        codes=operator.codes if operator.frozen else random.integers(-127, 128, operator.codes.shape).astype(np.int8),
        scales=(operator.scales * factors).astype(np.float32),
        bias=random.integers(-5000, 5000, operator.bias.shape).astype(np.int32),
    )


@_other.register
def _(operator: ChannelScale, random):
    return replace(operator, codes=random.integers(0, 128, operator.codes.shape).astype(np.int8))


@_other.register
def _(operator: Prelu, random):
    return replace(operator, codes=random.integers(-128, 128, operator.codes.shape).astype(np.int8))


@_other.register
def _(operator: Constant, random):
    return replace(operator, values=random.integers(-128, 128, operator.values.shape).astype(np.int8))


@_other.register
def _(operator: Lstm, random):
    return replace(
        operator,
        codes=random.integers(-127, 128, operator.codes.shape).astype(np.int8),
        recurrent_codes=random.integers(-127, 128, operator.recurrent_codes.shape).astype(np.int8),
        bias=random.integers(-5000, 5000, operator.bias.shape).astype(np.int32),
        scales=(operator.scales * random.uniform(0.5, 1.5, 4)).astype(np.float32),
    )


@_other.register
def _(operator: Svdf, random):
    return replace(
        operator,
        codes=random.integers(-127, 128, operator.codes.shape).astype(np.int8),
        time_codes=random.integers(-operator.largest, operator.largest, operator.time_codes.shape).astype(np.int16),
        time_scale=operator.time_scale / 2,
    )


@_other.register
def _(operator: Lookup, random):
    return replace(operator, table=random.integers(-128, 128, 256).astype(np.int8))


@_other.register
def _(operator: Wire, random):
    if not operator.core_shuffle:
        return operator
    return replace(operator, sources=switched_sources(len(operator.sources), not operator.is_on))
