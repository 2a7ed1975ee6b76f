"""Every position of a network's switches runs on one plan, one C, and gives the bytes of a task made with that structure."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from export.backends.programs import c_program
from export.datapath import description, structure, task_image
from export.datapath.retarget import fit
from export.graph import golden, switches
from export.graph.golden import random_inputs
from export.graph.operators import Wire
from export.graph.passes.join import join
from export.graph.tensor import GraphError
from export.network import Network
from export.proof.proof import Proof
from export.streaming import line_model, line_plan
from tests.support.networks.graphs import semifreddo
from tests.support.networks.repeated import plan_of, repeated
from tests.support.targets import MACHINES

PASSES = 3
POSITIONS = list(product(range(1, PASSES + 1), (False, True)))
STRUCTURES = [
    {},
    {"cores": 1, "activation": False},
    {"on": "frozen", "size": (7, 5)},
]
of_every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=str)


@cache
def image(size=(8, 6)):
    """A batch of one."""
    return np.random.default_rng(0).integers(-128, 128, (1, *size, 3)).astype(np.int8)


def tasks(**structure):
    """Tasks of every position, each with scales of its own."""
    for seed, (passes, pooled) in enumerate(POSITIONS, start=2):
        yield repeated(passes, pooled, seed, **structure)


def assert_own_bytes(made, task, plan):
    """What was made of a task's plan is golden's bytes of the task's own graph, and no output that is not the task's."""
    expected = golden.run(task, image(task.tensor("image").shape[:2]))
    own = switches.tensors_of(task, plan.graph, made)
    assert own.keys() <= expected.keys()
    assert all(isinstance(task.operator(name), Wire) for name in expected.keys() - own.keys() - {"image"})
    for name, values in own.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert plan.given == tuple(switches.name_in(plan.graph, task.tensor(name)) for name in task.outputs)


# --- One plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooled", (pytest.param(False, marks=pytest.mark.thorough), True))
@of_every_structure
def test_the_plan_of_a_network_runs_tasks_of_every_position(structure, pooled):
    network = plan_of(repeated(PASSES, pooled, **structure))
    for task in tasks(outputs=3, **structure):
        plan = fit(task, network)
        inputs = image(task.tensor("image").shape[:2])
        assert_own_bytes(line_model.run(plan, inputs), task, plan)
        whole = switches.tensors_of(task, plan.graph, golden.run(plan.graph, inputs, plan.given))
        for name, values in golden.run(task, inputs, task.outputs).items():
            np.testing.assert_array_equal(whole[name], values)


def test_no_buffer_can_be_smaller_for_all_positions():
    network = plan_of(repeated(PASSES))
    plans = [fit(task, network) for task in tasks()]
    for name, buffer in network.buffers.items():
        if buffer.rows:
            smaller = {**network.buffers, name: replace(buffer, rows=buffer.rows - 1)}
            with pytest.raises(LookupError, match=name):
                for plan in plans:
                    line_model.run(replace(plan, buffers=smaller), image())
                    line_model.Stream(replace(plan, buffers=smaller)).output(name)


def test_passes_and_pools_cost_no_memory_of_rows_that_a_network_without_switches_would_not_have():
    for pooled in (False, True):
        network = repeated(PASSES, pooled)
        assert plan_of(network).kept <= line_plan.plan(network).kept + 8 * (not pooled)  # the vector
        assert plan_of(network).lines == line_plan.plan(network).lines


# --- One C ------------------------------------------------------------------------------------------------------------


@pytest.mark.compiler
def test_the_compiled_network_runs_tasks_of_every_position(tmp_path):
    network = plan_of(repeated(PASSES))
    built = c_program.Built(network, MACHINES["c-gcc-sanitizers"], tmp_path, dumping=True)
    for task in tasks(outputs=3):
        fitted = fit(task, network)
        content = task_image.write(fitted).content
        made, _ = built.run(image(), content)
        assert_own_bytes(made, task, fitted)


@pytest.mark.cross
def test_a_task_is_proven_on_a_network_that_is_compiled_already():
    task, network = repeated(1, True, seed=2), plan_of(repeated(2))
    backends = ["stream", "tflite-ref", "tflm", "m4"]
    proof = Proof(Network(task).as_task_of(network), few=1, on=backends).verify(random_inputs(task, 2))
    assert proof.passed, str(proof)
    assert [result.backend for result in proof.backends] == ["golden", *backends]
    made = {operator.output for operator in line_plan.composed(task).operators}
    assert all(set(result.checksums) == made for result in proof.backends if result.backend in ("stream", "m4"))


# --- Images -----------------------------------------------------------------------------------------------------------


def test_an_image_holds_only_the_passes_of_its_task():
    network = plan_of(repeated(PASSES))
    sizes = task_image.sizes(network)
    assert sizes == sorted(set(sizes)) and len(sizes) == PASSES
    for task, (passes, pooled) in zip(tasks(), POSITIONS):
        fitted = fit(task, network)
        content = task_image.write(fitted).content
        assert len(content) == sizes[passes - 1]
        assert [switch.position for switch in task_image.switches(network, content)] == [passes, pooled]
        assert structure.digest(fitted) == structure.digest(network)
    assert task_image.write(network).content == task_image.write(fit(repeated(PASSES), network)).content


def test_the_datapath_says_the_same_whatever_the_positions_are():
    network = plan_of(repeated(PASSES))
    for task in tasks():
        described = description.describe(fit(replace(task, name=network.graph.name), network))
        assert description.to_json(described) == description.to_json(description.describe(network))


# --- What cannot be switched ------------------------------------------------------------------------------------------


def test_more_passes_than_a_network_has_are_refused():
    message = "seed2 passes through its last module 3 times; seed1 allows at most 2"
    with pytest.raises(GraphError, match=message):
        fit(repeated(3, seed=2), plan_of(repeated(2)))


def test_a_head_without_the_networks_activation_is_refused():
    with pytest.raises(GraphError, match="head.task.activation is a stage of seed1 only"):
        fit(repeated(seed=2, activation=False), plan_of(repeated()))


def test_joined_tasks_whose_passes_differ_switch_only_their_heads():
    once, twice = (replace(repeated(passes, seed=1), name=f"passes{passes}") for passes in (1, 2))
    joined = join([once, twice], "joined")
    assert [switch.name for switch in switches.ways(joined).switches] == [
        "head.passes1.pooling",
        "head.passes2.pooling",
    ]
    assert_own_bytes(line_model.run(plan_of(joined), image()), joined, plan_of(joined))


def test_only_a_network_with_sfkerass_names_has_switches():
    for graph in (semifreddo((32, 32), (8, 8, 8, 8, 8)), replace(repeated(), metadata={})):
        assert switches.ways(graph) == switches.Ways(graph)
