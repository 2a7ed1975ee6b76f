"""Names of classes travel with a network: graph, .tflite, C header; other readers of .tflite find them too."""

import io
import subprocess
import zipfile

import numpy as np
import pytest
from flatbuffers.number_types import Uint8Flags
from flatbuffers.table import Table

from export.c import project
from export.graph import golden, graph_file, meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.graph.passes.resize import resize
from export.graph.tensor import GraphError
from export.network import Network
from export.opening import open_network
from export.tflite.file import metadata
from export.tflite.reading import reader
from export.tflite.running.interpreters import run_tflm
from export.tflite.writing import writer
from tests.support.networks.tiny import tiny

NAMES = ('Bücher "rot"', "??/ back\\slash")
CLASSES = Meaning("classification", NAMES)


@pytest.fixture(scope="module")
def named():
    graph = tiny()
    return meaning.attach(graph, {graph.outputs[0]: CLASSES}, "squeeze")


def test_a_graph_file_and_a_tflite_bring_them_back(named, tmp_path):
    assert meaning.meanings_of(graph_file.from_bytes(graph_file.to_bytes(named))) == {named.outputs[0]: CLASSES}
    (tmp_path / "model.tflite").write_bytes(writer.write(named).content)
    opened = open_network(tmp_path / "model.tflite").graph
    assert list(meaning.meanings_of(opened).values()) == [CLASSES] and opened.metadata["fit"] == "squeeze"


def test_a_tflite_with_names_computes_as_without(named):
    content, images = writer.write(named), random_inputs(named, 3)
    expected = golden.run(named, images, named.outputs)[named.outputs[0]]
    place = content.tensors[named.outputs[0]].index
    assert np.array_equal(run_tflm(content.content, list(images.values()), [place])[place].ravel(), expected.ravel())
    assert (
        writer.write(tiny()).content == writer.write(meaning.attach(tiny(), {})).content
    )  # nothing known: nothing added


def test_labels_are_a_file_in_the_tflite(named):
    content = writer.write(named).content
    assert content == writer.write(named).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(NAMES)


def test_the_table_of_tensorflow_lite_metadata_names_the_labels(named):
    """Followed by hand, as metadata_schema.fbs places its fields."""
    content = metadata.table(named)
    assert content[4:8] == b"M001"
    root = Table(content, int.from_bytes(content[:4], "little"))

    def offset(table, slot):
        return table.Offset(4 + 2 * slot)

    def follow(table, slot):
        return Table(content, table.Indirect(table.Pos + offset(table, slot)))

    def first(table, slot):
        return Table(content, table.Indirect(table.Vector(offset(table, slot))))

    subgraph = first(root, 3)
    image, output = first(subgraph, 2), first(subgraph, 3)
    assert root.String(root.Pos + offset(root, 0)).decode() == "tiny"
    assert image.String(image.Pos + offset(image, 0)) == b"image"
    colour = follow(follow(image, 3), 1)
    assert colour.Get(Uint8Flags, colour.Pos + offset(colour, 0)) == metadata.RGB
    file = first(output, 6)
    assert file.String(file.Pos + offset(file, 0)) == b"labels.txt"


def test_labels_of_others_are_taken_if_they_fit():
    content = writer.write(tiny()).content
    graph, _ = reader.read(content)
    for lines, taken in (("cat\ndog\n", ("cat", "dog")), ("cat\n", None), ("a\nb\nc", None)):
        labelled = metadata.appended(content, {"labelmap.txt": lines})
        found = meaning.meanings_of(metadata.known_of(labelled, graph))
        assert [each.classes for each in found.values()] == ([taken] if taken else [])


def test_a_damaged_archive_changes_nothing(named):
    content = writer.write(named).content
    graph, _ = reader.read(content)
    random = np.random.default_rng(0)
    begin = content.index(b"PK\3\4")
    for _ in range(300):
        damaged = bytearray(content)
        damaged[random.integers(begin, len(content))] ^= 1 << random.integers(8)
        found = meaning.meanings_of(metadata.known_of(bytes(damaged), graph))
        assert all(len(each.classes) == 2 for each in found.values())


def test_what_does_not_fit_an_output_is_refused():
    graph = tiny()
    for wrong in (
        Meaning("classification", ("one",)),
        Meaning("poetry", NAMES),
        Meaning("faces", (), float("nan")),
        Meaning("segmentation", ("a\n", "b")),
    ):
        with pytest.raises(GraphError):
            meaning.attach(graph, {graph.outputs[0]: wrong})
    with pytest.raises(GraphError, match="has no output nowhere"):
        meaning.attach(graph, {"nowhere": CLASSES})


def test_another_size_keeps_them(named):
    assert meaning.meanings_of(resize(named, (16, 12))) == {named.outputs[0]: CLASSES}


@pytest.mark.compiler
def test_the_header_has_them_as_c_strings(named, tmp_path):
    project.write_folder(Network(named).plan, tmp_path, named)
    (tmp_path / "names.c").write_text(
        '#include <stdio.h>\n#include "tiny_stream.h"\n'
        "static const char *const names[] = TINY_OUTPUT1_CLASS_NAMES;\n"
        "int main(void) {\n"
        '    for (int i = 0; i < TINY_OUTPUT1_CHANNELS; i++) printf("%s\\n", names[i]);\n'
        '    printf("%g %d\\n", (double)TINY_INPUT_SCALE, TINY_INPUT_ZERO_POINT);\n'
        "    return 0;\n}\n"
    )
    build = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-trigraphs", "-I", tmp_path, tmp_path / "names.c"]
    built = subprocess.run([*build, "-o", tmp_path / "names"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    shown = subprocess.run([tmp_path / "names"], capture_output=True, check=True).stdout.decode().splitlines()
    image = named.tensor(named.inputs[0])
    assert shown == [*NAMES, f"{image.scale:g} {image.zero_point}"]
