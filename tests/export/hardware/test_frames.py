"""Whole frames of the network of Table 1 in Verilator. They take most of an hour: only `make frames` runs them."""

from dataclasses import replace

import numpy as np
import pytest

from export.datapath import task_image
from export.graph import golden
from export.hardware import simulate
from tests.support.hardware import designed, narrow, other_numbers
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import CORE

pytestmark = [pytest.mark.verilator, pytest.mark.frames]


def built(graph, folder, every_tensor, fast):
    planned, plan = designed(graph)
    return simulate.build(planned.design, plan, folder, "verilator", every_tensor, fast=fast), planned, plan


@pytest.mark.parametrize("size, is_narrow", [((96, 96), True), ((32, 32), False)])
def test_two_tasks_are_equal_at_every_tensor(tmp_path, size, is_narrow):
    """Two frames of each, and the tasks are swapped while a frame is on its way. Narrow: an eighth as wide."""
    graph = narrow(size) if is_narrow else replace(semifreddo(size), metadata={"core": CORE})
    tasks = graph, other_numbers(graph)
    simulation, _, plan = built(graph, tmp_path, True, fast=False)
    images = golden.random_inputs(graph, 4)["image"]
    contents = [task_image.write(designed(each)[1]).content for each in tasks]
    made, _ = simulation.run(images, b"".join(contents), plan.given, tasks=2)
    parts = [golden.run(each, {"image": images[2 * i : 2 * i + 2]}) for i, each in enumerate(tasks)]
    assert len(made) > 150
    for name, values in made.items():
        np.testing.assert_array_equal(values, np.concatenate([part[name] for part in parts]), err_msg=name)


@pytest.mark.parametrize("rows, is_narrow, frames", [(480, True, 5), (32, False, 3), (480, False, 2)])
def test_frames_640_wide_follow_each_other_at_once(tmp_path, rows, is_narrow, frames):
    """The clocks that are planned are counted, one per pixel. Narrow: an eighth as wide in channels."""
    size = rows, 640
    graph = narrow(size) if is_narrow else replace(semifreddo(size), metadata={"core": CORE})
    graph = replace(graph, outputs=("head.pointwise", *graph.outputs))  # a map, before it is averaged
    simulation, planned, plan = built(graph, tmp_path, False, fast=True)
    images = golden.random_inputs(graph, frames)["image"]
    made, clocks = simulation.run(images, task_image.write(plan).content, plan.given)
    expected = golden.run(graph, {"image": images})
    for name, values in made.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    periods = {later - earlier for earlier, later in zip(clocks, clocks[1:])}
    print(f"latency {clocks[0]:,}; clocks per frame {periods}; planned {planned.clocks:,}")
    assert max(periods) <= planned.clocks <= 640 * rows * 1.01
