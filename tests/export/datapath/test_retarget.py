"""Another task on a datapath that is compiled already: it gives its own bytes there, or the stage in the way is named."""

from dataclasses import replace

import numpy as np
import pytest

from export.backends.programs import c_program
from export.datapath import structure, task_image
from export.datapath.retarget import fit
from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.tensor import GraphError
from export.streaming import line_plan
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.targets import MACHINES

CHANNELS = (8, 16, 32, 32, 64)
CORE = {"core": "ab" * 32}


def task(seed, **options):
    """A task on the frozen core of seed 0."""
    core = {operator.name: operator for operator in semifreddo(channels=CHANNELS).operators}
    graph = semifreddo(channels=CHANNELS, seed=seed, **options)
    operators = [
        replace(operator, codes=core[operator.name].codes) if getattr(operator, "frozen", False) else operator
        for operator in graph.operators
    ]
    return replace(graph, operators=operators, metadata=CORE)


def test_a_task_with_a_smaller_head_has_the_same_datapath_and_gives_its_own_outputs():
    network, other = line_plan.plan(task(1, classes=10)), task(2, classes=6)
    fitted = fit(other, network)
    assert structure.digest(fitted) == structure.digest(network)
    inputs = random_inputs(other, 3)
    own, here = (golden.run(graph, inputs, graph.outputs)["head.sigmoid"] for graph in (other, fitted.graph))
    np.testing.assert_array_equal(here[..., :6], own)


def test_a_task_of_another_image_size_takes_the_network_s():
    network = line_plan.plan(task(1, size=(48, 32)))
    fitted = fit(task(2, size=(32, 64)), network)
    assert task_image.write(fitted).content == task_image.write(fit(task(2, size=(48, 32)), network)).content
    assert structure.digest(fitted) == structure.digest(network)


def test_a_task_whose_layers_were_built_in_another_order_runs_in_the_network_s():
    network, other = line_plan.plan(task(1)), task(2)
    cores = sorted(other.operators, key=lambda operator: operator.name.split(".")[0] != "frozen")
    shuffled = replace(other, operators=_by_data_flow(cores, other))
    assert [each.name for each in shuffled.operators] != [each.name for each in other.operators]
    assert task_image.write(fit(shuffled, network)).content == task_image.write(fit(other, network)).content


def _by_data_flow(operators, graph):
    """The operators in their order, each as soon as what it reads is there."""
    made, ordered = set(graph.inputs), []
    while len(ordered) < len(operators):
        left = (each for each in operators if each.name not in made and made.issuperset(each.inputs))
        ordered.append(next(left))
        made.add(ordered[-1].name)
    return ordered


@pytest.mark.compiler
def test_the_compiled_network_runs_the_task_and_then_its_own_again(tmp_path):
    network, other = line_plan.plan(task(1, classes=10)), task(2, classes=6)
    image = task_image.write(fit(other, network)).content
    inputs = random_inputs(other, 3)
    built = c_program.Built(network, MACHINES["c-gcc-sanitizers"], tmp_path)
    for loaded, graph in (((image,), other), ((), network.graph)):
        output = built.program.run(inputs["image"].tobytes(), *loaded).output
        got = c_program.output_maps(network, output, 3)["head.sigmoid"]
        expected = golden.run(graph, inputs, graph.outputs)["head.sigmoid"]
        np.testing.assert_array_equal(got[..., : expected.shape[-1]], expected)


@pytest.mark.parametrize(
    "other, message",
    [
        (task(2, classes=12), "head.pointwise: its shape is .* in semifreddo"),
        (task(2, core_shuffled=False), "is a stage of semifreddo only"),
        (replace(task(2), metadata={"core": "cd" * 32}), "was trained on core cdcdcdcdcdcdcdcd, semifreddo holds abab"),
    ],
)
def test_what_does_not_fit_is_named(other, message):
    with pytest.raises(GraphError, match=message):
        fit(other, line_plan.plan(task(1)))


def test_a_task_on_grey_images_is_none_of_a_network_on_coloured_ones():
    def graph(channels):
        net = Builder()
        return net.graph(net.convolution("head", net.input((4, 4, channels)), 8), name=f"of{channels}")

    with pytest.raises(GraphError, match="of1 reads images of 1 channels, of3 of 3; grey and coloured images are"):
        fit(graph(1), line_plan.plan(graph(3)))


def test_a_clamp_of_another_kind_is_another_datapath():
    def graph(relu):
        net = Builder()
        return net.graph(net.convolution("head", net.input((4, 4, 3)), 8, relu=relu))

    with pytest.raises(GraphError, match="head: its minimum is -128 in net, 0 in net"):
        fit(graph(relu=False), line_plan.plan(graph(relu=True)))
