"""The blocks of a datapath: how many lanes and multipliers they have, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from export.graph.operators import MaxPool
from export.graph.switches import ways
from export.hardware import blocks, layout
from export.hardware.folding import Folding
from export.hardware.layout import HardwareError
from export.network import Network
from tests.support.networks.graphs import Builder, semifreddo


def design_of(graph, clocks_per_pixel=1):
    network = Network(graph)
    return layout.design(ways(network.graph).graph, network.plan, clocks_per_pixel)


@pytest.mark.parametrize("clocks_per_pixel", [1, 2, 4, 8, 32])
def test_every_block_keeps_up_with_the_image_and_multipliers_are_busy(clocks_per_pixel):
    """At the size of Table 1, where all divisions come out even."""
    design = design_of(semifreddo((480, 640)), clocks_per_pixel)
    folding = Folding(design.image.shape, clocks_per_pixel)
    convolutions = [block for block in design.blocks if isinstance(block, blocks.Convolve)]
    for block in design.blocks:
        if block.output.shape[:2] != (1, 1):
            assert block.clocks <= folding.clocks(block.output.shape), block.name
    multipliers = sum(block.macs * block.lanes for block in convolutions)
    products = sum(block.codes.codes.size * block.output.pixels for block in convolutions)
    assert products / multipliers / (640 * 480 * clocks_per_pixel) > (
        0.9 if clocks_per_pixel == 1 else 0.75 if clocks_per_pixel < 32 else 0.5
    )


def test_lanes_are_those_of_the_rule():
    """8, 4, 2, 2, 1 channels per clock for the stem and the stages, at one clock per pixel."""
    design = design_of(semifreddo((480, 640)))
    made = {stream.tensor: stream.lanes for block in design.blocks for stream in block.outputs}
    names = ["frozen.stem", *(f"frozen.stage{i}.unit4" for i in (1, 2, 3, 4))]
    assert [made[name] for name in names] == [8, 4, 2, 2, 1]


def test_a_window_that_several_operators_read_is_there_once():
    design = design_of(semifreddo((64, 64)))
    windows = [block.name for block in design.blocks if isinstance(block, blocks.Window)]
    assert len(windows) == len(set(windows))
    assert windows.count("image.window") == 1  # of three stems


def test_shuffles_keep_no_pixel():
    """A channel shuffle of two halves is wiring: its gears are no wider than a few beats."""
    design = design_of(semifreddo((480, 640)))
    of_units = [each for each in design.blocks if isinstance(each, blocks.Gear) and not each.name.startswith("head")]
    assert max(max(each.input.lanes, each.output.lanes) for each in of_units) <= 8


def changed(graph, name, **fields):
    return replace(graph, operators=[replace(o, **fields) if o.name == name else o for o in graph.operators])


def pooled():
    net = Builder()
    net.input((8, 8, 3))
    net.add(MaxPool(name="pool", inputs=["image"], window=(2, 2)), 2.0**-7)
    return net.graph("pool")


def wide_window():
    net = Builder()
    net.input((8, 8, 3))
    net.convolution("big", "image", 4, 5, padding="same")
    return net.graph("big")


@pytest.mark.parametrize(
    "graph, reason",
    [
        (pooled(), "pool: the hardware has no MaxPool"),
        (wide_window(), r"big: its window is \(5, 5\); the hardware has 3x3 and 1x1"),
    ],
)
def test_what_the_hardware_cannot_do_is_refused_by_name(graph, reason):
    with pytest.raises(HardwareError, match=reason):
        design_of(graph)


def test_an_unknown_rate_is_refused():
    with pytest.raises(ValueError, match="--clocks-per-pixel is 3; expected one of 1, 2, 4, 8, 16, 32, 64"):
        design_of(semifreddo(), 3)


def test_codes_are_arranged_by_beat_pass_unit_tap_and_lane():
    codes = np.arange(2 * 3 * 4, dtype=np.int8).reshape(2, 3, 4)  # outputs, taps, channels
    np.testing.assert_array_equal(
        blocks.arranged(codes, lanes=2, passes=2)[:2], [codes[0, :, :2].ravel(), codes[1, :, :2].ravel()]
    )
    np.testing.assert_array_equal(blocks.arranged(codes, lanes=2, passes=1)[1], codes[:, :, 2:].ravel())
