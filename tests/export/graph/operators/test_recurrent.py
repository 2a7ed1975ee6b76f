"""Recurrent operators: what they remember goes on from row to row and from call to call, and their curves are exact."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.c import project
from export.graph import golden, graph_file
from export.graph.arithmetic import curves
from export.graph.graph import Graph
from export.graph.tensor import GraphError
from export.streaming import line_model, line_plan
from tests.support.networks.graphs import Builder

INT16 = np.arange(-(2**15), 2**15)


def sequence(rows, channels=3, units=4, seed=0) -> Graph:
    """Two LSTMs, one after the other."""
    net = Builder(seed)
    net.input((rows, 1, channels), zero_point=5)
    net.lstm("first", "image", units, zero_point=-3, cell_clip=9000)
    net.lstm("second", "first", 2, cell_bits=13)
    return net.graph("second")


def filtered(seed=0) -> Graph:
    net = Builder(seed)
    net.input((1, 1, 5), zero_point=-20)
    return net.graph(net.svdf("values", "image", 3, rank=2, steps=4, zero_point=7))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 9))
def test_frames_give_what_the_whole_sequence_gives(frame, count, seed):
    graph, whole = (sequence(rows, seed=seed) for rows in (frame, frame * count))
    frames = golden.random_inputs(graph, count, seed)["image"]
    expected = golden.run(whole, frames.reshape(1, frame * count, 1, -1))["second"].reshape(count, frame, 1, 2)
    np.testing.assert_array_equal(golden.run(graph, frames)["second"], expected)
    np.testing.assert_array_equal(line_model.run(line_plan.plan(graph), frames)["second"], expected)


@pytest.mark.parametrize("graph", [sequence(3), filtered()], ids=["lstm", "svdf"])
def test_a_reset_forgets_and_nothing_else_does(graph):
    frames, stream = golden.random_inputs(graph, 3)["image"], line_model.Stream(line_plan.plan(graph))

    def images():
        return [[row.tobytes() for image_row in image for _, _, row in stream.push_row(image_row)] for image in frames]

    first, second = images(), images()
    assert first != second
    stream.reset()
    assert images() == first


def test_the_plan_keeps_no_rows_and_counts_memories():
    plan = line_plan.plan(sequence(6))
    assert [buffer.rows for name, buffer in plan.buffers.items() if name != "second"] == [0, 0]
    assert plan.states == (4 + 2 * 4) + (4 + 2 * 2)  # codes, in whole words, and cells of 16 bits
    assert line_plan.plan(filtered()).states == 2 * 3 * 2 * 4


def test_macs_are_those_of_all_steps():
    assert sequence(6).macs()["first"] == 6 * 4 * 4 * (3 + 4)
    assert filtered().macs()["values"] == 6 * 5 + 6 * 4


@pytest.mark.parametrize("graph", [sequence(2), filtered()], ids=["lstm", "svdf"])
def test_the_file_of_a_graph_has_all_of_it(graph):
    again = graph_file.from_bytes(graph_file.to_bytes(graph))
    frames = golden.random_inputs(graph, 4)["image"]
    for name, made in golden.run(graph, frames).items():
        np.testing.assert_array_equal(golden.run(again, frames)[name], made)


# --- Curves


def test_the_sigmoid_is_within_two_codes():
    np.testing.assert_allclose(curves.sigmoid(INT16) * 2.0**-15, 1 / (1 + np.exp(-INT16 * 2.0**-12)), atol=2 * 2.0**-15)


@pytest.mark.parametrize("bits", [8, 12, 13, 15, 20])
def test_the_tanh_is_near_and_odd(bits):
    made = curves.tanh(INT16, bits)
    np.testing.assert_allclose(made * 2.0**-15, np.tanh(INT16 * 2.0**-bits), atol=2.0**-11)
    np.testing.assert_allclose(made[1:], -made[1:][::-1], atol=4)


def test_the_table_in_c_is_that_of_python():
    source = next(path for path in project.library_files("kernels") if path.name == "sf_lstm_row.c").read_text()
    numbers = re.search(r"sigmoids\[256\] = \{(.*?)\}", source, re.DOTALL).group(1)
    assert [int(number) for number in re.findall(r"\d+", numbers)] == curves.TABLE.tolist()


# --- What is refused


@pytest.mark.parametrize(
    ("graph", "fields", "message"),
    [
        (sequence(2), {"cell_bits": 31}, "its cell has 31 fractional bits; expected -2 to 30"),
        (sequence(2), {"cell_clip": 40000}, "its cell is clipped at 40000; it is an int16"),
        (sequence(2), {"scales": np.zeros(4, np.float32)}, "scales are .*; they must be positive and finite"),
        (sequence(2), {"bias": np.zeros((4, 3), np.int32)}, r"bias is int32 \(4, 3\); it must be int32 \(4, 4\)"),
        (filtered(), {"bias": np.zeros(4, np.int32)}, "its tensor has shape"),
        (filtered(), {"time_codes": np.zeros((5, 4), np.int16)}, r"it must be int16 \(6, any\)"),
        (filtered(), {"memory_bits": 8}, "its time_codes do not fit into 8 bits"),
        (filtered(), {"memory_bits": 12}, "its memory has 12 bits; expected 8 or 16"),
        (filtered(), {"memory_scale": 0.0}, "they must be positive and finite"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_does_not_fit_is_refused(graph, fields, message):
    first, *others = graph.operators
    with pytest.raises(GraphError, match=message):
        replace(graph, operators=(replace(first, **fields), *others))


def test_a_row_of_several_pixels_is_refused():
    net = Builder()
    net.input((3, 2, 3))
    with pytest.raises(GraphError, match="a step is a row of one pixel; its input has rows of 2"):
        net.lstm("first", "image", 4)
