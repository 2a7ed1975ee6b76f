"""Networks as TensorFlow's converter writes them: read, and equal to TensorFlow Lite Micro at every tensor."""

import pytest
import tensorflow as tf

from export.graph.golden import random_inputs
from export.graph.operators import (
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Join,
    Lookup,
    MatMul,
    MaxPool,
    Mean,
    Multiply,
    Normalize,
    Pad,
    Prelu,
    Rearrange,
    Reduce,
    Resize,
    Softmax,
    SquaredDifference,
    Subtract,
    Wire,
)
from export.tflite.file import flatbuffer
from export.tflite.reading.reader import read
from tests.support.proofs import prove_tflite
from tests.support.tflite import newer_models
from tests.support.tflite.converted_models import (
    autoencoder,
    convert,
    ds_cnn,
    mobilenet_v2,
    resnet_v2,
    shuffled,
    temporal,
)

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


NEWER = {
    newer_models.attention: {MatMul, Softmax, Lookup},
    newer_models.detector: {Resize, Rearrange, Join},
    newer_models.functions: {Lookup, Multiply},
    newer_models.gated_signal: {Prelu, Resize, Multiply},
    newer_models.moved: {Rearrange, Join, Reduce},
    newer_models.pixels: {Normalize, Softmax},
    newer_models.segmentation: {Mean, Resize},
    newer_models.squeeze_and_excite: {Mean, Resize, Multiply},
    newer_models.statistics: {Reduce, Subtract, SquaredDifference},
    newer_models.u_net: {Prelu, Rearrange},
}


@pytest.mark.parametrize("build", NEWER, ids=lambda build: build.__name__)
def test_newer_models_are_equal_in_tflm_and_row_by_row(build):
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(build()))
    assert NEWER[build] <= {type(operator) for operator in graph.operators}
    result = prove_tflite(graph, tflite, random_inputs(graph, 5), on=["tflm", "stream"])
    assert result.passed, str(result)


# One of each kind of network; those that remember are in tflite/test_states.py and tflite/test_recurrent.py.
KINDS = [
    temporal,
    newer_models.attention,
    newer_models.detector,
    newer_models.segmentation,
    newer_models.squeeze_and_excite,
    newer_models.u_net,
]


@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
def test_each_kind_of_network_is_equal_in_c_here_and_on_a_board(build):
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(build()))
    result = prove_tflite(graph, tflite, random_inputs(graph, 2), on=["c", "m4"])
    assert result.passed, str(result)


def test_a_model_with_float_ends_is_the_same_graph_between_them():
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(ds_cnn(), io=tf.float32))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5))
    assert result.passed, str(result)
    assert not {"QUANTIZE", "DEQUANTIZE"} & {operator.kind for operator in flatbuffer.parse(tflite.content).operators}


def test_shapes_that_depend_on_the_batch_alone_are_known():
    """Of Reshape((-1, values)): TensorFlow Lite Micro refuses the file as it is, with a map of one box."""
    tf.keras.utils.set_random_seed(0)
    graph, tflite = read(convert(newer_models.detector(batch=None), batch=None))
    assert [graph.tensor(output).shape for output in graph.outputs] == [(1, 60, 4), (1, 60, 3)]
    result = prove_tflite(graph, tflite, random_inputs(graph, 3), on=["tflm", "stream"])
    assert result.passed, str(result)


def test_a_model_of_any_batch_is_the_same_graph():
    tf.keras.utils.set_random_seed(0)
    model = temporal()
    (graph, tflite), (fixed, _) = (read(convert(model, batch=batch)) for batch in (None, 1))
    result = prove_tflite(graph, tflite, random_inputs(graph, 5))
    assert result.passed, str(result)
    assert sum(graph.macs().values()) == sum(fixed.macs().values())
