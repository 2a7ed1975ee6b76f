"""A network from wherever a user has it is the same network."""

import doctest
import re
from dataclasses import replace

import numpy as np
import pytest

import export
from export.c import project
from export.graph import golden, graph_file
from export.graph.golden import random_inputs
from export.opening import open_network
from export.streaming import line_plan
from export.tflite.running.interpreters import run_tflm
from export.tflite.writing import writer
from tests.support.networks.tasks import every_operator
from tests.support.tflite.tflite_files import FileBuilder


@pytest.fixture(scope="module")
def graph():
    return replace(every_operator(), name="face")


def as_tflite(graph, folder):
    (folder / "any name.tflite").write_bytes(writer.write(graph).content)
    return folder / "any name.tflite"


def as_graph(graph, folder):
    (folder / "face.graph").write_bytes(graph_file.to_bytes(graph))
    return folder / "face.graph"


def as_compiled_folder(graph, folder):
    project.write_folder(line_plan.plan(graph), folder, graph)
    return folder


def as_run(graph, folder):
    (folder / "export").mkdir()
    (folder / "export" / "face.graph").write_bytes(graph_file.to_bytes(graph))
    (folder / "export" / "face.tflite").write_bytes(writer.write(graph).content)
    return folder


@pytest.mark.parametrize("form", [as_tflite, as_graph, as_compiled_folder, as_run])
def test_each_form_is_the_same_network(form, graph, tmp_path):
    network = open_network(str(form(graph, tmp_path)))
    images = random_inputs(graph, 3)["image"]
    expected = list(golden.run(graph, images, graph.outputs).values())
    opened = golden.run(network.graph, images, network.graph.outputs)
    for output, values in zip(network.graph.outputs, expected):
        np.testing.assert_array_equal(opened[output].reshape(values.shape), values)
        place = network.tflite.tensors[output]
        got = place.logical(run_tflm(network.tflite.content, [images], [place.index])[place.index])
        np.testing.assert_array_equal(got.reshape(values.shape), values)
    assert network.graph.name == ("any name" if form is as_tflite else "face")
    assert network.plan.graph.name == network.graph.name


def test_of_a_run_it_is_the_tflite_in_its_folder(graph, tmp_path):
    run = as_run(graph, tmp_path)
    path = run / "export" / "face.tflite"
    path.write_bytes(path.read_bytes() + b"more")
    assert open_network(run).tflite.content.endswith(b"more")


def test_a_file_that_is_none_is_named_with_the_reason(graph, tmp_path):
    path = as_tflite(graph, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: "):
        open_network(path)
    path = as_graph(graph, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: "):
        open_network(path)


def test_a_folder_without_one_network_is_refused(graph, tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=f"{folder} is no run .* no .graph file is in it or in its folder export"):
            open_network(folder)
    as_graph(graph, tmp_path)
    (tmp_path / "second.graph").write_bytes(graph_file.to_bytes(graph))
    with pytest.raises(ValueError, match="holds 2 networks; give one of them"):
        open_network(tmp_path)
    with pytest.raises(FileNotFoundError, match="missing.tflite"):
        open_network(tmp_path / "missing.tflite")


@pytest.mark.compiler
def test_an_opened_network_predicts_compiles_and_proves_itself(graph, tmp_path):
    network = export.open(as_tflite(graph, tmp_path))
    images = random_inputs(graph, 2)["image"]
    expected = list(golden.run(graph, images, graph.outputs).values())
    made = network.predict(images)
    for values, computed in zip(made.values(), expected):
        np.testing.assert_array_equal(values, computed.reshape(values.shape))
    image = network.graph.tensor(network.graph.inputs[0])
    real = network.predict((images.astype(np.float32) - image.zero_point) * np.float32(image.scale))
    for name, values in real.items():
        output = network.graph.tensor(name)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(np.rint(values / output.scale) + output.zero_point, made[name])
    written = network.compile(tmp_path / "c")
    assert written[0].suffix == ".graph" and export.open(tmp_path / "c").graph.name == network.graph.name
    assert network.verify(inputs=2, few=1, on="c-gcc-O3").passed
    with pytest.raises(ValueError, match=re.escape("the images are int8 (2, 3); they must be int8 or float (batch, ")):
        network.predict(np.zeros((2, 3), np.int8))


@pytest.mark.compiler
def test_the_example_of_open_is_true(tmp_path, monkeypatch):
    file = FileBuilder()
    x, y = file.tensor(1, 5, 6, 3), file.tensor(1, 5, 6, 3)
    file.add("RELU", [x], y)
    (tmp_path / "model.tflite").write_bytes(file.content([x], [y]))
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(export, raise_on_error=True).attempted == 4
