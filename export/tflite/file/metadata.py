"""What a network's outputs stand for, inside a .tflite: TensorFlow Lite Metadata, and labels as files in it.

A .tflite with metadata is also a zip archive: `unzip model.tflite` gives labels.txt. The table that
names these files is the buffer TFLITE_METADATA, of metadata_schema.fbs (file identifier M001), which
Android's libraries read. What the schema has no place for is in sfkeras.json.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict

import flatbuffers

from export.graph import meaning
from export.graph.graph import Graph
from export.graph.meaning import Meaning
from export.graph.tensor import GraphError

BUFFER, IDENTIFIER = "TFLITE_METADATA", b"M001"
OWN = "sfkeras.json"
MOST_BYTES = 1 << 20  # of a file in the archive that is read
# Of metadata_schema.fbs: places of fields in their tables, and numbers of enumerations.
IMAGE_PROPERTIES, NORMALIZATION = 2, 1
RGB, GREY, AXIS_LABELS = 1, 2, 2


def labels_file(graph: Graph, output: str) -> str:
    """Return the name of the file with the classes of an output."""
    return "labels.txt" if len(graph.outputs) == 1 else f"labels_{graph.outputs.index(output)}.txt"


def files(graph: Graph) -> dict[str, str]:
    """Return the files of the archive, by name; none if nothing is known about the outputs."""
    known = meaning.meanings_of(graph)
    if not known:
        return {}
    own = {"outputs": {output: asdict(each) for output, each in known.items()}, "fit": graph.metadata.get(meaning.FIT)}
    labels = {labels_file(graph, output): "\n".join(each.classes) for output, each in known.items() if each.classes}
    return {OWN: json.dumps(own, ensure_ascii=False, indent=1), **labels}


def appended(content: bytes, files: dict[str, str]) -> bytes:
    """Return a .tflite followed by a zip archive of files. The same files give the same bytes."""
    if not files:
        return content
    together = io.BytesIO(content)
    with zipfile.ZipFile(together, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # with a fixed date
    return together.getvalue()


def table(graph: Graph) -> bytes:
    """Return the buffer TFLITE_METADATA of a graph."""
    builder, known = flatbuffers.Builder(1 << 12), meaning.meanings_of(graph)
    image = graph.tensor(graph.inputs[0])
    colour = _table(builder, {}, {0: RGB if image.channels == 3 else GREY})
    content = _table(builder, {1: colour}, {0: IMAGE_PROPERTIES})
    normal = _table(builder, {slot: _floats(builder, [128.0] * image.channels) for slot in (0, 1)})  # mean, deviation
    process = _table(builder, {1: normal}, {0: NORMALIZATION})
    inputs = [_table(builder, {0: builder.CreateString("image"), 3: content, 4: _vector(builder, [process])})]
    outputs = []
    for output in graph.outputs:
        fields = {0: builder.CreateString(known[output].task if output in known else output)}
        if output in known and known[output].classes:
            file = _table(builder, {0: builder.CreateString(labels_file(graph, output))}, {2: AXIS_LABELS})
            fields[6] = _vector(builder, [file])
        outputs.append(_table(builder, fields))
    subgraph = _table(builder, {2: _vector(builder, inputs), 3: _vector(builder, outputs)})
    fields = {0: builder.CreateString(graph.name), 3: _vector(builder, [subgraph]), 7: builder.CreateString("1.0.0")}
    builder.Finish(_table(builder, fields), IDENTIFIER)
    return bytes(builder.Output())


def _table(builder, references: dict[int, int], numbers: dict[int, int] | None = None) -> int:
    """Write a table with references and small numbers in some of its slots."""
    builder.StartObject(1 + max([*references, *(numbers or {})], default=0))
    for slot, reference in references.items():
        builder.PrependUOffsetTRelativeSlot(slot, reference, 0)
    for slot, number in (numbers or {}).items():
        builder.PrependUint8Slot(slot, number, 0)
    return builder.EndObject()


def _vector(builder, references: list[int]) -> int:
    builder.StartVector(4, len(references), 4)
    for reference in reversed(references):
        builder.PrependUOffsetTRelative(reference)
    return builder.EndVector()


def _floats(builder, values: list[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


def known_of(content: bytes, graph: Graph) -> Graph:
    """Return the graph of a .tflite with what the file says about its outputs.

    Labels of others are taken if one text file has a line per channel of the only output. What is
    damaged or does not fit is left out: the network computes without it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            files = {each.filename: each for each in packed.infolist() if each.file_size <= MOST_BYTES}
            if OWN in files:
                return _own(graph, json.loads(packed.read(OWN)))
            (labels,) = [name for name in files if name.endswith(".txt")]
            lines = tuple(line.strip() for line in packed.read(labels).decode().splitlines())
            (output,) = graph.outputs
            task = "classification" if graph.tensor(output).shape[:2] == (1, 1) else "segmentation"
            return meaning.attach(graph, {output: Meaning(task, lines)})
    except (GraphError, ValueError, KeyError, TypeError, AttributeError, OSError, RuntimeError, NotImplementedError):
        return graph
    except zipfile.BadZipFile:  # most files: there is no archive
        return graph


def _own(graph: Graph, own: dict) -> Graph:
    """Return the graph with the content of sfkeras.json; its outputs have their order, and names may have changed."""
    if len(own["outputs"]) != len(graph.outputs):
        return graph
    found = dict(zip(graph.outputs, map(meaning.of_dict, own["outputs"].values())))
    return meaning.attach(graph, found, own["fit"])
