"""Networks as TensorFlow's converter writes them: read, and equal to TensorFlow Lite Micro at every tensor."""

import pytest
import tensorflow as tf

from export.graph.golden import random_inputs
from export.graph.operators import (
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Pad,
    Softmax,
    Wire,
)
from export.tflite import flatbuffer
from export.tflite.reader import read
from tests.support.converted_models import autoencoder, convert, ds_cnn, mobilenet_v2, resnet_v2, shuffled, temporal
from tests.support.proofs import prove_tflite

MODELS = {  # and operators of the graph that each is here for
    autoencoder: {Conv2D},
    ds_cnn: {Conv2D, DepthwiseConv2D, Softmax},
    mobilenet_v2: {Mean, Softmax},
    resnet_v2: {ChannelScale, MaxPool},
    shuffled: {Wire, Lookup, Multiply},
    temporal: {Conv2D, MaxPool, Pad},
}


@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_converted_models_are_equal_at_every_tensor(build):
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(build()))
    assert MODELS[build] <= {type(operator) for operator in graph.operators}
    result = prove_tflite(graph, tflite, random_inputs(graph, 10))
    assert result.passed, str(result)
    filled = {operator.name for operator in graph.operators if not hasattr(operator, "codes") or operator.codes.any()}
    assert filled <= result.backends[2].checksums.keys()


def test_a_model_with_float_ends_is_the_same_graph_between_them():
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(ds_cnn(), io=tf.float32))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5))
    assert result.passed, str(result)
    assert not {"QUANTIZE", "DEQUANTIZE"} & {operator.kind for operator in flatbuffer.parse(tflite.content).operators}


def test_a_model_of_any_batch_is_the_same_graph():
    tf.keras.utils.set_random_seed(0)
    model = temporal()
    (graph, tflite), (fixed, _) = (read(convert(model, batch=batch)) for batch in (None, 1))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5))
    assert result.passed, str(result)
    assert sum(graph.macs().values()) == sum(fixed.macs().values())
