"""The commands: what `python -m export` takes and refuses."""

import json
import re
import sys

import numpy as np
import pytest

from export import __main__
from export.graph import graph_file
from export.graph.golden import random_inputs
from tests.support.tasks import every_operator


def command(monkeypatch, *words):
    """What the command ends with: its status, or an error."""
    monkeypatch.setattr(sys, "argv", ["python -m export", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    return ended.value.code


@pytest.mark.compiler
def test_verify_runs_the_backends_that_are_named_by_name_or_alias(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    proof = tmp_path / "proof.json"
    words = "--on=native,c-gcc-O0,tflite-ref", "--inputs=2", "--few=1", f"--json-file={proof}"
    assert command(monkeypatch, "verify", tmp_path / "net.graph", *words) == 0
    inputs = {each["backend"]: each["inputs"] for each in json.loads(proof.read_text())["backends"]}
    assert inputs == {"golden": 2, "tflite-ref": 2, "c-gcc-O0": 1, "c-native": 2}


@pytest.mark.compiler
def test_a_folder_that_was_compiled_to_be_fast_is_proven_as_such(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    __main__.Commands().compile(str(tmp_path / "net.graph"), str(tmp_path / "c"), flash="fast")
    assert "sf_convolve_widened" in (tmp_path / "c" / "net_stream.c").read_text()
    assert command(monkeypatch, "verify", tmp_path / "c", "--on=native", "--inputs=2", "--few=1") == 0


def test_a_way_to_lie_in_flash_that_is_not_there_is_told(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    told = command(monkeypatch, "compile", tmp_path / "net.graph", tmp_path / "c", "--flash=large")
    assert told == "error: --flash is 'large', wanted one of small, fast"
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "words", [("verify", "--on=c-native,m3"), ("bench", "--on=m3"), ("run", "in", "out", "--on=m3")]
)
def test_a_backend_that_is_not_there_is_told(words, monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    np.save(tmp_path / "in.npy", random_inputs(every_operator(), 1)["image"])
    files = [tmp_path / f"{word}.npy" if word in ("in", "out") else word for word in words[1:]]
    told = command(monkeypatch, words[0], tmp_path / "net.graph", *files)
    assert re.fullmatch("error: --on is 'm3'; it must be of .*tflm, .*c-native, m4, m7, m55", told)
    assert not (tmp_path / "out.npy").exists()


def test_bench_writes_its_figures_as_json(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    monkeypatch.setattr("export.measure.host.SHORT", 1e-9)
    words = "--on=tflite,xnnpack", f"--json-file={tmp_path / 'bench.json'}"
    assert command(monkeypatch, "bench", tmp_path / "net.graph", *words) == 0
    (timed,) = json.loads((tmp_path / "bench.json").read_text())
    assert list(timed["backends"]) == ["tflite-ref", "xnnpack"]
