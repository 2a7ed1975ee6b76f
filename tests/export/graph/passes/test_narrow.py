"""A narrow network: short factors that judges compute too, and blends that are never negative."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.datapath import structure, task_image
from export.graph import golden, ranges
from export.graph.operators import Add, ChannelScale, Convolution
from export.graph.passes.narrow import factor_bits, narrowed, short
from export.graph.tensor import GraphError
from export.hardware import layout, simulate
from export.hardware.schedule import schedule
from export.opening import OpenNetwork
from tests.support.hardware import one_module, other_numbers
from tests.support.networks.graphs import Builder, semifreddo


@given(st.lists(st.floats(2**-30, 2**10, width=32), min_size=1), st.integers(4, 23))
def test_short_numbers_are_the_nearest(values, bits):
    scales = np.array(values, np.float32)
    made = short(scales, bits)
    mantissas, _ = np.frexp(made.astype(np.float64))
    assert np.all(mantissas * 2**bits == np.rint(mantissas * 2**bits)), "as many bits as were asked for"
    assert np.all(np.abs(made / scales.astype(np.float64) - 1) <= 2.0**-bits)


def test_factors_have_few_bits_and_blends_are_positive():
    graph = narrowed(semifreddo((32, 32)), 12)
    assert factor_bits(graph) == 12
    found = ranges.code_ranges(graph)
    for operator in graph.operators:
        if isinstance(operator, Convolution):
            multipliers, _ = structure.factors(operator, graph)
            assert not np.any(multipliers & ((1 << 19) - 1)), operator.name  # of 31 bits
        if isinstance(operator, ChannelScale | Add):
            assert found[operator.output] == (0, 127)


def test_a_clamp_at_zero_changes_no_blend():
    graph = semifreddo((32, 32))
    clamped = narrowed(graph, 24)
    images = golden.random_inputs(graph, 3)
    made = golden.run(clamped, images)
    for name, values in golden.run(graph, images).items():
        np.testing.assert_array_equal(made[name], values)


def test_judges_and_c_give_the_same_bytes():
    pytest.importorskip("tflite_micro")
    proof = OpenNetwork(one_module()).narrowed(12).verify(4, 2, "tflite-ref,tflm,stream,c-native")
    assert proof.passed, str(proof)


@pytest.mark.icarus
def test_the_hardware_of_short_factors_gives_every_tensor(tmp_path):
    network = OpenNetwork(one_module()).narrowed(12)
    design = schedule(layout.design(network.graph, network.plan, 4)).design
    built = simulate.build(design, network.plan, tmp_path, "icarus")
    images = golden.random_inputs(network.graph, 2)
    made, _ = built.run(images["image"], task_image.write(network.plan).content, network.plan.given)
    expected = golden.run(network.graph, images)
    for name, values in made.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    kept = [stream for block in design.blocks for stream in block.inputs if "blend" in (stream.tensor or "")]
    assert kept and all(stream.positive for stream in kept), "memories keep seven bits of blends"


def test_a_task_becomes_as_narrow_as_the_network_that_it_is_loaded_into():
    network = OpenNetwork(one_module()).narrowed(12)
    task = OpenNetwork(other_numbers(one_module())).as_task_of(network.plan)
    assert factor_bits(task.plan.graph) == 12
    assert (
        structure.digest(task.plan)
        == structure.digest(network.plan)
        != structure.digest(OpenNetwork(one_module()).plan)
    )


def test_what_cannot_be_narrow_is_told():
    graph = one_module()
    negative = [replace(o, codes=-o.codes) if isinstance(o, ChannelScale) else o for o in graph.operators]
    with pytest.raises(GraphError, match="alpha: an alpha is negative"):
        narrowed(replace(graph, operators=tuple(negative)), 12)
    with pytest.raises(ValueError, match="--factor-bits is 25; expected 4 to 24"):
        narrowed(graph, 25)
    net = Builder()
    net.input((4, 4, 1), scale=0.3125)
    with pytest.raises(GraphError, match="image: scale 0.3125 is not a power of two"):
        narrowed(net.graph(net.convolution("x", "image", 2)), 12)
