"""The bench counts what the run counts, and shares it out among the stages."""

import json
from dataclasses import replace

import pytest

from export.backends.registry import BACKENDS
from export.c.test_vector import vector_image
from export.measure import bench as benches
from export.measure.board import Bench, Rows, StageCost, measure
from export.network import Network
from tests.support.networks.graphs import semifreddo

CHANNELS = (8, 16, 16, 16, 32)


def image(network):
    return {network.graph.inputs[0]: vector_image(network.graph)}


@pytest.mark.cross
def test_the_stages_and_the_engine_make_up_the_whole():
    network = Network(semifreddo(channels=CHANNELS))
    plan, bench = network.plan, measure(network, BACKENDS["m4"])
    assert bench.instructions == BACKENDS["m4"].prepare(network, False)(image(network))[1]["instructions"]
    assert [stage.name for stage in bench.stages] == [stage.operator.name for stage in plan.stages]
    assert bench.macs == sum(plan.graph.macs().values())
    assert all(stage.instructions > 0 for stage in bench.stages)
    assert 0 < bench.engine < bench.instructions / 2
    described = json.loads(json.dumps(bench.to_json()))
    assert described["engine"] + sum(kind["instructions"] for kind in described["kinds"].values()) == bench.instructions
    assert "head.pointwise" in str(bench) and f"{bench.instructions:,}" in str(bench)
    assert bench.instructions < bench.cycles.least <= bench.cycles.expected <= bench.cycles.most
    assert described["cycles"]["expected"] == bench.cycles.expected and str(bench.cycles) in str(bench)


def test_the_peer_is_named_only_beside_the_network_that_it_was_counted_for():
    stage = StageCost("whole", "CONV_2D", (1, 1, 1), 7_489_664, 11_500_000)
    bench = Bench("vww_96_int8", "m4", 12_000_000, 2_000, 25_000, 250_000, 7_489_664, (stage,), Rows(100, 200, 150, 50))
    assert "0.50 of TensorFlow Lite Micro with CMSIS-NN: 24,102,320, 3.22 per MAC" in str(bench)
    assert bench.to_json()["peer"] == 24_102_320
    for other in replace(bench, board="m7"), replace(bench, network="mine"):
        assert other.peer is None and "CMSIS" not in str(other)


def test_a_backend_that_counts_no_instructions_is_refused():
    with pytest.raises(ValueError, match="c-gcc-O3 counts no instructions of stages"):
        measure(Network(semifreddo(channels=CHANNELS)), BACKENDS["c-gcc-O3"])


def test_a_board_whose_tools_are_missing_is_left_out_but_not_in_ci(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    (left_out,) = benches.measure(Network(semifreddo(channels=CHANNELS)), [BACKENDS["m4"]])
    assert left_out.passed
    assert str(left_out).startswith("m4: LEFT OUT: m4 needs arm-none-eabi-gcc, which is not installed")
    monkeypatch.setenv("CI", "1")
    assert not left_out.passed
