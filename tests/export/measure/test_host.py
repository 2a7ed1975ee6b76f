"""The bench of this computer: every contender in every round, and only C that is right."""

import json

import pytest

from export.measure import host
from export.measure.host import OURS, PEER, measure
from export.network import Network
from export.streaming import line_plan
from tests.support.graphs import semifreddo


@pytest.fixture(scope="module")
def network():
    graph = semifreddo(channels=(8, 16, 16, 16, 32))
    return Network(line_plan.plan(graph).graph)


@pytest.mark.compiler
def test_every_contender_runs_in_every_round(network, monkeypatch):
    monkeypatch.setattr(host, "SHORT", 0.0)
    bench = measure(network, rounds=2)
    assert list(bench.seconds)[:3] == [OURS, "C, -O3", PEER]
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in bench.seconds.values())
    described = json.loads(json.dumps(bench.to_json()))["contenders"]
    assert described[OURS]["ratio"] == {"median": 1, "least": 1, "most": 1}
    for name, figures in described.items():
        assert figures["ratio"]["least"] <= figures["ratio"]["median"] <= figures["ratio"]["most"]
        assert f"{name} " in str(bench)


@pytest.mark.compiler
def test_c_that_is_wrong_is_not_timed(network, monkeypatch, tmp_path):
    run = host.golden.run
    monkeypatch.setattr(host.golden, "run", lambda *args: {name: made ^ 1 for name, made in run(*args).items()})
    with pytest.raises(RuntimeError, match="gcc-O0: head.sigmoid is not what golden makes"):
        image = host.vector_image(network.graph)
        host._compiled(network, image, host.MACHINES["gcc-O0"], tmp_path)


def test_no_rounds_are_refused(network):
    with pytest.raises(ValueError, match="rounds is 0; it must be at least 1"):
        measure(network, 0)
