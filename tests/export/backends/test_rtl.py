"""The backend that simulates the hardware: what it proves, and what it refuses."""

import pytest

from export.network import Network
from tests.support.hardware import one_module
from tests.support.tasks import every_operator

pytestmark = pytest.mark.verilator


def test_verify_compares_it_with_golden_at_every_tensor():
    proof = Network(one_module()).verify(2, on="rtl")
    golden, verilator = proof.backends
    assert proof.passed, proof
    assert verilator.backend == "verilator"
    assert verilator.checksums == {name: golden.checksums[name] for name in verilator.checksums}
    assert golden.checksums.keys() - verilator.checksums.keys() <= {"head.input"}


def test_a_network_that_it_cannot_run_is_refused_by_the_stage_at_fault():
    proof = Network(every_operator()).verify(1, on="verilator")
    assert not proof.passed
    assert "core1.depthwise: its multipliers need 31 bits; the hardware has 24" in proof.backends[1].error
