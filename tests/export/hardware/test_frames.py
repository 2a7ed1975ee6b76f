"""Whole frames of large networks in Verilator. They take most of an hour: only `make frames` runs them."""

from dataclasses import replace

import numpy as np
import pytest

from export.datapath import task_image
from export.graph import golden
from export.hardware import layout, simulate
from export.hardware.schedule import schedule
from export.lower import lower
from export.network import Network
from sfkeras.nn.freezing.core import Core
from sfkeras.training import recipe as recipes
from sfkeras.training.trainer import build_network
from tests.support.hardware import designed, narrow, other_numbers
from tests.support.networks.graphs import semifreddo
from tests.support.networks.keras_networks import quantised, varied
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


def face_network(passes, seed):
    """The network of the face recipe at 32x32, which passes so often through its last module (Table 2); not trained."""
    recipe = recipes.read("face", {"network.input": "32x32x1", "network.repeats": str(passes)})
    model = build_network(recipe, tuple(recipe.network.input), Core.load(recipe.network.core))
    return Network(lower(quantised(varied(model, seed)), "face"))


def test_a_module_that_is_passed_twice_is_equal_at_every_tensor(tmp_path):
    """Two frames back to back; then two of a task with one pass, on the same hardware. A pass costs no clocks per frame."""
    twice = face_network(2, seed=0)
    once = face_network(1, seed=1).as_task_of(twice.plan)
    planned = schedule(layout.design(twice.compiled.graph, twice.compiled))
    simulation = simulate.build(planned.design, twice.compiled, tmp_path, "verilator", fast=True)
    images = golden.random_inputs(twice.graph, 2)["image"]
    for network, passes in ((twice, 2), (once, 1)):
        made, clocks = simulation.run(images, task_image.write(network.plan).content, network.plan.given)
        expected = golden.run(network.plan.graph, {"image": images})
        for name, values in made.items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)
        resting = {name for name in expected if passes == 1 and ".pass2." in name}
        assert expected.keys() - made.keys() == {"head.task.pointwise"} | resting  # maps that this head does not give
        assert clocks[1] - clocks[0] <= planned.clocks
        print(f"{passes} passes: {len(made)} tensors, {sum(map(np.size, made.values())):,} values; clocks {clocks}")
