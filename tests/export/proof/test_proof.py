"""The proof: every exact backend is in it, and one that differs is found out."""

import numpy as np
import pytest

from export.backends.registry import BACKENDS, provable, select
from export.graph import golden
from export.graph.golden import random_inputs
from export.network import Network
from export.proof.proof import Proof
from tests.support.networks.tasks import every_operator, other_task

SOME = ["stream", "tflite-ref", "tflm", "c-gcc-O3", "m4"]  # one of each kind; test_registry.py runs all


def test_every_backend_is_in_it():
    assert list(Proof(Network(every_operator())).backends) == [each.name for each in select(None, provable())]


@pytest.mark.compiler
@pytest.mark.cross
@pytest.mark.parametrize(
    "on", [SOME, pytest.param(None, marks=[pytest.mark.thorough, pytest.mark.clang])], ids=["some", "every"]
)
def test_backends_agree_at_every_tensor(on):
    graph = every_operator()
    proof = Proof(Network(graph), few=2, on=on).verify(random_inputs(graph, 3))
    assert proof.passed, str(proof)
    assert [result.backend for result in proof.backends] == [
        "golden",
        *(each.name for each in select(on, provable())),
    ]
    made = {operator.output for operator in graph.operators}
    for result in proof.backends[1:]:
        assert result.inputs == (3 if BACKENDS[result.backend].quick else 2)
        if result.backend not in ("tflite-ref", "tflm"):  # whose files have tensors of their own for wires
            assert set(result.checksums) == made


@pytest.mark.compiler
@pytest.mark.cross
def test_c_that_is_not_this_networks_is_found_out_at_its_first_tensor_that_differs():
    graph = every_operator()
    inputs = random_inputs(graph, 2)
    wrong = Proof(Network(other_task(graph)), few=2, on=["stream", "c-gcc-O0", "m4"])
    wrong.graph = graph
    proof = wrong.verify(inputs)
    assert not proof.passed
    expected, got = (golden.run(net, inputs) for net in (graph, other_task(graph)))
    first = next(operator.name for operator in graph.operators if np.any(expected[operator.name] != got[operator.name]))
    for result in proof.backends[1:]:
        assert result.first.tensor == first
        here = result.first.input, *result.first.index
        assert (result.first.golden, result.first.got) == (expected[first][here], got[first][here])


def test_a_backend_whose_tools_are_missing_is_left_out_but_not_in_ci(monkeypatch):
    graph = every_operator()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    proof = Proof(Network(graph), on=["stream", "m4"]).verify(random_inputs(graph, 1))
    assert proof.passed
    assert "m4: LEFT OUT: m4 needs arm-none-eabi-gcc, which is not installed" in str(proof)
    assert str(proof).splitlines()[0].endswith(" on 1 inputs, without m4")
    monkeypatch.setenv("CI", "1")
    assert not proof.passed


def test_a_backend_that_is_not_exact_proves_nothing():
    with pytest.raises(ValueError, match="--on is 'xnnpack'; it must be one of stream, tflite-ref, tflm, c-gcc-O0, "):
        Proof(Network(every_operator()), on=["xnnpack"])
