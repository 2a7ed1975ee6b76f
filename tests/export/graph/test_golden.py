"""The golden arithmetic: rounding by shared vectors, and each operator by a plain loop or by hand."""

import json

import numpy as np
import pytest

from export.graph import golden
from export.graph.arithmetic import rounding
from export.graph.golden import random_inputs
from export.graph.operators import Add, AveragePool, ChannelScale, Conv2D, Lookup
from tests import make_rounding_vectors
from tests.support.networks.graphs import Builder, semifreddo

VECTORS = json.loads(make_rounding_vectors.FILE.read_text())


def test_the_vectors_are_those_of_the_definitions():
    assert make_rounding_vectors.FILE.read_text() == make_rounding_vectors.as_text()


@pytest.mark.parametrize("name", ["saturating_rounding_doubling_high_mul", "rounding_divide_by_pot", "requantise"])
def test_rounding(name):
    *arguments, expected = np.array(VECTORS[name]).T
    np.testing.assert_array_equal(getattr(rounding, name)(*arguments), expected)


def test_quantize_multiplier():
    factors = [float.fromhex(factor) for factor, _, _ in VECTORS["quantize_multiplier"]]
    multiplier, shift = rounding.quantize_multiplier(factors)
    np.testing.assert_array_equal(multiplier, [vector[1] for vector in VECTORS["quantize_multiplier"]])
    np.testing.assert_array_equal(shift, [vector[2] for vector in VECTORS["quantize_multiplier"]])


def test_a_convolution_equals_a_plain_loop():
    net = Builder(1)
    net.input((5, 4, 4), 2.0**-5, zero_point=3)
    net.convolution("conv", "image", 6, 3, scale=2.0**-3, zero_point=-7, groups=2, strides=(2, 1), padding="same")
    graph = net.graph("conv")
    inputs = random_inputs(graph, 2)
    operator, output = graph.operator("conv"), graph.tensor("conv")
    multiplier, shift = rounding.quantize_multiplier(operator.multipliers(graph.tensor("image"), output))
    padded = np.pad(inputs["image"].astype(int) - 3, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.empty((2, *output.shape), np.int8)
    for image, row, column, channel in np.ndindex(expected.shape):
        window = padded[image, 2 * row : 2 * row + 3, column : column + 3, channel // 3 * 2 : channel // 3 * 2 + 2]
        total = int((window * operator.codes[channel].astype(int)).sum()) + int(operator.bias[channel])
        scaled = make_rounding_vectors.requantise(total, int(multiplier[channel]), int(shift[channel]))
        expected[image, row, column, channel] = min(max(scaled - 7, operator.minimum), 127)
    np.testing.assert_array_equal(golden.run(graph, inputs)["conv"], expected)


def test_sums_beyond_float32_stay_exact():
    net = Builder()
    net.input((1, 1, 4096))
    codes = np.repeat(np.array([127, -127], np.int8), 2048).reshape(1, 1, 1, 4096)
    codes[..., -1] = -126
    scales, bias = np.ones(1, np.float32), np.array([-100], np.int32)
    net.add(Conv2D(name="conv", inputs=["image"], codes=codes, scales=scales, bias=bias, frozen=False), 2.0**-7)
    image = np.full((1, 1, 1, 4096), 127, np.int8)  # the running sum passes 33 million on its way to 127
    assert golden.run(net.graph("conv"), image)["conv"].item() == 127 - 100


def test_pooling_rounds_halves_away_from_zero_and_ignores_padding():
    net = Builder()
    net.input((1, 3, 1))
    pool = AveragePool(name="pool", inputs=["image"], window=(1, 2), padding="same")
    net.add(pool, 2.0**-7)
    image = np.array([1, 2, -7], np.int8).reshape(1, 1, 3, 1)
    assert golden.run(net.graph("pool"), image)["pool"].ravel().tolist() == [2, -3, -7]


def test_channel_scale_add_lookup_and_wire_by_hand():
    net = Builder()
    net.input((1, 1, 2), 2.0**-4)
    net.add(ChannelScale(name="half", inputs=["image"], codes=np.array([64, 127], np.int8), scale=2.0**-7), 2.0**-4)
    net.add(Add(name="sum", inputs=["image", "half"]), 2.0**-4)
    net.add(
        Lookup(name="negated", inputs=["sum"], table=(-np.arange(-128, 128)).clip(-128, 127).astype(np.int8)), 2.0**-4
    )
    net.wire("swapped", ["negated", "half"], [(0, 1), (1, 0), (0, 0)])
    values = golden.run(net.graph("swapped"), np.array([10, -128], np.int8).reshape(1, 1, 1, 2))
    found = {name: value.ravel().tolist() for name, value in values.items()}
    assert found == {
        "image": [10, -128],
        "half": [5, -127],
        "sum": [15, -128],
        "negated": [-15, 127],
        "swapped": [127, 5, -15],
    }


def test_keep_returns_only_what_was_asked_for():
    graph = semifreddo()
    inputs = random_inputs(graph, 2)
    kept = golden.run(graph, inputs, keep=graph.outputs)
    assert set(kept) == set(graph.outputs)
    np.testing.assert_array_equal(kept["head.sigmoid"], golden.run(graph, inputs)["head.sigmoid"])


def test_inputs_that_do_not_fit_are_named():
    graph = semifreddo()
    with pytest.raises(ValueError, match=r"input image is float32 \(1, 32, 32, 3\); it must be int8"):
        golden.run(graph, np.zeros((1, 32, 32, 3), np.float32))
    with pytest.raises(ValueError, match="missing or unknown"):
        golden.run(graph, {"picture": np.zeros((1, 32, 32, 3), np.int8)})
