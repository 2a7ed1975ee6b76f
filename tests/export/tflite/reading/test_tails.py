"""Operators at a file's end that compute with floats or int16: left out, said in the metadata, and the rest equals TFLM."""

import pytest

from export.c import tables
from export.datapath import task_image
from export.graph.graph import LEFT_OUT
from export.network import Network
from export.tflite.file.flatbuffer import Model, TfliteError, parse, to_bytes
from export.tflite.reading.reader import read
from tests.export.tflite.reading.test_operators import prove, started
from tests.support.tflite.tflite_files import options

SHAPE = (1, 6, 5, 4)


def floats(file, shape=SHAPE):
    return file.tensor(*shape, scale=None, type="FLOAT32")


def dequantized(file, map):
    return file.add("DEQUANTIZE", [map], floats(file))


@pytest.mark.parametrize("kind", ["SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "EXP"])
def test_a_function_of_floats_at_the_end(kind):
    file, image, map = started()
    output = file.add(kind, [dequantized(file, map)], floats(file), options("Softmax", beta=1.0))
    assert prove(file, [image], [output]) == ["Conv2D"]
    graph, tflite = read(file.content([image], [output]))
    sentence = f"{kind} of float32 at the end is left out; the outputs are the int8 codes before it"
    assert graph.metadata[LEFT_OUT] == sentence
    assert graph.outputs == (f"tensor{map}",)
    assert [operator.kind for operator in parse(tflite.content).operators] == ["CONV_2D"]
    network = Network(graph)
    assert network.remarks == [f"of the file, {sentence}"]
    assert (
        f"// Of the file, {sentence}." in tables.values(network.plan, task_image.write(network.plan))["output_macros"]
    )


def test_a_softmax_of_int16_and_what_comes_after_it():
    file, image, map = started()
    wide = file.tensor(*SHAPE, scale=2.0**-16, zero_point=-(2**15), type="INT16")
    file.add("SOFTMAX", [map], wide, options("Softmax", beta=1.0))
    output = file.add("QUANTIZE", [wide], file.tensor(*SHAPE, scale=2.0**-15, type="INT32"))
    assert prove(file, [image], [output]) == ["Conv2D"]
    assert read(file.content([image], [output]))[0].metadata[LEFT_OUT].startswith("SOFTMAX of int16 and int32 at")


def test_several_outputs_of_a_detector():
    """Codes stay outputs; boxes and scores that one operator reads become outputs, each once."""
    file, image, map = started()
    codes = file.add("RELU", [map], file.tensor(*SHAPE, scale=0.05, zero_point=3))
    boxes, scores = dequantized(file, map), dequantized(file, codes)
    squares = file.add("SQUARE", [scores], floats(file))
    outputs = [file.add("LESS", [boxes, each], floats(file)) for each in (squares, scores)]
    graph, _ = read(file.content([image], [outputs[0], map, outputs[1]]))
    assert graph.outputs == (f"tensor{map}", f"tensor{codes}")


def test_what_is_not_left_out():
    file, image, map = started()
    own = file.add("LOGISTIC", [map], file.tensor(*SHAPE, scale=1 / 256, zero_point=-128))
    graph, _ = read(file.content([image], [dequantized(file, own)]))
    assert LEFT_OUT not in graph.metadata and len(graph.operators) == 2


def test_a_file_that_works_with_floats_is_refused():
    file, image, map = started()
    output = file.add("BATCH_MATMUL", [dequantized(file, map)] * 2, floats(file))
    with pytest.raises(TfliteError, match=r"operator 2 \(BATCH_MATMUL\): it computes with floats"):
        read(file.content([image], [output]))


def test_the_first_graph_of_several_signatures_is_read():
    file, image, map = started()
    one = Model("one", tuple(file.tensors), tuple(file.operators), (image,), (map,))
    graph, tflite = read(to_bytes(Model(**{**vars(one), "others": (one,)})))
    assert graph.metadata[LEFT_OUT] == "the first of 2 graphs is read"
