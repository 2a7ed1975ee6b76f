"""Channel orders: Wires of Wires become one, and orders that make them few runs."""

import numpy as np

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import Wire
from export.graph.wires import compose_wires
from export.tflite.writing.channel_orders import choose_orders, runs_of
from tests.support.networks.graphs import Builder, semifreddo


def test_composition_computes_the_same_with_fewer_wires():
    graph = semifreddo()
    composed = compose_wires(graph)
    inputs = random_inputs(graph, 2)
    before, after = golden.run(graph, inputs), golden.run(composed, inputs)
    assert after.keys() < before.keys()
    for name, value in after.items():
        np.testing.assert_array_equal(value, before[name])


def test_wires_that_change_nothing_or_are_alike_disappear():
    net = Builder()
    x = net.convolution("stem", net.input((2, 2, 3)), 8)
    halves = [net.part("low", x, 0, 4), net.part("high", x, 4, 8)]
    whole = net.concat("whole", *halves)
    first, again = net.part("first", x, 2, 6), net.part("again", whole, 2, 6)
    outputs = [net.depthwise(f"on.{name}", name) for name in (whole, first, again)]
    composed = compose_wires(net.graph(*outputs))
    assert [operator.name for operator in composed.operators if isinstance(operator, Wire)] == ["first"]
    assert [composed.operator(name).inputs for name in outputs] == [("stem",), ("first",), ("first",)]


def test_orders_are_permutations_and_one_for_all_that_a_channel_wise_operator_ties():
    graph, orders = choose_orders(compose_wires(semifreddo()))
    for tensor in graph.tensors:
        np.testing.assert_array_equal(np.sort(orders[tensor.name]), np.arange(tensor.channels))
    for operator in graph.operators:
        if type(operator).__name__ in ("DepthwiseConv2D", "ChannelScale", "Add", "AveragePool", "Lookup"):
            for name in operator.inputs:
                np.testing.assert_array_equal(orders[name], orders[operator.output])


def test_the_wires_of_a_semifreddo_net_are_few_runs():
    graph, orders = choose_orders(compose_wires(semifreddo()))
    runs = {operator.name: len(runs_of(operator, orders)) for operator in graph.operators if isinstance(operator, Wire)}
    assert max(runs.values()) <= 19
    assert sum(runs.values()) <= 160, runs
