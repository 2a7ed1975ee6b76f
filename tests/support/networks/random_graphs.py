"""Random graphs of every operator, for hypothesis."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from export.graph.operators import (
    Add,
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
    WriteState,
)
from tests.support.networks.graphs import Builder

SCALES = st.one_of(st.integers(2, 7).map(lambda n: 2.0**-n), st.floats(2**-7, 0.25, width=32))
ZERO_POINTS = st.one_of(st.just(0), st.integers(-128, 127))


@st.composite
def random_graphs(draw):
    """Small nets of every operator: odd and even sizes, any scales and zero points, extreme weights, tangled Wires."""
    net = Builder(draw(st.integers(0, 2**32 - 1)))
    sides = st.integers(3, 9)
    net.input((draw(sides), draw(sides), draw(st.integers(1, 6))), draw(SCALES), draw(ZERO_POINTS))
    if draw(st.booleans()):
        net.input((draw(sides), draw(sides), draw(st.integers(1, 6))), draw(SCALES), draw(ZERO_POINTS), name="second")
    steps = draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=9))
    made = [step(draw, net, f"layer{i}.{step.__name__}") for i, step in enumerate(steps)]
    others = draw(st.sets(st.sampled_from(made), max_size=2))
    if draw(st.integers(0, 4)) == 0:
        others.add(net.add(ArgMax(name="chosen", inputs=[any_tensor(draw, net)]), 1.0, -128))
    return net.graph(*sorted({made[-1]} | others))


def any_tensor(draw, net):
    return draw(st.sampled_from([tensor.name for tensor in _readable(net)]))


def _readable(net):
    """The tensors that every operator can read: most kernels of TFLM take no constant map."""
    return [tensor for tensor in net.tensors.values() if not tensor.name.endswith(CONSTANT)]


CONSTANT = ".constant"  # suffix of constant maps


def _window(draw, net, input):
    height, width, _ = net.tensors[input].shape
    return draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))


def _window_options(draw, extent=None):
    """Strides and padding; also an explicit padding, if an extent that it must stay below is given."""
    strides = st.integers(1, 3)
    padding = draw(st.sampled_from(["same", "valid"] + ["explicit"] * (extent is not None)))
    if padding == "explicit":
        padding = tuple((draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))) for size in extent)
    return {"strides": (draw(strides), draw(strides)), "padding": padding}


def _dilated(draw, net, input, kernel):
    """Window options of a convolution with dilations for which its window fits into the map."""
    sizes = net.tensors[input].shape[:2]
    most = [(size - 1) // (taps - 1) if taps > 1 else 3 for size, taps in zip(sizes, kernel)]
    dilations = tuple(draw(st.integers(1, max(1, n))) for n in most)
    extent = [(taps - 1) * dilation + 1 for taps, dilation in zip(kernel, dilations)]
    return {"dilations": dilations, **_window_options(draw, extent)}


def _convolution(draw, net, name, kind, input, shape, **options):
    operator = net.codes(*shape)
    if draw(st.integers(0, 3)) == 0:  # extreme weights
        operator = np.sign(operator).astype(np.int8) * 127
    channels = shape[0] if kind is Conv2D else shape[-1]
    taps = operator.size // channels
    scale, zero_point = draw(SCALES), draw(ZERO_POINTS)
    magnitude = (
        scale / net.tensors[input].scale / (73 * np.sqrt(taps)) * draw(st.sampled_from([1, 1, 1, 50, 1e-8, 1e4]))
    )
    scales = (magnitude * net.random.uniform(0.5, 1.5, channels)).astype(np.float32)
    largest = draw(st.sampled_from([1, 5000, 2**31]))
    bias = net.random.integers(-largest, largest, channels).astype(np.int32)
    operator = kind(
        name=name,
        inputs=[input],
        codes=operator,
        scales=scales,
        bias=bias,
        frozen=draw(st.booleans()),
        minimum=_minimum(draw, zero_point),
        **_dilated(draw, net, input, operator.shape[1:3] if kind is Conv2D else operator.shape[:2]),
        **options,
    )
    return net.add(operator, scale, zero_point)


def convolution(draw, net, name):
    input = any_tensor(draw, net)
    channels = net.channels(input)
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    out = groups * draw(st.integers(1, 4))
    shape = (out, *_window(draw, net, input), channels // groups)
    return _convolution(draw, net, name, Conv2D, input, shape, groups=groups)


def depthwise(draw, net, name):
    input = any_tensor(draw, net)
    shape = (*_window(draw, net, input), net.channels(input))
    return _convolution(draw, net, name, DepthwiseConv2D, input, shape)


def fully_connected(draw, net, name):
    input = any_tensor(draw, net)
    scale, zero_point, out = draw(SCALES), draw(ZERO_POINTS), draw(st.integers(1, 9))
    shape = net.tensors[input].shape
    weight_scale = np.float32(scale / net.tensors[input].scale / (73 * np.sqrt(np.prod(shape))))
    operator = Conv2D(
        name=name,
        inputs=[input],
        codes=net.codes(out, *shape),
        scales=np.full(out, weight_scale),
        bias=net.random.integers(-5000, 5000, out).astype(np.int32),
        frozen=draw(st.booleans()),
        fully_connected=True,
        minimum=_minimum(draw, zero_point),
    )
    return net.add(operator, scale, zero_point)


def _minimum(draw, zero_point):
    """None or ReLU."""
    return zero_point if draw(st.booleans()) else -128


def channel_scale(draw, net, name):
    input = any_tensor(draw, net)
    zero_point = draw(ZERO_POINTS)
    operator = ChannelScale(
        name=name,
        inputs=[input],
        codes=net.codes(net.channels(input)),
        scale=draw(SCALES),
        constant_zero_point=draw(ZERO_POINTS),
        minimum=_minimum(draw, zero_point),
    )
    return net.add(operator, draw(SCALES), zero_point)


def _pair(draw, net, name, kind):
    first = any_tensor(draw, net)
    alike = [other for other, tensor in net.tensors.items() if tensor.shape == net.tensors[first].shape]
    zero_point = draw(ZERO_POINTS)
    inputs = [first, draw(st.sampled_from(alike))]
    clamp = {"minimum": _minimum(draw, zero_point)} if kind in (Add, Subtract, Multiply) else {}
    return net.add(kind(name=name, inputs=inputs, **clamp), draw(SCALES), zero_point)


def add(draw, net, name):
    return _pair(draw, net, name, Add)


def multiply(draw, net, name):
    return _pair(draw, net, name, Multiply)


def mat_mul(draw, net, name):
    """Two maps of as many rows and channels, which may be one."""
    first = net.tensors[any_tensor(draw, net)]
    alike = [
        other.name for other in _readable(net) if (other.shape[0], other.channels) == (first.shape[0], first.channels)
    ]
    inputs = [first.name, draw(st.sampled_from(alike))]
    scale = draw(SCALES)
    return net.add(MatMul(name=name, inputs=inputs), max(scale, first.scale), draw(ZERO_POINTS))


def subtract(draw, net, name):
    return _pair(draw, net, name, Subtract)


def square_difference(draw, net, name):
    return _pair(draw, net, name, SquaredDifference)


def extreme(draw, net, name):
    return _pair(draw, net, name, draw(st.sampled_from([Maximum, Minimum])))


def with_constants(draw, net, name):
    """A map and a constant one of its shape, in either order."""
    input = any_tensor(draw, net)
    constant = Constant(name=f"{name}{CONSTANT}", inputs=[input], values=net.codes(*net.tensors[input].shape))
    inputs = [input, net.add(constant, draw(SCALES), draw(ZERO_POINTS))]
    kind = draw(st.sampled_from([Add, Subtract, Multiply, SquaredDifference, Maximum]))
    if kind is Maximum:  # whose operands have one scale in .tflite
        net.tensors[inputs[1]] = replace(net.tensors[input], name=inputs[1])
    return net.add(kind(name=name, inputs=draw(st.permutations(inputs))), draw(SCALES), draw(ZERO_POINTS))


def remembered(draw, net, name):
    """A map and what was made of it in the call before."""
    input = net.tensors[any_tensor(draw, net)]
    coding, initial = (draw(SCALES), draw(ZERO_POINTS)), draw(st.integers(-128, 127))
    before = ReadState(name=f"{name}.before", inputs=[net.inputs[0]], shape=input.shape, initial=initial)
    net.add(before, *coding)
    kind = draw(st.sampled_from([Add, Subtract, Multiply]))
    net.add(kind(name=name, inputs=[input.name, before.name]), *coding)
    net.add(WriteState(name=f"{name}.kept", inputs=[name, before.name]), *coding)
    return name


def lstm(draw, net, name):
    """A step per row, of rows of one pixel: others are made one by their mean."""
    input = _of_one_pixel(draw, net, name, (1,))
    options = {"cell_bits": draw(st.integers(-2, 20)), "cell_clip": draw(st.sampled_from([0, 0, 1, 3000, 32767]))}
    return net.lstm(name, input, draw(st.integers(1, 5)), draw(SCALES), draw(ZERO_POINTS), **options)


def svdf(draw, net, name):
    """One step, of a vector: other maps are made one by their mean."""
    input = _of_one_pixel(draw, net, name, (0, 1))
    sizes = [draw(st.integers(1, most)) for most in (4, 3, 5)]
    memory = draw(st.sampled_from([(16, 0), (8, 0), (8, -50), (8, 127)]))
    return net.svdf(name, input, *sizes, draw(SCALES), draw(ZERO_POINTS), *memory)


def _of_one_pixel(draw, net, name, axes):
    input = any_tensor(draw, net)
    axes = tuple(axis for axis in axes if net.tensors[input].shape[axis] > 1)
    if not axes:
        return input
    mean = Reduce(name=f"{name}.mean", inputs=[input], what="mean", axes=axes)
    return net.add(mean, draw(SCALES), draw(ZERO_POINTS))


def _pool(draw, net, name, kind, explicit):
    input = any_tensor(draw, net)
    tensor, window = net.tensors[input], _window(draw, net, input)
    options = _window_options(draw, window if explicit else None)
    operator = kind(name=name, inputs=[input], window=window, minimum=_minimum(draw, tensor.zero_point), **options)
    return net.add(operator, tensor.scale, tensor.zero_point)


def average_pool(draw, net, name):
    return _pool(draw, net, name, AveragePool, explicit=False)  # which .tflite does not have


def max_pool(draw, net, name):
    return _pool(draw, net, name, MaxPool, explicit=True)


def mean(draw, net, name):
    return net.add(Mean(name=name, inputs=[any_tensor(draw, net)]), draw(SCALES), draw(ZERO_POINTS))


def pad(draw, net, name):
    input = any_tensor(draw, net)
    tensor, sides = net.tensors[input], st.integers(0, 2)
    channels = draw(st.sampled_from([(0, 0), (0, 0), (1, 2), (0, 1)]))
    padding = ((draw(sides), draw(sides)), (draw(sides), draw(sides)), channels)
    value = draw(st.sampled_from([tensor.zero_point, -128, 5]))
    return net.add(Pad(name=name, inputs=[input], padding=padding, value=value), tensor.scale, tensor.zero_point)


def resize(draw, net, name):
    input = any_tensor(draw, net)
    tensor, sides = net.tensors[input], st.integers(1, 12)
    method, way = draw(st.sampled_from(["bilinear", "nearest"])), draw(st.sampled_from(["", "corners", "centers"]))
    ways = {"align_corners": way == "corners", "half_pixel_centers": way == "centers"}
    operator = Resize(name=name, inputs=[input], size=(draw(sides), draw(sides)), method=method, **ways)
    return net.add(operator, tensor.scale, tensor.zero_point)


def prelu(draw, net, name):
    input = any_tensor(draw, net)
    shape = net.tensors[input].shape
    codes = net.codes(*draw(st.sampled_from([shape, shape[2:]])))
    scale, zero_point = draw(SCALES), draw(ZERO_POINTS)
    operator = Prelu(name=name, inputs=[input], codes=codes, scale=scale, constant_zero_point=zero_point)
    return net.add(operator, draw(SCALES), draw(ZERO_POINTS))


def reduce(draw, net, name):
    input = any_tensor(draw, net)
    tensor, what = net.tensors[input], draw(st.sampled_from(["sum", "mean", "max", "min"]))
    axes = tuple(sorted(draw(st.sets(st.integers(0, 2), min_size=1))))
    coding = (draw(SCALES), draw(ZERO_POINTS)) if what in ("sum", "mean") else (tensor.scale, tensor.zero_point)
    return net.add(Reduce(name=name, inputs=[input], what=what, axes=axes), *coding)


def normalize(draw, net, name):
    return net.add(Normalize(name=name, inputs=[any_tensor(draw, net)]), 2.0**-7)


def rearrange(draw, net, name):
    """Slices and mirrors along each axis, then a transpose, then perhaps all of it reshaped."""
    input = any_tensor(draw, net)
    tensor = net.tensors[input]
    places = np.arange(tensor.size).reshape(tensor.shape)
    for axis, size in enumerate(tensor.shape):
        begin, step = draw(st.integers(0, size - 1)), draw(st.sampled_from([1, 1, 2, -1]))
        places = places.take(range(begin, -1, -1) if step < 0 else range(begin, size, step), axis)
    places = places.transpose(draw(st.permutations(range(3))))
    sizes = list(places.shape)
    steps = [int(places.take(1, i).flat[0] - places.flat[0]) if n > 1 else 0 for i, n in enumerate(sizes)]
    shape = draw(st.sampled_from([tuple(sizes), (1, sizes[0] * sizes[1], sizes[2]), (places.size, 1, 1)]))
    first = int(places.flat[0])
    loops = Rearrange(name=name, inputs=[input], shape=shape, sizes=tuple(sizes), steps=tuple(steps), first=first)
    return net.add(loops, tensor.scale, tensor.zero_point)


def join(draw, net, name):
    first, axis = net.tensors[any_tensor(draw, net)], draw(st.integers(0, 1))
    joinable = [
        tensor.name
        for tensor in _readable(net)
        if (tensor.shape[1 - axis], tensor.channels, tensor.scale, tensor.zero_point)
        == (first.shape[1 - axis], first.channels, first.scale, first.zero_point)
    ]
    inputs = draw(st.lists(st.sampled_from(joinable), min_size=1, max_size=3, unique=True))
    return net.add(Join(name=name, inputs=inputs, axis=axis), first.scale, first.zero_point)


def softmax(draw, net, name):
    beta = draw(st.sampled_from([1.0, 0.125, 3.0, 50.0]))
    return net.add(Softmax(name=name, inputs=[any_tensor(draw, net)], beta=beta), 2.0**-8, -128)


def log_softmax(draw, net, name):
    return net.add(LogSoftmax(name=name, inputs=[any_tensor(draw, net)]), 2.0**-4, 127)


def lookup(draw, net, name):
    table = net.random.integers(-128, 128, 256).astype(np.int8)
    return net.add(Lookup(name=name, inputs=[any_tensor(draw, net)], table=table), draw(SCALES), draw(ZERO_POINTS))


def wire(draw, net, name):
    first = net.tensors[any_tensor(draw, net)]
    joinable = [
        tensor
        for tensor in _readable(net)
        if (tensor.shape[:2], tensor.scale, tensor.zero_point) == (first.shape[:2], first.scale, first.zero_point)
    ]
    inputs = draw(st.lists(st.sampled_from(joinable), min_size=1, max_size=3, unique=True))
    every = [(i, channel) for i, tensor in enumerate(inputs) for channel in range(tensor.channels)]
    kind = draw(st.sampled_from(["all", "part", "shuffled", "any"]))
    begin = draw(st.integers(0, len(every) - 1))
    sources = {
        "all": every,
        "part": every[begin:],
        "shuffled": every[::2] + every[1::2],
        "any": draw(st.lists(st.sampled_from(every), min_size=1, max_size=24)),
    }
    return net.wire(name, [tensor.name for tensor in inputs], sources[kind])


STEPS = [
    convolution,
    depthwise,
    fully_connected,
    channel_scale,
    add,
    multiply,
    mat_mul,
    average_pool,
    max_pool,
    mean,
    pad,
    resize,
    subtract,
    square_difference,
    extreme,
    with_constants,
    remembered,
    lstm,
    svdf,
    prelu,
    reduce,
    normalize,
    rearrange,
    join,
    lookup,
    softmax,
    log_softmax,
    wire,
    wire,
]
