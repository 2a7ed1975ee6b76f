"""The chain: every way to run a network is a stage of the proof, and one that differs is found out."""

import numpy as np
import pytest

from export.backends import machines
from export.graph import golden
from export.graph.golden import random_inputs
from export.network import Network
from export.proof.proof import QUICK, Chain
from tests.support.tasks import every_operator, other_task


def chain(graph, *stages, few=2):
    """Its chain, with all stages or only some."""
    made = Chain(Network(graph), few)
    made.stages = {name: made.stages[name] for name in stages or made.stages}
    return made


@pytest.mark.compiler
@pytest.mark.clang
@pytest.mark.cross
def test_every_stage_agrees_at_every_tensor():
    graph = every_operator()
    proof = chain(graph).verify(random_inputs(graph, 3))
    assert proof.passed, str(proof)
    assert [stage.stage for stage in proof.stages] == ["golden", "builtin_ref", "tflm", "stream", *machines.MACHINES]
    made = {operator.output for operator in graph.operators}
    for stage in proof.stages[1:]:
        assert stage.inputs == (3 if stage.stage in QUICK else 2)
        if stage.stage not in ("builtin_ref", "tflm"):  # whose files have tensors of their own for wires
            assert set(stage.checksums) == made


@pytest.mark.compiler
@pytest.mark.cross
def test_c_that_is_not_this_networks_is_found_out_at_its_first_tensor_that_differs():
    graph = every_operator()
    inputs = random_inputs(graph, 2)
    wrong = chain(other_task(graph), "stream", "gcc-O0", "m4")
    wrong.graph = graph
    proof = wrong.verify(inputs)
    assert not proof.passed
    expected, got = (golden.run(net, inputs) for net in (graph, other_task(graph)))
    first = next(operator.name for operator in graph.operators if np.any(expected[operator.name] != got[operator.name]))
    for stage in proof.stages[1:]:
        assert stage.first.tensor == first
        here = stage.first.input, *stage.first.index
        assert (stage.first.golden, stage.first.got) == (expected[first][here], got[first][here])


def test_a_machine_whose_tools_are_missing_is_left_out_but_not_in_ci(monkeypatch):
    graph = every_operator()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    proof = chain(graph, "stream", "m4").verify(random_inputs(graph, 1))
    assert proof.passed
    assert "m4: LEFT OUT: m4 needs arm-none-eabi-gcc, which is not installed" in str(proof)
    monkeypatch.setenv("CI", "1")
    assert not proof.passed
