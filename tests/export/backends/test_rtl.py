"""The backend that simulates the hardware: what it proves, and what it refuses."""

import pytest

from export.opening import OpenNetwork
from tests.support.networks.graphs import Builder
from tests.support.networks.tasks import CORE, every_operator

pytestmark = pytest.mark.verilator


def test_verify_compares_it_with_golden_at_every_tensor():
    net = Builder(1)
    tensor = net.convolution("frozen.stem", net.input((8, 8, 3)), 8, 3, strides=(2, 2), padding="same", frozen=True)
    tensor = net.convolution("head.pointwise", net.depthwise("core1.depthwise", tensor, 3), 3, relu=False)
    proof = OpenNetwork(net.graph(tensor, core=CORE)).verify(2, on="rtl")
    golden, verilator = proof.backends
    assert proof.passed, proof
    assert verilator.backend == "verilator"
    assert verilator.checksums == {name: golden.checksums[name] for name in verilator.checksums}
    assert golden.checksums.keys() == verilator.checksums.keys()


def test_a_network_that_it_cannot_run_is_refused_by_the_stage_at_fault():
    proof = OpenNetwork(every_operator()).verify(1, on="verilator")
    assert not proof.passed
    assert "core1.depthwise: its multipliers need 31 bits; the hardware has 24" in proof.backends[1].error
