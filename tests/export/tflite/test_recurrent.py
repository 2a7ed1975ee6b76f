"""LSTMs and SVDFs of a .tflite: equal to TensorFlow Lite Micro over calls in a row, everywhere."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from export.graph.golden import random_inputs
from export.graph.operators import Conv2D, Lstm, Rearrange, Softmax, Svdf
from export.opening import OpenNetwork
from export.tflite.reading.reader import TfliteError, read
from tests.support.proofs import prove_tflite
from tests.support.tflite.recurrent_models import convert, filtering, lstm, recurrent_file

BACKENDS = ["tflm", "tflite-ref", "stream", "c"]


@cache
def converted():
    return convert(lstm())


def content(made):
    """The .tflite of a file and its output."""
    file, output = made
    return file.content([0], [output])


def test_a_converted_net_is_equal_at_every_tensor():
    graph, tflite = read(converted())
    kinds = [type(operator) for operator in graph.operators]
    assert kinds == [Conv2D, Lstm, Rearrange, Conv2D, Softmax]
    result = prove_tflite(graph, tflite, random_inputs(graph, 6), on=BACKENDS)
    assert result.passed, str(result)


def test_an_input_has_a_time_step_per_row_and_no_row_is_kept():
    network = OpenNetwork(read(content(recurrent_file()))[0])
    assert network.graph.tensor(network.graph.inputs[0]).shape == (6, 1, 5)
    assert [buffer.rows for buffer in network.plan.buffers.values()] == [0, 0]
    convolved = OpenNetwork(read(converted())[0]).plan
    assert [buffer.rows for buffer in convolved.buffers.values()] == [2, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("time_major", [False, True], ids=["batch_major", "time_major"])
@pytest.mark.parametrize("clip", [0.0, 10.0, 0.5])
def test_a_sequence_either_way_round(time_major, clip):
    file, output = recurrent_file(time_major, cellClip=clip)
    graph, tflite = read(file.content([0], [output]))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5), on=["tflm", "stream"])
    assert result.passed, str(result)


@pytest.mark.parametrize("bits", [-2, 8, 12, 15])
def test_cells_of_any_scale(bits):
    quantization = recurrent_file()[0].tensors[0].quantization
    coding = replace(quantization, scales=np.array([2.0**-bits], np.float32), zero_points=np.array([0]))
    file, output = recurrent_file(cellClip=0.0, input19=lambda tensor: replace(tensor, quantization=coding))
    graph, tflite = read(file.content([0], [output]))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5), on=["tflm", "stream"])
    assert result.passed, str(result)


@pytest.mark.parametrize(("bits", "zero_point"), [(16, 0), (8, 0), (8, -50), (8, 127)])
def test_svdfs(bits, zero_point):
    file, output = filtering(bits=bits, zero_point=zero_point)
    graph, tflite = read(file.content([0], [output]))
    assert [type(operator) for operator in graph.operators] == [Svdf, Svdf]
    result = prove_tflite(graph, tflite, random_inputs(graph, 12), on=BACKENDS)
    assert result.passed, str(result)


@pytest.mark.parametrize(
    "make",
    [converted, lambda: content(filtering()), lambda: content(filtering(bits=8, zero_point=37))],
    ids=["lstm", "svdf", "svdf of int8"],
)
def test_a_graph_is_written_as_a_tflite_again(make):
    network = OpenNetwork(read(make())[0])
    result = network.verify(inputs=6, on=BACKENDS)
    assert result.passed, str(result)
    kinds = [type(operator) for operator in network.graph.operators]
    assert kinds == [type(operator) for operator in read(network.tflite.content)[0].operators]


def test_boards_remember():
    for made in (converted(), content(filtering())):
        result = OpenNetwork(read(made)[0]).verify(inputs=3, on=["m4", "rv32"])
        assert result.passed, str(result)


# --- What is refused


def _with(**fields):
    return lambda tensor: replace(tensor, **fields)


def _with_scale(scale):
    return lambda tensor: replace(
        tensor, quantization=replace(tensor.quantization, scales=np.array([scale], np.float32))
    )


def _with_zero_point(zero_point):
    return lambda tensor: replace(tensor, quantization=replace(tensor.quantization, zero_points=np.array([zero_point])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fusedActivationFunction": 1}, "its activation is RELU; it must be TANH"),
        ({"input18": _with(variable=False)}, r"its input 18 is no variable of type int8 and shape \(1, 4\); expected"),
        ({"input19": _with(type="INT8")}, "its input 19 is variable of type int8 .*; expected a variable of 4 int16"),
        ({"input19": _with_scale(0.001)}, "its cell has scale 0.001.* must be a power of two and 0"),
        ({"input18": _with_scale(0.5)}, "its tensors must share one scale and zero point"),
        ({"input2": _with(shape=(5, 4))}, "broken|its buffer|its gates have shapes"),
        ({"cellClip": 1e-6}, "its cell is clipped at .*, which is less than its scale"),
        ({"input0": _with(shape=(2, 6, 5))}, r"the batch of shape \(2, 6, 5\) is 2; it must be 1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_tflm_or_we_do_not_compute_is_refused(changes, message):
    file, output = recurrent_file(**changes)
    with pytest.raises(TfliteError, match=message):
        read(file.content([0], [output]))


def test_a_peephole_is_refused():
    file, output = recurrent_file()
    (operator,) = file.operators
    peephole = file.constant(np.zeros(4, np.int16), scale=1.0)
    inputs = (*operator.inputs[:9], peephole, *operator.inputs[10:])
    file.operators = [replace(operator, inputs=inputs)]
    with pytest.raises(TfliteError, match="it has peepholes; expected a plain LSTM"):
        read(file.content([0], [output]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input4": _with(type="INT8")}, "expected a variable of 40 int16"),
        ({"input3": _with_scale(0.5)}, "its biases have scale 0.5; expected 1.0"),
        ({"input1": _with_zero_point(3)}, "its weights have a zero point other than 0"),
        ({"input4": _with_zero_point(3)}, "its memory has zero point 3; expected 0, or of 8 bits an int8"),
        ({"input0": _with(shape=(6,))}, r"its input has shape \(6,\); expected \(1, features\)"),
    ],
    ids=["state", "bias", "weights", "zero point", "shape"],
)
def test_an_svdf_that_tflm_does_not_compute_is_refused(changes, message):
    file, output = filtering(**changes)
    with pytest.raises(TfliteError, match=message):
        read(file.content([0], [output]))
