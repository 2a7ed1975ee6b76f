"""The commands: what `python -m export` takes and refuses."""

import json
import sys

import pytest

from export import __main__
from export.graph import graph_file
from tests.support.tasks import every_operator


def command(monkeypatch, *words):
    """What the command ends with: its status, or an error."""
    monkeypatch.setattr(sys, "argv", ["python -m export", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    return ended.value.code


@pytest.mark.compiler
def test_verify_runs_the_c_on_the_machines_that_are_named(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    proof = tmp_path / "proof.json"
    words = "--on=native,gcc-O0", "--inputs=2", "--few=1", f"--json-file={proof}"
    assert command(monkeypatch, "verify", tmp_path / "net.graph", *words) == 0
    inputs = {stage["stage"]: stage["inputs"] for stage in json.loads(proof.read_text())["stages"]}
    assert inputs == {"golden": 2, "builtin_ref": 2, "tflm": 2, "stream": 1, "native": 2, "gcc-O0": 1}


@pytest.mark.compiler
def test_a_folder_that_was_compiled_to_be_fast_is_proven_as_such(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    __main__.Commands().compile(str(tmp_path / "net.graph"), str(tmp_path / "c"), flash="fast")
    assert "sf_convolve_widened" in (tmp_path / "c" / "net_stream.c").read_text()
    assert command(monkeypatch, "verify", tmp_path / "c", "--on=native", "--inputs=2", "--few=1") == 0


def test_a_way_to_lie_in_flash_that_is_not_there_is_told(monkeypatch, tmp_path):
    graph_file.save(every_operator(), tmp_path / "net.graph")
    told = command(monkeypatch, "compile", tmp_path / "net.graph", tmp_path / "c", "--flash=large")
    assert told == "error: --flash is 'large'; expected one of small, fast"
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("words", [("verify", "--on=native,m3"), ("bench", "--on=m3")])
def test_a_machine_that_is_not_there_is_told(words, monkeypatch):
    told = command(monkeypatch, words[0], "net.graph", *words[1:])
    assert told.startswith("error: --on names 'm3', wanted one or several of ")
