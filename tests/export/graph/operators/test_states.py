"""States: a network that keeps rows from one call to the next is the network of the whole signal, frame by frame."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph import golden, graph_file
from export.graph.graph import Graph
from export.graph.operators import Conv2D, Join, ReadState, Rearrange, WriteState
from export.graph.passes.resize import resize
from export.graph.tensor import GraphError, Tensor
from export.streaming import line_model, line_plan
from tests.support.networks.graphs import Builder

ZERO_POINT = 5


def streaming(frame, kernel, channels=3, seed=0) -> Graph:
    """A convolution of all frames, of which each call gives one; a state keeps the kernel - 1 rows before it."""
    net = Builder(seed)
    net.input((frame, 1, channels), zero_point=ZERO_POINT)
    scale, kept = 2.0**-7, kernel - 1
    net.add(
        ReadState(name="before", inputs=["image"], shape=(kept, 1, channels), initial=ZERO_POINT), scale, ZERO_POINT
    )
    net.add(Join(name="rows", inputs=["before", "image"], axis=0), scale, ZERO_POINT)
    last = {"sizes": (kept * channels,), "steps": (1,), "first": frame * channels}
    net.add(Rearrange(name="last", inputs=["rows"], shape=(kept, 1, channels), **last), scale, ZERO_POINT)
    net.add(WriteState(name="kept", inputs=["last", "before"]), scale, ZERO_POINT)
    constants = {"scales": np.full(4, 2.0**-7, np.float32), "bias": np.arange(4, dtype=np.int32), "frozen": False}
    net.add(Conv2D(name="sums", inputs=["rows"], codes=net.codes(4, kernel, 1, channels), **constants), 2.0**-4)
    return net.graph("sums")


def of_the_whole(graph: Graph, rows: int) -> Graph:
    """The same convolution, on a map of so many rows."""
    (convolution,) = (operator for operator in graph.operators if operator.name == "sums")
    image = replace(graph.tensor("image"), shape=(rows, 1, graph.tensor("image").channels))
    (height, _), padding = convolution.kernel, convolution.kernel[0] - 1
    sums = replace(graph.tensor("sums"), shape=(rows + padding - height + 1, 1, 4))
    whole = replace(convolution, inputs=("image",), padding=((padding, 0), (0, 0)))
    return Graph("whole", ("image",), ("sums",), (image, sums), (whole,))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(2, 5), st.integers(1, 6), st.integers(0, 9))
def test_frames_give_what_the_whole_signal_gives(frame, kernel, count, seed):
    graph = streaming(frame, kernel, seed=seed)
    frames = golden.random_inputs(graph, count, seed)["image"]
    signal = frames.reshape(1, count * frame, 1, -1)
    expected = golden.run(of_the_whole(graph, count * frame), signal)["sums"].reshape(count, frame, 1, 4)
    np.testing.assert_array_equal(golden.run(graph, frames)["sums"], expected)
    np.testing.assert_array_equal(line_model.run(line_plan.plan(graph), frames)["sums"], expected)


def test_a_reset_forgets_all_images_and_the_start_of_an_image_does_not():
    graph = streaming(2, 4)
    frames, stream = golden.random_inputs(graph, 3)["image"], line_model.Stream(line_plan.plan(graph))

    def images():
        return [[row.tobytes() for image_row in image for _, _, row in stream.push_row(image_row)] for image in frames]

    first, second = images(), images()
    assert first != second
    stream.reset()
    assert images() == first


def test_the_plan_counts_states():
    plan = line_plan.plan(streaming(2, 4))
    assert plan.states == 3 * 4  # rows of 3 channels, each in a word
    assert f"{plan.states} in states" in str(plan)


def test_the_file_of_a_graph_has_its_states():
    graph = streaming(2, 4)
    assert graph_file.from_bytes(graph_file.to_bytes(graph)).states[0].initial == ZERO_POINT


def test_a_network_with_states_has_one_size():
    with pytest.raises(GraphError, match="before: it is made for one size"):
        resize(streaming(2, 4), (4, 1))


@pytest.mark.parametrize("state", ["last", "image"])
def test_only_a_read_state_can_be_written(state):
    graph = streaming(3, 4)
    operators = [
        replace(each, inputs=("last", state)) if isinstance(each, WriteState) else each for each in graph.operators
    ]
    with pytest.raises(GraphError, match=f"{state}: a WriteState keeps it, so it must be a ReadState"):
        replace(graph, operators=operators)


def test_a_state_is_written_once():
    graph = streaming(2, 4)
    again = WriteState(name="again", inputs=["last", "before"])
    tensor = Tensor("again", (3, 1, 3), 2.0**-7, ZERO_POINT)
    with pytest.raises(GraphError, match="before: a WriteState keeps it, so it must be a ReadState, and kept once"):
        replace(graph, operators=(*graph.operators, again), tensors=(*graph.tensors, tensor))
