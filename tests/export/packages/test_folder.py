"""A package as a folder: deterministic, complete, never mixed with what was there before."""

import compileall
import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from export import __main__
from export.c import project
from export.graph import graph_file, meaning
from export.graph.meaning import Meaning
from export.network import Network
from export.packages import folder, package
from sfkeras import atomic_file
from tests.export.packages.conftest import GRAPH
from tests.support.networks.tiny import tiny


def files(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", folder.FORMS)
def test_a_package_has_its_files_in_its_manifest(form, parts, packages):
    found = files(packages / form)
    manifest = json.loads(found.pop("sfkeras.json"))
    assert {name: hashlib.sha256(content).hexdigest() for name, content in found.items()} == manifest["files"]
    assert (manifest["package"], manifest["form"], manifest["version"]) == ("net", form, "1.2.3")
    assert {"README.md", "LICENSE", "extras/net.graph", "extras/send_task.py"} <= set(found)
    again = folder.FORMS[form](package.of_network(Network(GRAPH), "1.2.3"))
    assert {name: folder._bytes(content) for name, content in again.items()} == found


@pytest.mark.parametrize("form", folder.FORMS)
def test_a_readme_says_what_was_not_checked(form, packages):
    text = (packages / form / "README.md").read_text()
    assert "Not checked" in text and "${" not in text


def test_what_pip_compiles_of_the_templates_is_not_packaged(parts, tmp_path, monkeypatch):
    shutil.copytree(project.MICRO, tmp_path / "micro")
    assert compileall.compile_dir(tmp_path / "micro", quiet=1) and list(tmp_path.rglob("*.pyc"))
    monkeypatch.setattr(project, "MICRO", tmp_path / "micro")
    assert package.of_network(Network(GRAPH), "1.2.3") == parts


def test_an_older_package_is_replaced(parts, tmp_path):
    folder.write(package.of_network(Network(tiny()), "1.0.0"), "arduino", tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    folder.write(parts, "cmake", tmp_path)
    found = files(tmp_path)
    assert found.pop("notes.txt") == b"mine"
    assert set(found) == {*folder.FORMS["cmake"](parts), "sfkeras.json"}


def test_what_is_no_package_is_left_alone(parts, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="is not empty, and no package is in it that could be replaced"):
        folder.write(parts, "cmake", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_package_that_was_left_half_written_is_replaced(parts, tmp_path, monkeypatch):
    folder.write(package.of_network(Network(tiny()), "1.0.0"), "arduino", tmp_path)
    write, count = atomic_file.write, iter(range(9))
    monkeypatch.setattr(atomic_file, "write", lambda *words: next(count) < 8 and write(*words) or None)
    with pytest.raises(StopIteration):
        folder.write(parts, "cmake", tmp_path)
    monkeypatch.undo()
    assert None in json.loads((tmp_path / "sfkeras.json").read_text())["files"].values()
    folder.write(parts, "cmake", tmp_path)
    assert set(files(tmp_path)) == {*folder.FORMS["cmake"](parts), "sfkeras.json"}


@pytest.mark.parametrize("named", ["../thesis.tex", "/etc/passwd"])
def test_a_manifest_deletes_nothing_outside(named, parts, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sfkeras.json").write_text(json.dumps({"files": {named: ""}}))
    folder.write(parts, "cmake", tmp_path / "out")
    assert (tmp_path / "thesis.tex").exists()


def test_the_command_writes_a_package_and_says_what_is_next(tmp_path, capsys):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(GRAPH))
    words = ["package", str(tmp_path / "net.graph"), str(tmp_path / "out"), "--form=arduino", "--version=2.0.0"]
    assert __main__.main(words) == 0
    assert capsys.readouterr().out.endswith(f"{tmp_path / 'out' / 'README.md'} says how to install it\n")
    assert "version=2.0.0\n" in (tmp_path / "out" / "library.properties").read_text()


@pytest.mark.parametrize(
    "option, said",
    [
        ("--form=keil", "--form is 'keil'; it must be one of arduino, platformio, esp-idf, zephyr, cmsis-pack, cmake"),
        ("--version=1.0", "--version is '1.0'; it must be three numbers, such as 1.0.0"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(option, said, tmp_path, capsys):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(GRAPH))
    words = ["package", str(tmp_path / "net.graph"), str(tmp_path / "out"), option]
    words += [] if option.startswith("--form") else ["--form=cmake"]
    assert __main__.main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    assert not (tmp_path / "out").exists()


def test_the_demo_has_the_names_of_the_classes():
    graph = meaning.attach(GRAPH, {"classes": Meaning("classification", ("cat", 'the "dog"', "none"))})
    header = package.of_network(Network(replace(graph, name="pets")), "1.0.0").sources["pets_stream.h"]
    assert '#define PETS_OUTPUT0_CLASS_NAMES {"cat", "the \\042dog\\042", "none"}' in header
