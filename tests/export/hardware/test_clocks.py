"""The clocks per frame: what the schedule plans is what a simulation counts, frames back to back."""

import numpy as np
import pytest

from export.datapath import task_image
from export.graph import golden
from export.graph.operators import AveragePool
from export.hardware import blocks, simulate
from tests.support.hardware import designed, one_module
from tests.support.networks.graphs import Builder, downscaling_unit, level_unit, regular_unit
from tests.support.networks.tasks import CORE

pytestmark = pytest.mark.icarus


def random_network(seed):
    """A stem, one to four units, a head: odd and even sizes, strides, channels and clocks per pixel."""
    net, random = Builder(seed), np.random.default_rng(seed)
    image = net.input((*(int(n) for n in random.integers(6, 15, 2)), int(random.choice([1, 3]))))
    stride = int(random.choice([1, 2, 2]))
    channels = int(random.choice([4, 8]))
    maps = net.convolution("frozen.stem", image, channels, 3, padding="same", strides=(stride, stride), frozen=True)
    units = [*random.permutation(["down", *random.choice(["regular", "level", "down"], random.integers(0, 3))])]
    for i, unit in enumerate(units + ["down"] * (stride == 1)):
        name = f"frozen.stage{i + 1}.unit1"
        if unit == "level":
            maps = level_unit(net, name, maps)
        elif unit == "down" and min(net.tensors[maps].shape[:2]) > 2:
            maps = downscaling_unit(net, name, maps, channels * int(random.choice([1, 2])), frozen=True)
            channels = net.channels(maps)
        else:
            maps = regular_unit(net, name, maps, frozen=True)
    logits = net.convolution("head.pointwise", maps, 2, relu=False)
    pool = AveragePool(name="head.pool", inputs=[logits], window=net.tensors[logits].shape[:2])
    graph = net.graph(net.add(pool, net.tensors[logits].scale), name="random", core=CORE)
    return graph, int(random.choice([1, 1, 1, 2, 4]))


def counted(folder, graph, clocks_per_pixel):
    """The most clocks from one frame to the next, and the schedule. The bytes are golden's."""
    planned, plan = designed(graph, clocks_per_pixel)
    built = simulate.build(planned.design, plan, folder, "icarus", every_tensor=False)
    images = golden.random_inputs(graph, 4)
    made, clocks = built.run(images["image"], task_image.write(plan).content, plan.given)
    for name, expected in golden.run(graph, images, plan.given).items():
        np.testing.assert_array_equal(made[name], expected)
    return int(np.diff(clocks).max()), planned


QUICK = (5, 8, 11)


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed in QUICK else pytest.mark.thorough) for seed in range(12)]
)
def test_the_clocks_of_random_networks_are_those_planned(tmp_path, seed):
    """One more at most: maps of 2 rows and maps with an odd number of rows may lose one."""
    graph, clocks_per_pixel = random_network(seed)
    clocks, planned = counted(tmp_path, graph, clocks_per_pixel)
    assert clocks <= planned.clocks + 1


@pytest.mark.parametrize(
    "clocks_per_pixel",
    [1, pytest.param(2, marks=pytest.mark.thorough), pytest.param(4, marks=pytest.mark.thorough), 16],
)
def test_a_module_takes_the_clocks_of_its_pixels(tmp_path, clocks_per_pixel):
    """No clock is lost between rows or frames, though requantisers are folded.

    At one clock per pixel it once took 89: the next frame's first row had to wait for the padding below the frame before it,
    which is read at half the pace if the window has a stride.
    """
    clocks, planned = counted(tmp_path, one_module((8, 10)), clocks_per_pixel)
    assert any(block.steps > 1 for block in planned.design.blocks if isinstance(block, blocks.Requantise))
    assert clocks <= planned.clocks == 80 * clocks_per_pixel
    assert clocks == 80 or clocks_per_pixel > 1  # images come as fast as they are taken
