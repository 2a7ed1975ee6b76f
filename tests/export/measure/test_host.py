"""The bench of this computer: every backend in every round, and only C that is right."""

import json

import pytest

from export.backends.registry import BACKENDS
from export.graph import golden
from export.measure import bench, host
from export.measure.bench import NotMeasured
from export.network import Network
from export.streaming import line_plan
from tests.support.networks.graphs import semifreddo

TIMED = ["xnnpack", "c-gcc-O3", "c-native"]


@pytest.fixture(scope="module")
def network():
    graph = semifreddo(channels=(8, 16, 16, 16, 32))
    return Network(line_plan.plan(graph).graph)


@pytest.mark.compiler
def test_every_backend_runs_in_every_round(network, monkeypatch):
    monkeypatch.setattr(host, "SHORT", 1e-9)
    measured, *others = bench.measure(network, [BACKENDS[name] for name in TIMED])
    assert not others
    assert list(measured.seconds) == TIMED and measured.first == "c-native"
    assert all(len(seconds) == host.ROUNDS and min(seconds) > 0 for seconds in measured.seconds.values())
    described = json.loads(json.dumps(measured.to_json()))["backends"]
    assert described["c-native"]["ratio"] == {"median": 1, "least": 1, "most": 1}
    for name, figures in described.items():
        assert figures["ratio"]["least"] <= figures["ratio"]["median"] <= figures["ratio"]["most"]
        assert f"{name} " in str(measured)


@pytest.mark.parametrize("name", ["tflite-ref", "tflm"])
def test_interpreters_are_timed(name, network, monkeypatch):
    monkeypatch.setattr(host, "SHORT", 1e-9)
    measured = host.measure("net", {name: host.contender(network, BACKENDS[name])}, rounds=1)
    assert measured.first == name and measured.seconds[name][0] > 0


def test_a_backend_that_is_wrong_is_not_timed_and_the_others_are(network, monkeypatch):
    run = golden.run
    monkeypatch.setattr(host, "SHORT", 1e-9)
    monkeypatch.setattr(golden, "run", lambda *args: {name: made ^ 1 for name, made in run(*args).items()})
    wrong, measured = bench.measure(network, [BACKENDS["tflm"], BACKENDS["xnnpack"]])
    assert wrong == NotMeasured("tflm", wrong.reason, left_out=False) and not wrong.passed
    assert "tflm: could not run: RuntimeError: tflm: head.sigmoid is not what golden makes" in str(wrong)
    assert list(measured.seconds) == ["xnnpack"] and measured.passed


def test_no_rounds_are_refused():
    with pytest.raises(ValueError, match="rounds is 0; it must be at least 1"):
        host.measure("net", {}, 0)
