"""The bench counts what the run counts, and shares it out among the stages."""

import json
from dataclasses import replace

import pytest

from export.measure.board import Bench, Stage, measure
from export.streaming import line_plan
from tests.support.graphs import semifreddo

CHANNELS = (8, 16, 16, 16, 32)


@pytest.mark.cross
def test_the_stages_and_the_engine_make_up_the_whole():
    plan = line_plan.plan(semifreddo(channels=CHANNELS))
    bench = measure(plan, "m4")
    assert bench.instructions == measure(plan, "m4").instructions
    assert [stage.name for stage in bench.stages] == [stage.operator.name for stage in plan.stages]
    assert bench.macs == sum(plan.graph.macs().values())
    assert all(stage.instructions > 0 for stage in bench.stages)
    assert 0 < bench.engine < bench.instructions / 2
    described = json.loads(json.dumps(bench.to_json()))
    assert described["engine"] + sum(kind["instructions"] for kind in described["kinds"].values()) == bench.instructions
    assert "head.pointwise" in str(bench) and f"{bench.instructions:,}" in str(bench)


def test_the_peer_is_named_only_beside_the_network_that_it_was_counted_for():
    stage = Stage("whole", "CONV_2D", (1, 1, 1), 7_489_664, 11_500_000)
    bench = Bench("vww_96_int8", "m4", 12_000_000, 2_000, 25_000, 250_000, (stage,))
    assert "0.50 of TensorFlow Lite Micro with CMSIS-NN: 24,102,320, 3.22 a MAC" in str(bench)
    assert bench.to_json()["peer"] == 24_102_320
    for other in replace(bench, board="m7"), replace(bench, network="mine"):
        assert other.peer is None and "CMSIS" not in str(other)


def test_a_machine_that_counts_no_instructions_is_refused():
    with pytest.raises(ValueError, match="--on is 'gcc-O3'; instructions are counted only on m4, m7, m55"):
        measure(line_plan.plan(semifreddo(channels=CHANNELS)), "gcc-O3")
