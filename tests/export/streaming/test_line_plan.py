"""The line plan: rows, lines and places by hand, by what is known of the paper's network, and for random graphs."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from export.graph.operators import Add, AveragePool, Join, Mean, Pad, Rearrange, Resize, Wire
from export.graph.tensor import GraphError
from export.streaming import line_plan
from export.streaming.line_plan import ALIGNMENT, SUM_BYTES
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams


@pytest.fixture(scope="module")
def vga():
    """The network of Table 1 at 640x480."""
    return line_plan.plan(semifreddo((480, 640)))


def kept(plan):
    return {name: buffer.rows for name, buffer in plan.buffers.items()}


def names(graph):
    return {operator.name for operator in graph.operators}


def made(plan):
    return {stage.operator.name: (stage.first_line, stage.last_line) for stage in plan.stages}


# --- By hand ----------------------------------------------------------------------------------------------------------


def test_a_window_keeps_one_row_less_than_it_is_high_and_starts_half_of_it_later():
    net = Builder()
    net.input((9, 5, 3))
    net.depthwise("three", "image", 3)
    net.depthwise("five", "three", 5)
    net.convolution("pointwise", "five", 4)
    plan = line_plan.plan(net.graph("pointwise"))
    assert kept(plan) == {"image": 2, "three": 4, "five": 0, "pointwise": 0}
    assert made(plan) == {"three": (1, 9), "five": (3, 11), "pointwise": (3, 11)}
    assert plan.lines == 12
    assert plan.buffers["image"].bytes == 2 * 16 and plan.buffers["three"].bytes == 4 * 16  # rows of 15, aligned


def test_paths_that_meet_again_keep_the_difference_of_their_delays():
    net = Builder()
    net.input((8, 4, 2))
    net.convolution("start", "image", 2)
    net.depthwise("second", net.depthwise("first", "start"))
    net.add(Add(name="sum", inputs=["start", "second"]), 2.0**-3)
    assert kept(line_plan.plan(net.graph("sum"))) == {"image": 0, "start": 2, "first": 2, "second": 0, "sum": 0}


def test_a_stride_keeps_no_row_that_its_window_has_left_behind():
    net = Builder()
    net.input((12, 12, 1))
    net.depthwise("two", "image", 2, strides=(2, 2), padding="valid")
    net.depthwise("three", "two", 1, strides=(3, 3), padding="valid")
    plan = line_plan.plan(net.graph("three"))
    assert kept(plan) == {"image": 1, "two": 0, "three": 0}
    assert made(plan) == {"two": (1, 11), "three": (1, 7)}


def test_pools_over_the_whole_map_keep_sums_instead_of_rows():
    net = Builder()
    net.input((8, 4, 5))
    net.convolution("maps", "image", 6)
    net.add(Mean(name="mean", inputs=["image"]), 2.0**-7)
    net.add(AveragePool(name="pool", inputs=["maps"], window=(8, 4)), net.tensors["maps"].scale)
    plan = line_plan.plan(net.graph("pool", "mean"))
    assert kept(plan) == {"image": 0, "maps": 0, "pool": 1, "mean": 1}  # both are vectors that the network gives
    assert plan.sums == SUM_BYTES * (5 + 6)
    assert made(plan)["pool"] == made(plan)["mean"] == (7, 7)


def test_rows_of_padding_above_delay_what_follows():
    net = Builder()
    net.input((4, 4, 1))
    net.add(Pad(name="padded", inputs=["image"], padding=((2, 1), (0, 0), (0, 0)), value=0), 2.0**-7)
    plan = line_plan.plan(net.graph("padded"))
    assert kept(plan) == {"image": 2, "padded": 0}
    assert made(plan) == {"padded": (0, 6)}


def test_a_network_that_leaves_the_last_rows_unread_still_takes_the_whole_image():
    net = Builder()
    net.input((8, 8, 1))
    net.depthwise("corner", "image", 3, strides=(8, 8), padding="valid")
    plan = line_plan.plan(net.graph("corner"))
    assert made(plan) == {"corner": (2, 2)} and plan.lines == 8


# --- The paper's network at 640x480: bytes worked out from Table 1 with pencil and paper ------------------------------


def kept_of(plan, pattern):
    return sum(buffer.bytes for name, buffer in plan.buffers.items() if re.fullmatch(pattern, name))


def test_windows_of_the_frozen_core_keep_two_rows_each(vga):
    stem, first, rest = 2 * 640 * 3, 2 * 320 * 32, 3 * (2 * 160 * 32)
    stage2, stage3, stage4 = 2 * 160 * 64 + 3 * (2 * 80 * 64), 4 * (2 * 80 * 64), 2 * 80 * 128 + 3 * (2 * 40 * 128)
    windows = r"image|frozen\.stem|frozen\.stage[123]\.unit4|frozen\..*\.worked"
    assert kept_of(vga, windows) == stem + first + rest + stage2 + stage3 + stage4 == 198_400


def test_the_passing_half_of_a_regular_unit_waits_one_row(vga):
    assert kept_of(vga, r"frozen\..*\.kept") == 3 * 160 * 32 + 3 * 80 * 64 + 4 * 80 * 64 + 3 * 40 * 128 == 66_560


@pytest.mark.parametrize("core", ["core1", "core2"])
def test_a_trainable_core_waits_three_rows_for_the_frozen_core_in_each_module(vga, core):
    assert kept_of(vga, rf"{core}\..*\.beta") == 3 * (160 * 64 + 80 * 128 + 80 * 128 + 40 * 256) == 122_880


def test_what_feeds_only_the_same_line_is_not_kept(vga):
    assert kept_of(vga, r".*\.(depthwise|pointwise|alpha|blend)") == 0


# --- Any graph --------------------------------------------------------------------------------------------------------


def uses(plan):
    """The stages of a line, first and last, between which the newest row of each tensor is in use."""
    used = {}
    for i, stage in enumerate(plan.stages):
        for name in (stage.operator.output, *stage.operator.inputs):
            used.setdefault(name, []).append(i)
    return {name: (stages[0], stages[-1]) for name, stages in used.items() if name not in plan.graph.inputs}


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_streams())
def test_newest_rows_that_are_in_use_at_the_same_time_lie_apart(graph):
    plan = line_plan.plan(graph)
    used = uses(plan)
    for i in range(len(plan.stages)):
        bytes_in_use = np.zeros(plan.shared, int)
        for name, (first, last) in used.items():
            buffer = plan.buffers[name]
            if first <= i <= last:
                assert buffer.place % ALIGNMENT == 0 and buffer.place + buffer.row_bytes <= plan.shared
                bytes_in_use[buffer.place : buffer.place + buffer.row_bytes] += 1
        assert bytes_in_use.max(initial=0) <= 1
    for i, stage in enumerate(plan.stages):  # a row goes into its buffer when the last stage has read it
        for name in stage.retires:
            assert name in graph.inputs or used[name][1] == i


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_streams())
def test_a_plan_orders_the_same_operators_and_adds_up(graph):
    plan, composed = line_plan.plan(graph), line_plan.composed(graph)
    assert sorted(stage.operator.name for stage in plan.stages) == sorted(each.name for each in composed.operators)
    assert plan.lines >= graph.tensor("image").shape[0]
    assert plan.bytes == plan.kept + plan.shared + plan.sums + plan.states
    table = str(plan)
    assert all(re.search(rf"^{re.escape(stage.operator.name)} ", table, re.MULTILINE) for stage in plan.stages)
    assert f"{plan.lines} lines per image" in table and f"{plan.bytes:,} bytes" in table


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_streams())
def test_wires_that_go_cost_no_rows(graph):
    as_it_is, composed = line_plan.plan(graph, in_order=True), line_plan.plan(graph)
    gone = names(graph) - names(composed.graph)
    assert all(isinstance(graph.operator(name), Wire) for name in gone) and not gone & set(graph.outputs)
    assert all(rows <= kept(as_it_is)[name] for name, rows in kept(composed).items())
    assert names(line_plan.composed(composed.graph)) == names(composed.graph)


def test_channels_of_a_unit_move_once():
    """The shuffle that ends a unit goes where only the split of the next unit reads it."""
    graph = semifreddo((32, 32))
    units = {f"frozen.stage{stage}.unit{unit}" for stage in (1, 2, 3, 4) for unit in (1, 2, 3)}
    assert names(graph) - names(line_plan.plan(graph).graph) == units


def test_a_plan_says_why_a_map_is_whole():
    net = Builder()
    net.input((4, 4, 2))
    net.convolution("start", "image", 2, 3, padding="same")
    mean = net.add(Mean(name="mean", inputs=["start"]), 2.0**-4)
    net.add(Resize(name="means", inputs=[mean], size=(4, 4), method="nearest"), 2.0**-4)
    net.add(Add(name="centred", inputs=["start", "means"]), 2.0**-4)
    turn = Rearrange(name="turned", inputs=["centred"], shape=(4, 4, 2), sizes=(4, 4, 2), steps=(2, 8, 1))
    net.add(turn, 2.0**-4)
    net.convolution("other", "image", 2)
    net.add(Join(name="both", inputs=["turned", "other"], axis=0), 2.0**-4)
    lines = str(line_plan.plan(net.graph("both"))).splitlines()
    reasons = {line.split()[0]: line.partition("whole")[2] for line in lines if "whole" in line}
    assert reasons == {
        "start": ": centred waits for what else it reads",
        "centred": ": turned puts its values into other rows",
        "other": ": both takes other maps before it",
    }


def test_an_lstm_keeps_no_map():
    net = Builder()
    net.input((4, 1, 2))
    plan = line_plan.plan(net.graph(net.lstm("second", net.lstm("first", "image", 3), 3)))
    assert set(kept(plan).values()) == {0} and "whole" not in str(plan)


def test_a_graph_of_two_inputs_is_refused():
    net = Builder()
    net.input((4, 4, 1))
    net.input((4, 4, 1), name="mask")
    net.add(Add(name="sum", inputs=["image", "mask"]), 2.0**-6)
    with pytest.raises(
        GraphError, match="net: it has 2 inputs .image, mask.; a network that reads an image line by line must have one"
    ):
        line_plan.plan(net.graph("sum"))
