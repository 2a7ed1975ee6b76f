"""Random operators to try kernels on: strategies of graphs, and the maps that they are given."""

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from export.graph import golden
from export.graph.graph import Graph
from export.graph.operators import Add, ChannelScale, Conv2D, DepthwiseConv2D, Lookup, Multiply
from tests.support.networks.graphs import Builder

SEEDS = st.integers(0, 2**32 - 1)
POWERS_OF_TWO = st.integers(0, 7).map(lambda n: 2.0**-n)
SCALES = POWERS_OF_TWO | st.floats(2**-9, 1, width=32)
CODES = st.integers(-128, 127)
ZERO_POINTS = st.just(0) | st.just(-128) | CODES


def maps_and_golden(net: Builder, name: str) -> Iterator[tuple[Graph, list[np.ndarray], np.ndarray]]:
    """The graph, inputs and golden's output of an operator: of random codes, then of mostly extreme ones."""
    graph = net.graph(name)
    for chance in (1, 0.1):
        maps = {}
        for input in graph.inputs:
            shape = graph.tensor(input).shape
            map = net.random.integers(-128, 128, shape, np.int8)
            maps[input] = np.where(net.random.random(shape) < chance, map, np.int8(net.random.choice([-128, 127])))
        made = golden.run(graph, {input: map[None] for input, map in maps.items()}, keep=[name])[name][0]
        yield graph, [maps[input] for input in graph.operator(name).inputs], made


def examples(strategy: st.SearchStrategy, count: int) -> list:
    """So many examples of a strategy, where all are to be run at once."""
    drawn = []

    @settings(max_examples=count, phases=[Phase.generate], deadline=None, database=None)
    @given(strategy)
    def draw(example):
        drawn.append(example)

    draw()
    return drawn


def two(draw, least, most):
    return draw(st.integers(least, most)), draw(st.integers(least, most))


def add_window(draw, net, kind, scale, kernel, **constants):
    """Adds an operator with any strides, padding and clamp, if its window fits into the input."""
    extent = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, constants.get("dilations", (1, 1)))]
    explicit = tuple(two(draw, 0, size - 1) for size in extent)
    image = net.tensors["image"]
    zero_point = image.zero_point if scale is None else draw(ZERO_POINTS)
    clamps = st.sampled_from([(-128, 127), (zero_point, 127)]) | st.tuples(CODES, CODES).map(sorted)
    constants["strides"] = two(draw, 1, 3)
    constants["padding"] = draw(st.sampled_from(["same", "valid", explicit]))
    constants["minimum"], constants["maximum"] = draw(clamps)
    operator = kind(name="made", inputs=["image"], **constants)
    assume(min(operator.output_size(image.shape[:2])) >= 1)
    net.add(operator, scale or image.scale, zero_point)
    return net


def add_convolution(draw, net, kind, shape, scale, **options):
    channels, kernel = (shape[0], shape[1:3]) if kind is Conv2D else (shape[-1], shape[:2])
    codes = net.random.integers(-128, 128, shape).astype(np.int8)
    codes = draw(st.sampled_from([codes, codes, np.where(codes < 0, -128, 127).astype(np.int8)]))
    usual = scale / net.tensors["image"].scale / (73 * np.sqrt(codes.size / channels))
    scales = usual * draw(st.sampled_from([1, 1, 1, 50, 1e-8, 1e6])) * net.random.uniform(0.5, 1.5, channels)
    largest = draw(st.sampled_from([1, 5000, 2**20, 2**30, 2**31]))
    if draw(st.booleans()):  # biases reach over the codes, however large they are
        scales *= min(1, 5000 / largest)
    options |= {"codes": codes, "scales": scales.astype(np.float32), "frozen": False}
    options |= {"bias": net.random.integers(-largest, largest, channels).astype(np.int32)}
    return add_window(draw, net, kind, scale, kernel, **options)


@st.composite
def convolutions(draw, kind):
    """Of maps that may be wider than what the kernels make at once."""
    # Between scales that are powers of two, a factor has the 24 bits of a float32: it is narrow.
    net, scales = Builder(draw(SEEDS)), draw(st.sampled_from([POWERS_OF_TWO, SCALES]))
    groups, depth = draw(st.integers(1, 3) | st.just(5)), draw(st.integers(1, 5))
    size = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    net.input((*size, groups * depth), draw(scales), draw(ZERO_POINTS))
    kernel, dilations = two(draw, 1, 4), two(draw, 1, 3)
    if kind is DepthwiseConv2D:
        return add_convolution(draw, net, kind, (*kernel, groups * depth), draw(scales), dilations=dilations)
    shape = groups * draw(st.integers(1, 5)), *kernel, depth
    return add_convolution(draw, net, kind, shape, draw(scales), dilations=dilations, groups=groups)


