"""The same weights on another size: as if the network had been built for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph import golden, graph_file
from export.graph.golden import random_inputs
from export.graph.passes.resize import parse_size, resize
from export.graph.tensor import GraphError
from tests.support.networks.graphs import Builder, semifreddo

CHANNELS = (8, 16, 16, 16, 32)


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6))
def test_a_resized_network_is_the_network_built_for_that_size(rows, columns):
    size = 16 * rows, 16 * columns
    resized = resize(semifreddo(channels=CHANNELS), size)
    assert graph_file.to_bytes(resized) == graph_file.to_bytes(semifreddo(size, channels=CHANNELS))


def test_there_and_back_is_the_same_graph():
    graph = semifreddo((48, 64), channels=CHANNELS)
    assert graph_file.to_bytes(resize(resize(graph, (80, 32)), (48, 64))) == graph_file.to_bytes(graph)


def test_a_map_under_a_window_does_not_see_the_rest():
    net = Builder()
    graph = net.graph(net.convolution("head", net.input((9, 9, 3)), 4, kernel=3, padding="valid"))
    large = resize(graph, (20, 30))
    image = random_inputs(large, 1)["image"]
    part = golden.run(graph, image[:, 4:13, 7:16], ["head"])["head"]
    np.testing.assert_array_equal(golden.run(large, image, ["head"])["head"][:, 4:11, 7:14], part)


def test_what_cannot_be_resized_is_named():
    net = Builder()
    graph = net.graph(net.convolution("head", net.input((9, 9, 3)), 4, kernel=5, padding="valid"))
    with pytest.raises(GraphError, match=r"head: window \(5, 5\) does not fit into its input \(4, 8\)"):
        resize(graph, (4, 8))


@pytest.mark.parametrize("size", [(9, 9), (1, 1)])
@pytest.mark.parametrize("one_scale", [False, True])
def test_a_dense_layer_fits_one_size_whatever_its_scales(size, one_scale):
    net = Builder()
    image = net.input((*size, 3))
    kept = net.convolution("each_pixel", image, 4, kernel=1, padding="valid")
    graph = net.graph(net.convolution("head", kept, 4, kernel=size[0], padding="valid"))
    *others, head = graph.operators
    scales = np.full(4, head.scales[0]) if one_scale else head.scales
    head = replace(head, dense=True, fully_connected=one_scale, scales=scales)
    graph = replace(graph, operators=(*others, head))
    assert resize(graph, size).tensor("head").shape == (1, 1, 4)
    with pytest.raises(
        GraphError, match="head: it is a dense layer of a map of .x.; its input is 10x12, and it fits no"
    ):
        resize(graph, (10, 12))


@pytest.mark.parametrize("text", ["480", "480x", "x640", "0x640", "480x640x3", "-1x2", "480 x 640"])
def test_a_size_that_is_none(text):
    with pytest.raises(ValueError, match="it must be HEIGHTxWIDTH, for example 480x640"):
        parse_size(text)


def test_a_size():
    assert parse_size("480x640") == (480, 640)
