"""Models with tf.Variables, as streaming keyword spotters are: equal to TensorFlow Lite Micro over calls in a row."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from export.graph.golden import random_inputs
from export.graph.operators import ReadState, WriteState
from export.opening import OpenNetwork
from export.tflite.file import flatbuffer
from export.tflite.file.flatbuffer import TfliteError
from export.tflite.reading.reader import read
from tests.support.proofs import prove_tflite
from tests.support.tflite.streaming_models import Keywords, Recurrent, convert

BACKENDS = ["tflm", "tflite-ref", "stream", "c"]


@cache
def converted(model, io=tf.int8):
    return convert(model(), io)


@pytest.mark.parametrize("io", [tf.int8, tf.uint8], ids=["int8", "uint8"])
@pytest.mark.parametrize(("model", "states"), [(Keywords, 3), (Recurrent, 1)], ids=["keywords", "recurrent"])
def test_calls_in_a_row_are_equal_at_every_tensor(model, io, states):
    graph, tflite = read(converted(model, io))
    kinds = [type(operator) for operator in graph.operators]
    assert kinds.count(ReadState) == kinds.count(WriteState) == states
    result = prove_tflite(graph, tflite, random_inputs(graph, 12), on=BACKENDS)
    assert result.passed, str(result)


def test_a_call_depends_on_those_before_it():
    from export.graph import golden

    graph, _ = read(converted(Keywords))
    image = random_inputs(graph, 1)[graph.inputs[0]]
    outputs = golden.run(graph, np.repeat(image, 4, axis=0), graph.outputs)[graph.outputs[0]]
    assert not np.array_equal(outputs[0], outputs[3])


@pytest.mark.parametrize("model", [Keywords, Recurrent])
def test_a_graph_with_states_is_written_as_a_tflite_with_variables(model):
    network = OpenNetwork(read(converted(model))[0])
    result = network.verify(inputs=6, on=BACKENDS)
    assert result.passed, str(result)
    again, _ = read(network.tflite.content)
    assert sorted((state.shape, state.initial) for state in again.states) == sorted(
        (state.shape, state.initial) for state in network.graph.states
    )


def test_a_board_keeps_states():
    network = OpenNetwork(read(converted(Keywords))[0])
    result = network.verify(inputs=4, on=["m4", "rv32"])
    assert result.passed, str(result)


# --- What is refused


def changed(**of_once):
    """The keyword spotter with other values in the graph of first values."""
    file = flatbuffer.parse(converted(Keywords))
    (first,) = file.others
    return flatbuffer.to_bytes(replace(file, others=(replace(first, **of_once),)))


def test_a_state_that_begins_with_several_codes_is_refused():
    tensors = list(flatbuffer.parse(converted(Keywords)).others[0].tensors)
    index = next(i for i, tensor in enumerate(tensors) if tensor.data is not None)
    codes = tensors[index].data.copy()
    codes.flat[0] += 1
    tensors[index] = replace(tensors[index], data=codes)
    with pytest.raises(TfliteError, match=r"CALL_ONCE.* begins with 2 different codes; expected one"):
        read(changed(tensors=tuple(tensors)))


def test_first_values_that_are_computed_are_refused():
    (first,) = flatbuffer.parse(converted(Keywords)).others
    operators = [replace(each, kind="RELU") if each.kind == "ASSIGN_VARIABLE" else each for each in first.operators]
    with pytest.raises(
        TfliteError, match=r"CALL_ONCE.* its subgraph has RELU; expected VAR_HANDLE and ASSIGN_VARIABLE"
    ):
        read(changed(operators=tuple(operators)))


def test_a_subgraph_that_nothing_runs_once_is_refused():
    file = flatbuffer.parse(converted(Keywords))
    others = (*file.others, *file.others)
    with pytest.raises(TfliteError, match="it has 3 subgraphs; it must have one, and those that its CALL_ONCEs run"):
        read(flatbuffer.to_bytes(replace(file, others=others)))


def test_a_loop_is_refused_and_the_way_out_is_said():
    file = flatbuffer.parse(converted(Keywords))
    last = replace(file.operators[-1], kind="WHILE", options=None)
    with pytest.raises(TfliteError, match=r"\(WHILE\) is not supported, as no loop or branch: unroll it"):
        read(flatbuffer.to_bytes(replace(file, operators=(*file.operators[:-1], last))))


def test_a_state_of_another_scale_is_refused():
    file = flatbuffer.parse(converted(Keywords))
    (index,) = (
        each.outputs[0] for each in file.operators if each.kind == "READ_VARIABLE" and "_1/" in _name(file, each)
    )
    tensors = list(file.tensors)
    other = replace(tensors[index].quantization, scales=tensors[index].quantization.scales * 2)
    tensors[index] = replace(tensors[index], quantization=other)
    with pytest.raises(TfliteError, match="its tensors must share one scale and zero point"):
        read(flatbuffer.to_bytes(replace(file, tensors=tuple(tensors))))


def _name(file, operator):
    return file.tensors[operator.outputs[0]].name
