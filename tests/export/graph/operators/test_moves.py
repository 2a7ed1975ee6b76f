"""Maps in another size: equal in golden, TensorFlow's interpreters, the line plan and C."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import Resize
from export.graph.tensor import GraphError
from export.network import Network
from export.proof.proof import Proof
from tests.support.networks.graphs import Builder

WAYS = {"plain": {}, "corners": {"align_corners": True}, "centers": {"half_pixel_centers": True}}


def resizing(shape, *steps, scale=2.0**-4, zero_point=0):
    """A graph of one Resize after the other: steps are (size, method, way)."""
    net, name = Builder(0), "image"
    net.input(shape, scale, zero_point)
    for i, (size, method, way) in enumerate(steps):
        name = net.add(
            Resize(name=f"resize{i}", inputs=[name], size=size, method=method, **WAYS[way]), scale, zero_point
        )
    return net.graph(name)


STEP = st.tuples(
    st.tuples(*[st.integers(1, 20)] * 2), st.sampled_from(["bilinear", "nearest"]), st.sampled_from([*WAYS])
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.tuples(*[st.integers(1, 13)] * 2, st.integers(1, 3)), STEP, STEP)
def test_resized_maps_are_equal_everywhere(shape, first, second):
    try:
        graph = resizing(shape, first, second)
    except GraphError as error:
        assert "reads beyond the map in TFLite" in str(error)
        return
    result = Proof(Network(graph), few=2, on=["tflite-ref", "tflm", "stream"]).verify(random_inputs(graph, 2))
    assert result.passed, str(result)


@pytest.mark.compiler
def test_resized_maps_are_equal_in_c():
    sizes = (11, 6), (7, 13), (3, 20), (9, 4), (5, 9), (3, 4)
    steps = zip(sizes, ["bilinear", "nearest"] * 3, [*WAYS, *WAYS])
    graph = resizing((6, 5, 3), *steps, scale=0.109375, zero_point=-7)
    result = Proof(Network(graph), few=2, on=["stream", "c-gcc-O0"]).verify(random_inputs(graph, 4))
    assert result.passed, str(result)


def test_halves_are_rounded_away_from_zero():
    graph = resizing((1, 2, 1), ((1, 4), "bilinear", "plain"))
    codes = [
        golden.run(graph, np.array([[[[low], [high]]]], np.int8))["resize0"].ravel().tolist() for low, high in HALVES
    ]
    assert codes == [[0, 1, 1, 1], [0, -1, -1, -1], [-3, -3, -2, -2]]


HALVES = (0, 1), (0, -1), (-3, -2)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"size": (0, 3)}, "size is (0, 3); it must be (height, width) of a map"),
        ({"size": (2**40, 3)}, "size is (1099511627776, 3); it must be"),
        ({"size": (2, 3), "method": "cubic"}, "method is 'cubic'; expected bilinear or nearest"),
        ({"size": (2, 3), **WAYS["corners"], **WAYS["centers"]}, "it cannot both align corners and have half pixel"),
        ({"size": (4000, 3)}, "resizing 3 to 4000 reads beyond the map in TFLite"),
    ],
)
def test_a_resize_that_cannot_be_is_refused(fields, message):
    net = Builder(0)
    net.input((3, 3, 2))
    with pytest.raises(GraphError, match=re.escape(message)):
        net.add(Resize(name="resize", inputs=["image"], **fields), 2.0**-4)
