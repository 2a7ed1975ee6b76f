"""The bench counts what the run counts, and shares it out among the stages."""

import json

import pytest

from export import lines
from export.bench import measure
from tests.export.networks import semifreddo

CHANNELS = (8, 16, 16, 16, 32)


@pytest.mark.cross
def test_the_stages_and_the_engine_make_up_the_whole():
    plan = lines.plan(semifreddo(channels=CHANNELS))
    bench = measure(plan, "m4")
    assert bench.instructions == measure(plan, "m4").instructions
    assert [stage.name for stage in bench.stages] == [stage.operator.name for stage in plan.stages]
    assert bench.macs == sum(plan.graph.macs().values())
    assert all(stage.instructions > 0 for stage in bench.stages)
    assert 0 < bench.engine < bench.instructions / 2
    described = json.loads(json.dumps(bench.to_json()))
    assert described["engine"] + sum(kind["instructions"] for kind in described["kinds"].values()) == bench.instructions
    assert "head.pointwise" in str(bench) and f"{bench.instructions:,}" in str(bench)


def test_a_machine_that_counts_no_instructions_is_refused():
    with pytest.raises(ValueError, match="--on is 'gcc-O3'; instructions are counted only on m4, m7, m55"):
        measure(lines.plan(semifreddo(channels=CHANNELS)), "gcc-O3")
