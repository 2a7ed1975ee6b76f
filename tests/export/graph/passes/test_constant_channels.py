"""Channels that never change: what is said of them holds for any image, and without them nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import Convolution, DepthwiseConv2D
from export.graph.passes.constant_channels import channel_bounds, channels_of, for_channels, trim
from export.network import Network
from export.streaming import line_model
from tests.support.networks.graphs import Builder
from tests.support.networks.random_graphs import random_graphs


def with_still_channels(graph, random):
    """The graph with convolutions some of whose channels have no weights, or a bias that the clamp always cuts."""

    def stilled(operator):
        if not isinstance(operator, Convolution):
            return operator
        bias, codes, channels = operator.bias.copy(), operator.codes.copy(), len(operator.bias)
        without_weights, clamped = random.random((2, channels)) < 0.4
        codes[(..., without_weights) if isinstance(operator, DepthwiseConv2D) else without_weights] = 0
        bias[clamped] = -(2**28)
        return replace(operator, bias=bias, codes=codes)

    return replace(graph, operators=tuple(map(stilled, graph.operators)))


still_graphs = st.builds(
    lambda graph, seed: with_still_channels(graph, np.random.default_rng(seed)), random_graphs(), st.integers(0, 99)
)


@settings(max_examples=80)
@given(still_graphs)
def test_no_channel_leaves_its_bounds(graph):
    bounds, values = channel_bounds(graph), golden.run(graph, random_inputs(graph, 3))
    for name, (low, high) in bounds.items():
        assert low.dtype == high.dtype == np.int8
        assert (values[name] >= low).all() and (values[name] <= high).all(), name


@settings(max_examples=80)
@given(still_graphs)
def test_a_trimmed_graph_computes_the_same_codes_at_every_tensor(graph):
    trimmed, inputs = trim(graph), random_inputs(graph, 3)
    filled, expected = trimmed.filled_in(graph, golden.run(trimmed.graph, inputs)), golden.run(graph, inputs)
    assert filled.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(filled[name], values, err_msg=name)
    assert trimmed.graph.outputs == graph.outputs and trim(trimmed.graph).graph.macs() == trimmed.graph.macs()


@pytest.fixture
def net():
    """Of a depthwise convolution's four channels, two are constant: 0, and another code."""
    net = Builder(1)
    image = net.input((8, 8, 3))
    first = net.convolution("first", image, 4)
    second = net.depthwise("second", first, padding="valid")
    third = net.convolution("third", second, 5)
    last = net.convolution("last", third, 2, relu=False)
    graph = net.graph(last)
    operators = {operator.name: operator for operator in graph.operators}
    codes, bias = operators["second"].codes.copy(), operators["second"].bias.copy()
    codes[..., 1:3], bias[1], bias[2] = 0, -9999, 900
    operators["second"] = replace(operators["second"], codes=codes, bias=bias)
    return replace(graph, operators=tuple(operators.values()))


def test_what_is_constant_goes_from_the_layers_around_and_into_the_bias_of_the_next(net):
    values = golden.run(net, random_inputs(net, 50))
    constant = values["second"].min(axis=(0, 1, 2)) == values["second"].max(axis=(0, 1, 2))
    assert constant.tolist() == [False, True, True, False] and values["second"][0, 0, 0, 2] > 0
    trimmed = trim(net)
    # The first layer's channels change, so they are computed and can be looked at.
    assert trimmed.kept["first"].all() and trimmed.kept["second"].all()
    still = replace(net.operator("first"), bias=np.array([0, -(2**28), -(2**28), 0], np.int32))
    net = replace(net, operators=(still, *net.operators[1:]))
    trimmed = trim(net)
    assert trimmed.kept["first"].tolist() == trimmed.kept["second"].tolist() == (~constant).tolist()
    assert trimmed.graph.operator("third").codes.shape == (5, 1, 1, 2)
    assert (trimmed.graph.operator("third").bias != net.operator("third").bias).any()
    assert str(trimmed) == "4 of 18 channels never change and are left out"


def test_a_constant_that_is_padded_with_another_code_stays():
    net = Builder(1)
    first = net.convolution("first", net.input((8, 8, 3)), 2)
    graph = net.graph(net.convolution("second", first, 3, kernel=3, padding="same", relu=False))
    codes, bias = graph.operator("first").codes.copy(), np.array([50_000, 0], np.int32)
    codes[0] = 0
    still = replace(graph.operator("first"), codes=codes, bias=bias)
    trimmed = trim(replace(graph, operators=(still, graph.operators[1])))
    low, high = channel_bounds(replace(graph, operators=(still, graph.operators[1])))["first"]
    assert low[0] == high[0] > 0 and trimmed.kept["first"].all()


def test_a_frozen_core_keeps_all_its_channels_and_other_words_are_refused(net):
    frozen = replace(net, operators=(replace(net.operators[0], frozen=True), *net.operators[1:]))
    assert channels_of(for_channels(net, "changing")) == "changing"
    assert channels_of(for_channels(frozen, "changing")) == channels_of(for_channels(net, "all")) == "all"
    with pytest.raises(ValueError, match="--channels is 'some'; expected one of all, changing"):
        for_channels(net, "some")


@settings(max_examples=30)
@given(still_graphs)
def test_the_plan_of_a_marked_network_gives_the_tensors_of_the_whole(graph):
    network, inputs = Network(for_channels(graph, "changing")), random_inputs(graph, 1)
    if len(graph.inputs) > 1:
        return
    own, expected = (
        network.own_tensors(line_model.run(network.plan, inputs[graph.inputs[0]])),
        golden.run(graph, inputs),
    )
    assert set(graph.outputs) <= own.keys()
    for name, values in own.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
