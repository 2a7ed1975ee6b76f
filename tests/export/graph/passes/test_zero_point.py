"""A convolution with the zero point of its input in the bias makes the same map."""

from dataclasses import replace

import numpy as np
import pytest

from export.graph import golden
from export.graph.passes import zero_point
from tests.support.networks.graphs import Builder


def with_zero_point_folded(graph):
    """The same network for an image of the same codes, whose zero point is 0."""
    (operator,) = graph.operators
    image = replace(graph.tensor("image"), zero_point=0)
    return replace(
        graph,
        tensors=[image if tensor.name == "image" else tensor for tensor in graph.tensors],
        operators=[replace(operator, bias=zero_point.bias(operator, graph))],
    )


def convolved(kind, code, **options):
    net = Builder(5)
    net.input((6, 7, 4), zero_point=code)
    arguments = ("made", "image", 3, 3) if kind == "convolution" else ("made", "image", 3)
    getattr(net, kind)(*arguments, **options)
    return net.graph("made")


@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
@pytest.mark.parametrize("code", [-128, -1, 127])
def test_the_map_is_the_same(kind, code):
    graph = convolved(kind, code, padding="valid")
    assert zero_point.is_folded(graph.operator("made"), graph)
    image = np.random.default_rng(0).integers(-128, 128, (2, 6, 7, 4), np.int8)
    folded = golden.run(with_zero_point_folded(graph), image, ["made"])["made"]
    np.testing.assert_array_equal(golden.run(graph, image, ["made"])["made"], folded)


@pytest.mark.parametrize("code, padding", [(0, "valid"), (5, "same")])
def test_padding_and_a_zero_point_of_0_leave_the_bias_alone(code, padding):
    graph = convolved("convolution", code, padding=padding)
    operator = graph.operator("made")
    assert not zero_point.is_folded(operator, graph)
    np.testing.assert_array_equal(zero_point.bias(operator, graph), operator.bias)
