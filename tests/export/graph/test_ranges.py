"""How wide numbers can become: nothing leaves its range, and frozen codes reach theirs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from export.graph import golden, ranges
from export.graph.golden import random_inputs
from export.graph.operators import AveragePool, Mean, Pad
from tests.support.networks.graphs import Builder
from tests.support.networks.streams import random_streams


def sums(graph, name):
    return ranges.sum_range(graph.operator(name), graph, ranges.code_ranges(graph))


@pytest.mark.parametrize(
    "range, width", [((0, 0), 1), ((-1, 0), 1), ((0, 1), 2), ((-128, 127), 8), ((-129, 0), 9), ((0, 128), 9)]
)
def test_width_in_twos_complement(range, width):
    assert ranges.width(range) == width


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_streams())
def test_no_code_leaves_its_range(graph):
    found = ranges.code_ranges(graph)
    for name, values in golden.run(graph, random_inputs(graph, 4)).items():
        low, high = found[name]
        assert low <= values.min() and values.max() <= high, name


def extremes_of_sums(operator, zero_point, low, high):
    """Least and largest sum of any channel, from the inputs that bring each channel there."""
    codes = operator.codes.astype(int)
    codes = codes.reshape(len(codes), -1) if codes.ndim == 4 else codes.reshape(-1, codes.shape[-1]).T
    worst = np.where(codes < 0, high, low), np.where(codes > 0, high, low)
    least, largest = (((inputs - zero_point) * codes).sum(axis=1) for inputs in worst)
    return least.min(), largest.max()


@pytest.mark.parametrize("padding, zero_point", [("same", -20), ("valid", 0)])  # without padding it is in the bias
@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_frozen_codes_reach_their_range(kind, padding, zero_point):
    net = Builder(3)
    net.input((6, 6, 8), zero_point=-20)
    arguments = ("frozen", "image", 4, 3) if kind == "convolution" else ("frozen", "image", 3)
    getattr(net, kind)(*arguments, frozen=True, padding=padding)
    graph = net.graph("frozen")
    assert sums(graph, "frozen") == extremes_of_sums(graph.operator("frozen"), zero_point, -128, 127)


def test_a_clamp_narrows_what_follows():
    net = Builder()
    net.input((6, 6, 4))
    net.convolution("relu", "image", 4)
    net.convolution("frozen", "relu", 4, frozen=True)
    graph = net.graph("frozen")
    assert ranges.code_ranges(graph)["relu"] == (0, 127)
    assert sums(graph, "frozen") == extremes_of_sums(graph.operator("frozen"), 0, 0, 127)


def test_codes_that_a_task_sets_may_be_any():
    net = Builder()
    net.input((6, 6, 4), zero_point=-128)
    net.convolution("conv", "image", 2, 3, padding="same")
    net.depthwise("depthwise", "image", 3, padding="same")
    graph = net.graph("conv", "depthwise")
    assert sums(graph, "conv") == (36 * 255 * -128, 36 * 255 * 127)
    assert sums(graph, "depthwise") == (9 * 255 * -128, 9 * 255 * 127)


def test_pools_add_up_codes():
    net = Builder()
    net.input((6, 5, 4), 2.0**-5)
    net.add(AveragePool(name="pool", inputs=["image"], window=(2, 3), minimum=10, maximum=20), 2.0**-5)
    net.add(Pad(name="padded", inputs=["pool"], padding=((1, 0), (0, 0), (0, 0)), value=-3), 2.0**-5)
    net.add(Mean(name="mean", inputs=["padded"]), 2.0**-5)
    graph = net.graph("mean")
    assert sums(graph, "pool") == (6 * -128, 6 * 127)
    assert ranges.code_ranges(graph)["padded"] == (-3, 20)
    assert sums(graph, "mean") == (18 * -3, 18 * 20)
    assert sums(graph, "padded") is None
