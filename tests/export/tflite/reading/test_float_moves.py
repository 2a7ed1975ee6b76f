"""Float operators that only move values, as the converter writes tf.split: int8 in the graph, and equal to TFLM."""

import pytest

from export.network import Network
from export.tflite.file.flatbuffer import parse
from export.tflite.reading.reader import TfliteError, read
from tests.export.tflite.reading.test_operators import prove, read_after, started
from tests.support.tflite.tflite_files import options

CODING = {"scale": 0.05, "zero_point": 3}


def split(file, map, *sizes, coding=None):
    """A SPLIT_V of a map's channels in float, and each part in int8."""
    before = file.tensor(*file.tensors[map].shape, scale=None, type="FLOAT32")
    file.add("DEQUANTIZE", [map], before)
    parts = [file.tensor(1, 6, 5, size, scale=None, type="FLOAT32") for size in sizes]
    file.add("SPLIT_V", [before, file.ints(*sizes), file.ints(3)], parts, options("SplitV", numSplits=len(sizes)))
    made = [file.tensor(1, 6, 5, size, **(coding or CODING)) for size in sizes]
    for part, output in zip(parts, made):
        file.add("QUANTIZE", [part], output)
    return made


def test_a_split_is_of_codes():
    file, image, map = started()
    outputs = [read_after(file, part) for part in split(file, map, 1, 3)]
    assert prove(file, [image], outputs) == ["Conv2D", "Wire", "Lookup", "Wire", "Lookup"]
    _, tflite = read(file.content([image], outputs))
    assert {"DEQUANTIZE"}.isdisjoint(operator.kind for operator in parse(tflite.content).operators)


def test_a_part_that_nothing_reads_and_a_float_function_beside_it():
    file, image, map = started()
    (_, last) = split(file, map, 1, 3)
    file.operators = [each for each in file.operators if each.kind != "QUANTIZE" or each.outputs == (last,)]
    before = next(each.outputs[0] for each in file.operators if each.kind == "DEQUANTIZE")
    square = file.tensor(1, 6, 5, 4, scale=None, type="FLOAT32")
    file.add("SQUARE", [before], square)
    squared = file.add("QUANTIZE", [square], file.tensor(1, 6, 5, 4, scale=0.1, zero_point=-128))
    assert prove(file, [image], [squared, read_after(file, last)]) == ["Conv2D", "Lookup", "Wire", "Lookup"]


def test_another_scale_is_refused():
    file, image, map = started()
    outputs = split(file, map, 1, 3, coding={"scale": 0.02, "zero_point": 0})
    with pytest.raises(TfliteError, match="operator 2 .SPLIT_V.: it computes with floats"):
        Network(read(file.content([image], outputs))[0])
