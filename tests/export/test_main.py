"""The commands: what `python -m export` takes and refuses."""

import inspect
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from export import __main__, deploy
from export.graph import graph_file
from export.graph.golden import random_inputs
from export.tflite.writing import writer
from tests.support.networks.tasks import every_operator


def command(*words):
    """The exit code of a command."""
    try:
        return __main__.main([*map(str, words)])
    except SystemExit as ended:
        return ended.code


def told(capsys, *words):
    """What a command says that is refused."""
    assert command(*words) == 2
    return capsys.readouterr().err


@pytest.mark.compiler
def test_verify_runs_the_backends_that_are_named_by_name_or_alias(tmp_path):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    proof = tmp_path / "proof.json"
    words = "--on=native,c-gcc-O0,tflite-ref", "--inputs=2", "--few=1", f"--json-file={proof}"
    assert command("verify", tmp_path / "net.graph", *words) == 0
    inputs = {each["backend"]: each["inputs"] for each in json.loads(proof.read_text())["backends"]}
    assert inputs == {"golden": 2, "tflite-ref": 2, "c-gcc-O0": 1, "c-native": 2}


@pytest.mark.compiler
def test_a_folder_that_was_compiled_to_be_fast_is_proven_as_such(tmp_path):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    __main__.Commands().compile(str(tmp_path / "net.graph"), str(tmp_path / "c"), flash="fast")
    assert "sf_convolve_widened" in (tmp_path / "c" / "net_stream.c").read_text()
    assert command("verify", tmp_path / "c", "--on=native", "--inputs=2", "--few=1") == 0


def test_a_way_to_lie_in_flash_that_is_not_there_is_told(capsys, tmp_path):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    words = "compile", tmp_path / "net.graph", tmp_path / "c", "--flash=large"
    assert told(capsys, *words) == "error: --flash is 'large'; expected one of small, fast\n"
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "words", [("verify", "--on=c-native,m85"), ("bench", "--on=m85"), ("run", "in", "out", "--on=m85")]
)
def test_a_backend_that_is_not_there_is_told(words, tmp_path, capsys):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    np.save(tmp_path / "in.npy", random_inputs(every_operator(), 1)["image"])
    files = [tmp_path / f"{word}.npy" if word in ("in", "out") else word for word in words[1:]]
    said = told(capsys, words[0], tmp_path / "net.graph", *files).strip()
    assert re.fullmatch(
        "error: --on is 'm85'; it must be one of .*tflm, .*c-native, m4, m7, m55, m0, m3, m33, rv32(, verilator)?", said
    )
    assert not (tmp_path / "out.npy").exists()


def test_bench_writes_its_figures_as_json(monkeypatch, tmp_path):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    monkeypatch.setattr("export.measure.host.SHORT", 1e-9)
    words = "--on=tflite,xnnpack", f"--json-file={tmp_path / 'bench.json'}"
    assert command("bench", tmp_path / "net.graph", *words) == 0
    (timed,) = json.loads((tmp_path / "bench.json").read_text())
    assert list(timed["backends"]) == ["tflite-ref", "xnnpack"]