@st.composite
def deep_convolutions(draw):
    """Of one or nine taps with many channels, for many channels: kernels may take them in parts."""
    net, kernel = Builder(draw(SEEDS)), draw(st.sampled_from([1, 1, 3]))
    depth, out = draw(st.integers(1, draw(st.sampled_from([300, 1000])) // kernel**2)), draw(st.integers(1, 80))
    net.input((kernel, draw(st.integers(kernel, 20)), depth), draw(SCALES), draw(ZERO_POINTS))
    return add_convolution(draw, net, Conv2D, (out, kernel, kernel, depth), draw(SCALES))


@st.composite
def usual_convolutions(draw):
    """Of one or nine taps, for which kernels have paths of their own: rows of any number of pixels, few channels."""
    net, kind = Builder(draw(SEEDS)), draw(st.sampled_from([Conv2D, DepthwiseConv2D]))
    depth, out = (draw(st.integers(1, 24) | st.sampled_from([8, 16])) for _ in range(2))
    kernel = draw(st.sampled_from([1, 3, 3]))
    net.input((draw(st.integers(kernel, 4)), draw(st.integers(kernel, 60)), depth), draw(SCALES), draw(ZERO_POINTS))
    if kind is DepthwiseConv2D:
        return add_convolution(draw, net, kind, (kernel, kernel, depth), draw(SCALES))
    multiplier = draw(st.sampled_from([0, 0, 1, 2, 5]))
    if multiplier:  # several output channels of each input channel
        shape = (multiplier * depth, kernel, kernel, 1)
        return add_convolution(draw, net, kind, shape, draw(SCALES), groups=depth)
    return add_convolution(draw, net, kind, (out, kernel, kernel, depth), draw(SCALES))


@st.composite
def stems(draw):
    """Of nine taps of three or seven channels, as of color images: rows of one value more than whole fours."""
    net, depth = Builder(draw(SEEDS)), draw(st.sampled_from([3, 3, 3, 7]))
    net.input((draw(st.integers(3, 5)), draw(st.integers(8, 60)), depth), draw(SCALES), draw(ZERO_POINTS))
    return add_convolution(draw, net, Conv2D, (2 * draw(st.integers(1, 8)), 3, 3, depth), draw(SCALES))


def saturating_convolutions() -> Iterator[Builder]:
    """Of every usual range of outputs, kernel and stride: sums that leave the range on both sides."""
    kinds = (Conv2D, 1, 10), (Conv2D, 3, 10), (Conv2D, 3, 3), (DepthwiseConv2D, 1, 10), (DepthwiseConv2D, 3, 10)
    for (kind, kernel, depth), stride in itertools.product(kinds, (1, 2)):
        for zero_point, minimum in ((0, 0), (-128, -128), (5, -128), (5, 5)):
            net = Builder(kernel + stride)
            net.input((kernel, 23, depth), 0.5, -3)
            shape = (6, kernel, kernel, depth) if kind is Conv2D else (kernel, kernel, depth)
            channels = shape[0] if kind is Conv2D else depth
            codes = net.random.integers(-128, 128, shape).astype(np.int8)
            scales = 8 / (73 * np.sqrt(codes.size / channels)) * net.random.uniform(0.5, 1.5, channels)
            fields = {"codes": codes, "scales": scales.astype(np.float32), "bias": np.zeros(channels, np.int32)}
            fields |= {"frozen": False, "strides": (stride, stride), "padding": "same", "minimum": minimum}
            net.add(kind(name="made", inputs=["image"], **fields), 0.5, zero_point)
            yield net


@st.composite
def wide_convolutions(draw):
    """Of as many pixels and channels as vectors hold, or some more."""
    net, kind = Builder(draw(SEEDS)), draw(st.sampled_from([Conv2D, DepthwiseConv2D]))
    depth, out, kernel = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.sampled_from([1, 3]))
    net.input((kernel, draw(st.integers(kernel, 300)), depth), draw(SCALES), draw(ZERO_POINTS))
    shape = (out, kernel, kernel, depth) if kind is Conv2D else (kernel, kernel, depth)
    return add_convolution(draw, net, kind, shape, draw(SCALES))


VALUES = ("scaled", "sum", "product", "looked_up")


@st.composite
def values(draw):
    """The operators VALUES, which work value by value."""
    net, channels, minimum = Builder(draw(SEEDS)), draw(st.just(8) | st.integers(1, 8)), draw(st.just(-128) | CODES)
    # The second operand of a sum may be too small to count.
    each_scale = SCALES, SCALES | st.just(2.0**-25), SCALES, SCALES
    scales, zero_points = [draw(each) for each in each_scale], [draw(ZERO_POINTS) for _ in range(4)]
    codes = net.codes(channels)
    if draw(st.booleans()):  # codes that can be added as they are, and alphas
        scales[:3], zero_points = [draw(POWERS_OF_TWO)] * 3, [0] * 4
        codes, scales[3] = np.abs(codes), 2.0 ** -draw(st.integers(5, 15))
    net.input((2, 5, channels), scales[0], zero_points[0])
    net.input((2, 5, channels), scales[1], zero_points[1], name="other")
    coding = scales[2], zero_points[2]
    constants = {"codes": codes, "scale": scales[3], "constant_zero_point": zero_points[3]}
    net.add(ChannelScale(name="scaled", inputs=["image"], minimum=minimum, **constants), *coding)
    net.add(Add(name="sum", inputs=["image", "other"], minimum=minimum), *coding)
    net.add(Multiply(name="product", inputs=["image", "other"], minimum=minimum), *coding)
    table = net.random.integers(-128, 128, 256).astype(np.int8)
    net.add(Lookup(name="looked_up", inputs=["image"], table=table), *coding)
    return net
