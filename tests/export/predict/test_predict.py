"""`sfkeras predict`: what a network says about picture files, in words and as JSON."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from export import __main__
from export.graph import golden, graph_file, meaning
from export.graph.meaning import Meaning
from export.predict import answers
from tests.support.networks.tiny import tiny

RED, GREY = (200, 30, 40), (128, 128, 128)


@pytest.fixture
def saved(tmp_path):
    """Writes the tiny network with what its output stands for, and two pictures. Returns: a function."""
    Image.new("RGB", (12, 16), RED).save(tmp_path / "red.png")
    (tmp_path / "more").mkdir()
    Image.new("RGB", (30, 30), GREY).save(tmp_path / "more" / "grey.jpg")

    def save(known, fit=None):
        graph = tiny()
        path = tmp_path / "tiny.graph"
        path.write_bytes(graph_file.to_bytes(meaning.attach(graph, {graph.outputs[0]: known}, fit)))
        return path

    return save


def command(*words):
    return __main__.main([*map(str, words)])


def test_classes_have_their_names_and_probabilities(saved, tmp_path, capsys):
    path = saved(Meaning("classification", ("cat", "dog")))
    assert command("predict", path, tmp_path / "red.png", tmp_path / "more", f"--json-file={tmp_path / 'p.json'}") == 0
    graph = tiny()
    made = json.loads((tmp_path / "p.json").read_text())
    assert [each["picture"] for each in made] == [str(tmp_path / "red.png"), str(tmp_path / "more" / "grey.jpg")]
    for colour, each in zip((RED, GREY), made):
        codes = (np.full((1, 8, 6, 3), colour) - 128).astype(np.int8)
        logits = golden.run(graph, {"image": codes})[graph.outputs[0]].ravel() * graph.tensor(graph.outputs[0]).scale
        cat = 1 / (1 + np.exp(logits[1] - logits[0]))
        said = each[graph.outputs[0]]
        assert said["kind"] == "probability" and said["cat"] == pytest.approx(cat, abs=1e-5)
    assert f"{tmp_path / 'red.png'}: " in (text := capsys.readouterr().out) and " %" in text


def test_one_picture_waits_for_nothing_that_it_does_not_need(saved, tmp_path):
    words = ["predict", str(saved(Meaning("classification", ("cat", "dog")))), str(tmp_path / "red.png")]
    code = f"import sys; from sfkeras.cli import main; assert main({words}) == 0; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    needless = ("tensorflow", "flatbuffers", "export.c", "export.tflite.reading", "export.tflite.writing")
    assert "export.graph.golden" in loaded
    assert not [module for module in loaded if module.startswith(needless)]


def test_a_network_that_says_nothing_about_its_output_gives_its_values(saved, tmp_path, capsys):
    path = saved(Meaning("classification", ("cat", "dog")))
    path.write_bytes(graph_file.to_bytes(tiny()))
    assert command("predict", path, tmp_path / "red.png") == 0
    assert "channel 0 " in capsys.readouterr().out


@pytest.mark.compiler
def test_every_backend_says_the_same(saved, tmp_path, capsys):
    path, said = saved(Meaning("classification", ("cat", "dog"))), []
    for backend in "golden", "stream", "c-native":
        assert command("predict", path, tmp_path / "red.png", f"--on={backend}") == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]


def test_a_face_is_known_after_it_was_enrolled(saved, tmp_path, capsys):
    path, people = saved(Meaning("faces", threshold=0.9999)), f"--people={tmp_path / 'people.bin'}"
    assert command("predict", path, tmp_path / "red.png", people) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'people.bin'}: nobody is enrolled" in said and said.strip().endswith(people)
    assert command("predict", path, tmp_path / "red.png", "--enrol=\udcff", people) == 2
    assert r"the name '\udcff' must have" in capsys.readouterr().err
    assert command("predict", path, tmp_path / "red.png", "--enrol=ann", people) == 0
    assert "ann with 1 photos; 1 people in all" in capsys.readouterr().out
    assert command("predict", path, tmp_path / "red.png", people) == 0
    assert "ann  cosine " in capsys.readouterr().out


def test_only_a_face_network_enrols(saved, tmp_path, capsys):
    path = saved(Meaning("classification", ("cat", "dog")))
    assert command("predict", path, tmp_path / "red.png", "--enrol=ann") == 2
    assert "is no face network" in capsys.readouterr().err
    assert command("predict", path, tmp_path / "red.png", f"--people={tmp_path / 'people.bin'}") == 2
    assert "is no face network" in capsys.readouterr().err


def test_a_picture_whose_name_is_no_text_is_in_the_json(saved, tmp_path):
    odd = os.fsdecode(bytes(tmp_path / "odd") + b"\xff.png")
    (tmp_path / "red.png").rename(odd)
    words = odd, f"--json-file={tmp_path / 'p.json'}"
    assert command("predict", saved(Meaning("classification", ("cat", "dog"))), *words) == 0
    (made,) = json.loads((tmp_path / "p.json").read_text())
    assert made["picture"].endswith("odd\ufffd.png")


def test_pixels_are_counted_by_class():
    graph = tiny()
    output = graph.tensor(graph.outputs[0])
    known = meaning.attach(graph, {output.name: Meaning("segmentation", ("road", "sky"))})
    codes = np.zeros((1, 2, 2, 2), np.int8)
    codes[0, 0, 0, 1] = 5  # one of four places is sky
    (answer,) = answers.of_output(known, output.name, codes)
    assert (answer.kind, answer.names, answer.values) == ("share", ("road", "sky"), (0.75, 0.25))
    assert str(answer) == "road 75.0 %  sky 25.0 %"


def test_what_a_softmax_gives_are_probabilities_already():
    graph = tiny()
    name = graph.outputs[0]
    as_softmax = [
        replace(each, scale=1 / 256, zero_point=-128) if each.name == name else each for each in graph.tensors
    ]
    (answer,) = answers.of_output(replace(graph, tensors=as_softmax), name, np.array([[[[64, -64]]]], np.int8))
    assert answer.values == (0.75, 0.25) and answer.kind == "probability"


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "PICTURE is missing"),
        (("nowhere.jpg",), "nowhere.jpg does not exist"),
        (("empty",), "holds no picture"),
        (("text.png",), "not a readable image"),
    ],
    ids=["none", "missing", "empty", "text"],
)
def test_what_is_no_picture_is_told(words, said, saved, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    assert command("predict", saved(Meaning("classification", ("cat", "dog"))), *words) == 2
    assert said in capsys.readouterr().err


def test_pictures_get_their_shape_as_in_training(saved, tmp_path, capsys):
    """Bars to the left and right of a tall picture are grey, the network's 0; in the crop there are none."""
    made = {}
    for fit in meaning.FITS:
        path = saved(Meaning("classification", ("cat", "dog")), fit)
        assert command("predict", path, tmp_path / "more" / "grey.jpg", f"--json-file={tmp_path / 'p.json'}") == 0
        made[fit] = json.loads((tmp_path / "p.json").read_text())
    assert made["squeeze"] == made["crop"] == made["pad"]  # all of it is grey
    graph = replace(tiny(), metadata={"fit": "stretch"})
    (tmp_path / "odd.graph").write_bytes(graph_file.to_bytes(graph))
    assert command("predict", tmp_path / "odd.graph", tmp_path / "red.png") == 2
    assert "'stretch'; expected one of squeeze, crop, pad" in capsys.readouterr().err