MISTAKES = {
    ("compile", "nothing.tflite", "c"): "nothing.tflite: No such file or directory",
    ("compile", "net.graph", "c", "--size=480"): "the size is '480'; it must be HEIGHTxWIDTH, for example 480x640",
    ("compile", "net.graph", "c", "--size=0x16"): "the size is '0x16'; it must be HEIGHTxWIDTH, for example 480x640",
    ("compile", "net.graph", "c", "--size=0x0"): "the size is '0x0'; it must be HEIGHTxWIDTH, for example 480x640",
    ("compile", "net.graph", "c", "--size="): "--size is empty",
    ("compile", "net.graph", "c", "--size"): "--size needs a value: --size=VALUE",
    ("compile", "net.graph", "c", "--sze=3x3"): "there is no option --sze; there are --size, --flash",
    ("compile", "net.graph", "c", "-"): "'-' is no argument: files are named",
    ("compile", "net.graph", "c", "d"): "'d' is one argument too many; expected NETWORK OUT",
    ("compile", "net.graph"): "OUT is missing; --help shows how it is used",
    ("compile", "net.graph", ""): "an argument is empty; expected a name",
    ("compile", "net.graph", "net.graph"): "net.graph: File exists; expected a folder",
    ("compile", "net.graph", "net.graph/c"): "net.graph/c: Not a directory; a part of the path is a file",
    ("compile", "/dev/null", "c"): "/dev/null is a pipe or a device; expected a file or a folder",
    ("compile", "two\nlines.tflite", "c"): r"two\nlines.tflite: No such file or directory",
    ("verify", "net.graph", "--json-file=no/v.json"): "no/v.json: There is no folder no; make it first",
    ("bench", "net.graph", "--json-file=."): ".: Is a directory; expected a file",
    ("run", "net.graph", "in.npy", "/dev/null"): "/dev/null is a pipe or a device; expected a file or a folder",
    ("tflm", "net.graph", "app"): "net.graph: it is no .tflite: ",
    ("area", "tiny"): "tiny is no run folder, and no frozen core: expected a core file (.npz) or one of tiny_imagenet",
    ("area", "tiny_imagenet", "--cores=999999999"): "--cores is 999999999; expected up to 16",
    ("live", "net.graph", "--port=99999"): "--port is 99999; expected a number up to 65535",
    ("report", "net.graph", "none"): "none is no run with an export, no compiled folder and no .tflite",
    ("report", "net.graph", "--out=net.graph/r.html"): "net.graph: File exists; expected a folder",
    ("verify", "net.graph", "--inputs=abc"): "--inputs is 'abc'; it must be a whole number from 1 up",
    ("verify", "net.graph", "--few=0"): "--few is '0'; it must be a whole number from 1 up",
    ("join", "a", "b", "--out=c"): "a is no run with an export, no compiled folder and no .tflite",
    ("join", "a", "b"): "--out is missing; --help shows how it is used",
    ("compille", "a", "b"): "python -m export has no command 'compille'; it has compile, ",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    said = told(capsys, *words)
    assert said.startswith(f"error: {MISTAKES[words]}") and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["net.graph"]


def test_a_named_pipe_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "net.tflite")
    assert "is a pipe or a device" in told(capsys, "compile", tmp_path / "net.tflite", tmp_path / "c")


def test_of_several_networks_in_a_folder_one_is_asked_for(tmp_path, capsys):
    for name in "a", "b":
        (tmp_path / f"{name}.graph").write_bytes(graph_file.to_bytes(every_operator()))
    said = told(capsys, "compile", tmp_path, tmp_path / "c")
    assert said == f"error: {tmp_path} holds 2 networks; give one of them, such as {tmp_path / 'a.graph'}\n"
    assert command("compile", tmp_path / "a.graph", tmp_path / "c") == 0


def test_a_folder_can_have_a_number_for_a_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(every_operator()))
    assert command("compile", "net.graph", "7", "--size=0010x12") == 2
    assert command("compile", "net.graph", "7") == 0
    assert (tmp_path / "7" / "net.graph").exists() or list((tmp_path / "7").glob("*.graph"))


@pytest.mark.compiler
def test_a_compiled_folder_is_a_network_as_a_run_is(tmp_path):
    """That of a run's export too."""
    deploy.write(replace(every_operator(), name="net"), tmp_path / "run" / "export")
    folder = tmp_path / "run" / "export" / "c"
    assert command("verify", folder, "--on=native", "--inputs=2", "--few=1") == 0
    assert command("image", tmp_path / "run", folder, tmp_path / "task.bin") == 0
    assert (tmp_path / "task.bin").read_bytes() == (folder / "net_task.bin").read_bytes()


def test_the_application_for_tflm_is_written(tmp_path, capsys):
    (tmp_path / "Some Model.tflite").write_bytes(writer.write(every_operator()).content)
    assert command("tflm", tmp_path / "Some Model.tflite", tmp_path / "app") == 0
    assert (tmp_path / "app" / "some_model_ops.h").exists()
    assert capsys.readouterr().out.startswith("9 files in ")


@pytest.mark.parametrize("name", list(__main__.command.commands_of(__main__.Commands)))
def test_help_names_every_option_and_an_example(name, capsys):
    assert command(name, "--help") == 0
    said = capsys.readouterr().out
    assert f"Usage: python -m export {name} " in said and f"Example:\n  python -m export {name} " in said
    parameters = inspect.signature(getattr(__main__.Commands, name)).parameters
    for parameter in [each for each in parameters if each != "self"]:
        line = re.search(rf"^  (--{parameter.replace('_', '-')}|{parameter.upper()})\s+[.\w]", said, re.M)
        assert line, parameter
