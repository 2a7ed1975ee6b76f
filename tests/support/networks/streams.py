"""Random graphs for line plans: one input, paths of different length that meet again, windows with every padding."""

from hypothesis import strategies as st

from export.graph.operators import Add, AveragePool, ChannelScale
from tests.support.networks.graphs import Builder
from tests.support.networks.random_graphs import SCALES, STEPS, ZERO_POINTS, any_tensor


@st.composite
def random_streams(draw):
    """Small nets of one input and one to three outputs."""
    net = Builder(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 16), st.integers(1, 6), st.integers(1, 4)))
    net.input(shape, draw(SCALES), draw(ZERO_POINTS))
    steps = draw(st.lists(st.sampled_from(STEPS + MORE_STEPS), min_size=2, max_size=8))
    made = [step(draw, net, f"layer{i}.{step.__name__}") for i, step in enumerate(steps)]
    return net.graph(*sorted({made[-1]} | draw(st.sets(st.sampled_from(made), max_size=2))))


def meeting(draw, net, name):
    """Two paths of different delay from one tensor, which meet again value by value or as channels side by side."""
    ends = [any_tensor(draw, net)] * 2
    for i, side in enumerate(("left", "right")):
        for step in range(draw(st.integers(0, 3))):
            ends[i] = net.depthwise(f"{name}.{side}{step}", ends[i], draw(st.sampled_from([1, 3, 5])))
    if draw(st.booleans()):
        return net.add(Add(name=name, inputs=ends), 2.0**-3)
    for i, end in enumerate(ends):
        scaled = ChannelScale(name=f"{name}.scaled{i}", inputs=[end], codes=net.codes(net.channels(end)), scale=2.0**-7)
        ends[i] = net.add(scaled, 2.0**-4)
    return net.shuffle(name, *ends)


def dilated(draw, net, name):
    """A depthwise convolution whose taps lie far apart, on padding at times; any stride."""
    input = any_tensor(draw, net)
    height, width, _ = net.tensors[input].shape
    taps, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    extent = (taps - 1) * dilation + 1
    pads = draw(st.tuples(*[st.tuples(*[st.integers(0, extent - 1)] * 2)] * 2))
    if any(size + sum(pad) < extent for size, pad in zip((height, width), pads)):
        pads = "same"
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return net.depthwise(name, input, taps, padding=pads, dilations=(dilation, dilation), strides=strides)


def whole_pool(draw, net, name):
    """An average over all of a map: a running sum."""
    input = any_tensor(draw, net)
    tensor = net.tensors[input]
    operator = AveragePool(name=name, inputs=[input], window=tensor.shape[:2], minimum=draw(st.integers(-128, 0)))
    return net.add(operator, tensor.scale, tensor.zero_point)


MORE_STEPS = [meeting, meeting, meeting, dilated, dilated, whole_pool]
