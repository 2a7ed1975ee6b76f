"""The schedule: clocks per frame, and delays that are deep enough and no deeper."""

import numpy as np
import pytest

from export.graph.switches import ways
from export.hardware import blocks, layout
from export.hardware.schedule import most_waiting, paced, schedule
from export.network import Network
from tests.support.networks.graphs import semifreddo


def planned(clocks_per_pixel=1):
    network = Network(semifreddo((480, 640)))
    return schedule(layout.design(ways(network.graph).graph, network.plan, clocks_per_pixel)), network.plan


@pytest.mark.parametrize("clocks_per_pixel", [1, 4])
def test_a_vga_frame_takes_hardly_more_than_its_pixels(clocks_per_pixel):
    result, _ = planned(clocks_per_pixel)
    assert 307_200 <= result.clocks / clocks_per_pixel <= 307_200 * 1.005


def test_delays_hold_the_rows_that_the_line_plan_keeps():
    """Kept rows of the plan, half a row for each stride, and a few pixels: at most a quarter more in all."""
    result, plan = planned()
    delays = [block for block in result.design.blocks if isinstance(block, blocks.Fifo | blocks.Window)]
    held = sum(block.depth * block.input.width // 8 for block in delays)
    rows = [block.input for block in delays if isinstance(block, blocks.Window)]
    held += sum(2 * stream.shape[1] * stream.shape[2] for stream in rows)
    assert plan.kept <= held <= 1.25 * plan.kept


def test_paced_waits_for_the_pixel_and_for_the_one_before():
    arrival = np.array([0.0, 0, 0, 20, 21])
    assert paced(arrival, 5).tolist() == [0, 5, 10, 20, 25]


def test_most_waiting_counts_what_has_not_left():
    arrival, leaving = np.arange(5.0), np.array([2.0, 3, 9, 9, 9])
    assert most_waiting(arrival, leaving) == 3 + 1  # at 4: the pixels 2, 3 and 4; and one more
