"""The streaming-line model: golden's numbers with only the planned memory, every row once, in the planned lines."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import AveragePool
from export.streaming import line_plan
from export.streaming.line_model import Stream, run
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams

CHANNELS = (8, 16, 32, 32, 64)
random_graphs = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def image_of(graph, seed=0):
    return random_inputs(graph, 1, seed)[graph.inputs[0]][0]


def vectors(graph):
    """The outputs of one row, which stay in memory after the image."""
    return [name for name in graph.outputs if graph.tensor(name).shape[0] == 1]


def assert_equals_golden(graph, images=2):
    inputs = random_inputs(graph, images)[graph.inputs[0]]
    expected, streamed = golden.run(graph, inputs), run(line_plan.plan(graph), inputs)
    assert set(streamed) == {operator.output for operator in line_plan.composed(graph).operators}
    for name, values in streamed.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


class Timed(Stream):
    """A stream that writes down what it makes in each line, as (tensor, row)."""

    def start(self):
        super().start()
        self.lines = []

    def _line(self):
        rows = list(super()._line())
        self.lines.append([(name, y) for name, y, _ in rows])
        return rows


def push(stream, image):
    for row in image:
        stream.push_row(row)


# --- Numbers ----------------------------------------------------------------------------------------------------------


@random_graphs
@given(random_streams())
def test_every_tensor_equals_golden(graph):
    assert_equals_golden(graph)


@pytest.mark.parametrize("size", [(32, 48), pytest.param((96, 64), marks=pytest.mark.thorough)])
def test_every_tensor_of_a_semifreddonet_equals_golden(size):
    assert_equals_golden(semifreddo(size, CHANNELS))


@random_graphs
@given(random_streams())
def test_output_vectors_stay_after_the_image(graph):
    stream, image = Stream(line_plan.plan(graph)), image_of(graph)
    push(stream, image)
    expected = golden.run(graph, image[None])
    for name in vectors(graph):
        np.testing.assert_array_equal(stream.output(name), expected[name][0, 0])


# --- Time -------------------------------------------------------------------------------------------------------------


@random_graphs
@given(random_streams())
def test_every_row_is_made_once_in_the_planned_lines(graph):
    plan = line_plan.plan(graph)
    stream = Timed(plan)
    push(stream, image_of(graph))
    made = Counter(row for line in stream.lines for row in line)
    tensors = [graph.tensor(operator.output) for operator in plan.graph.operators]
    assert made == {(tensor.name, y): 1 for tensor in tensors for y in range(tensor.shape[0])}
    assert len(stream.lines) == plan.lines
    for stage in plan.stages:
        name = stage.operator.output
        at_work = [i for i, line in enumerate(stream.lines) if any(tensor == name for tensor, _ in line)]
        assert (at_work[0], at_work[-1]) == (stage.first_line, stage.last_line)


# --- Memory -----------------------------------------------------------------------------------------------------------


def assert_needs_all_kept_rows(plan, part=""):
    """With any one row less, a row is missing when it is read: by a later stage, or by who wants the output vector."""
    image = image_of(plan.graph)
    for name, buffer in plan.buffers.items():
        if buffer.rows and part in name:
            smaller = {**plan.buffers, name: replace(buffer, rows=buffer.rows - 1)}
            stream = Stream(replace(plan, buffers=smaller))
            with pytest.raises(LookupError, match=re.escape(name)):
                push(stream, image)
                for output in vectors(plan.graph):
                    stream.output(output)


@random_graphs
@given(random_streams())
def test_no_buffer_can_be_smaller(graph):
    assert_needs_all_kept_rows(line_plan.plan(graph))


def test_no_buffer_of_a_semifreddo_module_can_be_smaller():
    assert_needs_all_kept_rows(line_plan.plan(semifreddo((32, 48), (8, 8, 8, 8, 8))), part="stage2")


def test_newest_rows_lie_in_one_shared_array_at_their_places():
    plan = line_plan.plan(semifreddo((32, 32), CHANNELS))
    stream = Stream(plan)
    assert stream.shared.shape == (plan.shared,)
    for name, buffer in plan.buffers.items():
        stream.rows[name].newest[...] = 1
        place = [] if buffer.place is None else range(buffer.place, buffer.place + buffer.row_bytes)
        np.testing.assert_array_equal(np.flatnonzero(stream.shared), place)
        stream.rows[name].newest[...] = 0


def test_a_row_that_is_overwritten_while_it_is_in_use_changes_the_result():
    graph = semifreddo((32, 32), CHANNELS)
    plan = line_plan.plan(graph)
    elsewhere = {name: replace(buffer, place=0) for name, buffer in plan.buffers.items() if buffer.place is not None}
    image = image_of(graph)[None]
    wrong = run(replace(plan, buffers={**plan.buffers, **elsewhere}), image)
    assert any(np.any(wrong[name] != values) for name, values in run(plan, image).items())


# --- Use --------------------------------------------------------------------------------------------------------------


def small_net():
    net = Builder()
    net.input((6, 4, 2))
    net.depthwise("depthwise", "image")
    net.add(AveragePool(name="pool", inputs=["depthwise"], window=(6, 4)), net.tensors["depthwise"].scale)
    return net.graph("pool")


def test_an_image_that_was_broken_off_leaves_no_trace():
    graph = small_net()
    stream, image = Stream(line_plan.plan(graph)), image_of(graph)
    push(stream, image)
    expected = stream.output("pool").copy()
    push(stream, image_of(graph, seed=1)[:4])
    stream.start()
    push(stream, image)
    np.testing.assert_array_equal(stream.output("pool"), expected)


def test_a_row_that_does_not_fit_is_refused():
    stream = Stream(line_plan.plan(small_net()))
    with pytest.raises(ValueError, match=re.escape("the row is float64 (4, 2); it must be int8 (4, 2)")):
        stream.push_row(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=re.escape("the row is int8 (3, 2); it must be int8 (4, 2)")):
        stream.push_row(np.zeros((3, 2), np.int8))
