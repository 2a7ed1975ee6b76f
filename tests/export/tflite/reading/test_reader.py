"""Any int8 .tflite as an integer graph: equal to TensorFlow Lite Micro at every tensor, or refused by name."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import Add, ChannelScale, Conv2D, DepthwiseConv2D, MaxPool, Pad
from export.tflite.file.flatbuffer import TfliteError, parse, to_bytes
from export.tflite.reading.reader import read
from export.tflite.writing.writer import write
from tests.support.networks.graphs import semifreddo
from tests.support.networks.random_graphs import SCALES, ZERO_POINTS, random_graphs
from tests.support.proofs import prove_tflite
from tests.support.tflite.tflite_files import FileBuilder, options

ROOT = Path(__file__).parents[4]
SHARED_MODELS = ROOT.parent / "shared" / "models"
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3

many = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def assert_equal_to_tflm(content, inputs=6):
    """Reads a file, and runs it in every way; returns its graph."""
    graph, tflite = read(content)
    assert set(graph.outputs) <= tflite.tensors.keys()
    result = prove_tflite(graph, tflite, random_inputs(graph, inputs))
    assert result.passed, str(result)
    assert len(result.backends[2].checksums) == len(tflite.tensors)
    return graph


def kinds(graph):
    return [type(operator).__name__ for operator in graph.operators]


def refused(message):
    return pytest.raises(TfliteError, match=re.escape(message))


# --- Whole models -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED_MODELS.is_dir(), reason=f"there is no {SHARED_MODELS}")
def test_visual_wake_words_is_equal_at_every_tensor():
    content = (SHARED_MODELS / "vww_96_int8.tflite").read_bytes()
    graph = assert_equal_to_tflm(content, inputs=20)
    assert sum(graph.macs().values()) == 7_489_664
    counted = {kind: kinds(graph).count(kind) for kind in kinds(graph)}
    assert counted == {"Conv2D": 15, "DepthwiseConv2D": 13, "AveragePool": 1, "Softmax": 1}
    assert len(read(content)[1].tensors) == 31


@many
@given(random_graphs())
def test_what_is_written_is_read_back(graph):
    content = write(graph).content
    again, tflite = read(content)
    assert tflite.content == content
    inputs = random_inputs(graph, 3)
    result = prove_tflite(again, tflite, dict(zip(again.inputs, inputs.values())))
    assert result.passed, str(result)
    expected = golden.run(graph, inputs, graph.outputs)
    got = golden.run(again, dict(zip(again.inputs, inputs.values())), again.outputs)
    for name, other in zip(graph.outputs, again.outputs):
        np.testing.assert_array_equal(got[other], expected[name])


def test_a_semifreddo_net_is_read_back():
    graph = semifreddo()
    again = assert_equal_to_tflm(write(graph).content, inputs=2)
    assert sum(again.macs().values()) == sum(graph.macs().values())


# --- Operators --------------------------------------------------------------------------------------------------------


@st.composite
def codings(draw):
    return {"scale": draw(SCALES), "zero_point": draw(ZERO_POINTS)}


@many
@given(codings(), codings(), st.sampled_from(["CONV_2D", "grouped", "one scale", "no bias"]), st.booleans())
def test_convolutions(first, second, kind, relu):
    file = FileBuilder()
    x, y = file.tensor(1, 7, 6, 4, **first), file.tensor(1, 3, 3, 6, **second)
    groups = 2 if kind == "grouped" else 1
    stride = {"strideH": 2, "strideW": 2, "dilationHFactor": 1, "dilationWFactor": 1, "padding": VALID}
    stride["fusedActivationFunction"] = RELU if relu else NONE
    file.convolution(x, y, (2, 2), groups=groups, per_channel=kind != "one scale", **stride)
    if kind == "no bias":
        operator = file.operators[0]
        file.operators[0] = replace(operator, inputs=operator.inputs[:2])
        graph, tflite = read(file.content([x], [y]))  # which BUILTIN_REF refuses
        assert prove_tflite(graph, tflite, random_inputs(graph, 6), on=["tflm"]).passed
    else:
        assert assert_equal_to_tflm(file.content([x], [y])).operators[0].groups == groups


@many
@given(codings(), codings(), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_depthwise_convolutions_with_a_multiplier_are_grouped(first, second, channels, multiplier, per_channel):
    file = FileBuilder()
    out = channels * multiplier
    x, y = file.tensor(1, 5, 4, channels, **first), file.tensor(1, 5, 4, out, **second)
    weights = file.weights(file.codes(1, 3, 3, out), x, y, out if per_channel else 1, axis=3)
    values = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    file.add(
        "DEPTHWISE_CONV_2D",
        [x, *weights],
        y,
        options("DepthwiseConv2D", depthMultiplier=multiplier, **values),
        3,
    )
    (operator,) = assert_equal_to_tflm(file.content([x], [y])).operators
    assert isinstance(operator, DepthwiseConv2D if multiplier == 1 else Conv2D)


@many
@given(codings(), codings(), st.booleans(), st.sampled_from(["map", "flattened", "channels first", "each pixel"]))
def test_fully_connected_reads_a_map_in_whatever_order_it_was_flattened(first, second, per_channel, way):
    file = FileBuilder()
    x = source = file.tensor(1, 3, 4, 2, **first)
    if way == "channels first":  # as networks that came from another framework flatten
        source = file.tensor(1, 2, 3, 4, **first)
        file.add("TRANSPOSE", [x, file.ints(0, 3, 1, 2)], source, options("Transpose"))
    if way in ("flattened", "channels first"):
        flat = file.tensor(1, 24, **first)
        file.add("RESHAPE", [source, file.ints(1, 24)], flat, options("Reshape"))
        source = flat
    depth = 2 if way == "each pixel" else 24
    y = file.tensor(*((1, 3, 4, 7) if way == "each pixel" else (1, 7)), **second)
    weights = file.weights(file.codes(7, depth), x, y, 7 if per_channel else 1)
    values = options("FullyConnected", keepNumDims=way == "each pixel")
    file.add("FULLY_CONNECTED", [source, *weights], y, values, 5)
    graph = assert_equal_to_tflm(file.content([x], [y]))
    assert kinds(graph) == ["Conv2D"]
    assert graph.operators[0].kernel == ((1, 1) if way == "each pixel" else (3, 4))


def test_a_fully_connected_of_one_scale_rounds_its_product_of_scales_as_tflm_does():
    file = FileBuilder(1)
    x, y = file.tensor(1, 600, scale=0.0173), file.tensor(1, 400, scale=0.0041)
    weights = file.weights(file.codes(400, 600), x, y, 1)
    file.add("FULLY_CONNECTED", [x, *weights], y, options("FullyConnected"), 5)
    graph = assert_equal_to_tflm(file.content([x], [y]), inputs=50)
    operator = graph.operators[0]
    exact = replace(operator, fully_connected=False).multipliers(*graph.tensors)
    assert np.all(exact != operator.multipliers(*graph.tensors))


FUNCTIONS = {
    "ABS": None,
    "ELU": None,
    "HARD_SWISH": None,
    "LEAKY_RELU": options("LeakyRelu", alpha=0.3),
    "LOGISTIC": None,
    "QUANTIZE": options("Quantize"),
    "RELU": None,
    "RELU6": None,
    "TANH": None,
}


HALVES = {"scale": 0.25, "zero_point": 0}, {"scale": float(np.float32(0.2)), "zero_point": 0}  # sums next to a half
NEAR_HALF = {"scale": 2.0**-7, "zero_point": 0}


@pytest.mark.parametrize("kind", FUNCTIONS)
@settings(parent=many, max_examples=8)
@given(codings(), codings())
@example(*HALVES)
@example(NEAR_HALF, NEAR_HALF)
def test_functions_of_one_code_become_tables(kind, first, second):
    fixed = {"LOGISTIC": {"scale": 2.0**-8, "zero_point": -128}, "TANH": {"scale": 2.0**-7, "zero_point": 0}}
    file = FileBuilder()
    x, y = file.tensor(1, 5, 6, 3, **first), file.tensor(1, 5, 6, 3, **fixed.get(kind, second))
    file.add(kind, [x], y, FUNCTIONS[kind])
    assert kinds(assert_equal_to_tflm(file.content([x], [y]))) == ["Lookup"]


@pytest.mark.parametrize("kind", ["ADD", "MAXIMUM", "MINIMUM", "MUL", "SUB"])
@settings(parent=many, max_examples=8)
@given(codings(), codings(), st.integers(-128, 127), st.booleans())
def test_one_constant_makes_a_table(kind, first, second, constant, swapped):
    file = FileBuilder()
    x, y = file.tensor(1, 4, 3, 5, **first), file.tensor(1, 4, 3, 5, **second)
    inputs = [x, file.constant(np.array(constant, np.int8), scale=0.03125)]
    activation = {} if kind in ("MAXIMUM", "MINIMUM") else {"fusedActivationFunction": RELU6}
    values = options("MaximumMinimum" if not activation else kind.title(), **activation)
    file.add(kind, inputs[::-1] if swapped else inputs, y, values)
    assert kinds(assert_equal_to_tflm(file.content([x], [y]))) == ["Lookup"]


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
@many
@given(codings(), codings(), codings(), st.booleans())
def test_a_constant_a_channel(kind, first, second, third, swapped):
    file = FileBuilder()
    x, y = file.tensor(1, 4, 3, 5, **first), file.tensor(1, 4, 3, 5, **second)
    inputs = [x, file.constant(file.codes(5), **third)]
    file.add(kind, inputs[::-1] if swapped else inputs, y, options(kind.title(), fusedActivationFunction=RELU))
    graph = assert_equal_to_tflm(file.content([x], [y]))
    assert isinstance(graph.operators[-1], Add if kind == "ADD" else ChannelScale)


@many
@given(codings(), codings(), st.sampled_from([(1, 4, 3, 5), (1, 60), (1, 4, 15)]))
@example({"scale": 0.25, "zero_point": 0}, {"scale": float(np.float32(0.1)), "zero_point": 0}, (1, 4, 3, 5))
def test_pairs_of_maps_that_are_reshaped_alike(first, second, shape):
    file = FileBuilder()
    x, other = (file.tensor(1, 4, 3, 5, **first) for _ in range(2))
    flat = [file.tensor(*shape, **first) for _ in range(2)]
    for source, target in zip((x, other), flat):
        file.add("RESHAPE", [source, file.ints(*shape)], target, options("Reshape"))
    y, z = file.tensor(*shape, **second), file.tensor(*shape, **second)
    file.add("MUL", flat, y, options("Mul"))
    file.add("ADD", [y, flat[0]], z, options("Add"))
    assert kinds(assert_equal_to_tflm(file.content([x, other], [z]))) == ["Multiply", "Add"]


@many
@given(
    codings(), st.sampled_from(["PAD", "PADV2"]), st.sampled_from(["conv", "max", "average", "both", "wide", "deep"])
)
@example({"scale": 0.5, "zero_point": -128}, "PAD", "max")
def test_padding_is_folded_where_it_is_the_same(coding, kind, reader):
    file = FileBuilder()
    sides = {"wide": [[3, 1], [0, 0], [0, 0]], "deep": [[0, 1], [1, 0], [0, 1]]}.get(reader, [[1, 0], [0, 1], [0, 0]])
    shape = [n + sum(side) for n, side in zip((4, 5, 3), sides)]
    x, padded = file.tensor(1, 4, 5, 3, **coding), file.tensor(1, *shape, **coding)
    inputs = [x, file.constant(np.array([[0, 0], *sides], np.int32))]
    if kind == "PADV2":
        inputs.append(file.constant(np.array([-128], np.int8), **coding))
    file.add(kind, inputs, padded, options("Pad" if kind == "PAD" else "PadV2"))
    outputs = []
    if reader != "max" and reader != "average":
        outputs.append(file.tensor(1, shape[0] - 2, shape[1] - 2, 2, scale=0.25, zero_point=4))
        file.convolution(padded, outputs[0], padding=VALID)
    if reader in ("max", "average", "both"):
        outputs.append(file.tensor(1, shape[0] - 1, shape[1] - 1, 3, **coding))
        pool = "AVERAGE_POOL_2D" if reader == "average" else "MAX_POOL_2D"
        values = options("Pool2D", padding=VALID, strideH=1, strideW=1, filterHeight=2, filterWidth=2)
        file.add(pool, [padded], outputs[-1], values)
    graph = assert_equal_to_tflm(file.content([x], outputs))
    value = coding["zero_point"] if kind == "PAD" else -128
    folds = {
        "conv": value == coding["zero_point"],
        "max": value == -128,
        "average": False,
        "wide": False,
        "deep": False,
    }
    folds["both"] = folds["conv"] and folds["max"]
    assert any(isinstance(operator, Pad) for operator in graph.operators) == (not folds[reader])
    if reader == "max" and folds[reader]:
        assert isinstance(graph.operators[0], MaxPool) and graph.operators[0].padding == ((1, 0), (0, 1))


@many
@given(codings(), st.sampled_from(["4-D", "5-D"]), st.sampled_from([(2, 3), (3, 2), (4, 1)]))
def test_channel_shuffles_become_one_wire(coding, rank, groups):
    file = FileBuilder()
    first, second = groups
    parts = [(1, 12), (0, 2, 1)] if rank == "4-D" else [(1, 3, 4), (0, 1, 2, 4, 3)]
    shape, order = (*parts[0], first, second), (*parts[1], 3) if rank == "4-D" else parts[1]
    order = (0, 1, 3, 2) if rank == "4-D" else order
    x, apart = file.tensor(1, 3, 4, first * second, **coding), file.tensor(*shape, **coding)
    swapped, y = file.tensor(*(shape[i] for i in order), **coding), file.tensor(1, 3, 4, first * second, **coding)
    z = file.tensor(1, 3, 4, 2, scale=0.1)
    file.add("RESHAPE", [x, file.ints(*shape)], apart, options("Reshape"))
    file.add("TRANSPOSE", [apart, file.ints(*order)], swapped, options("Transpose"))
    file.add("RESHAPE", [swapped, file.ints(1, 3, 4, first * second)], y, options("Reshape"))
    file.convolution(y, z, (1, 1))
    graph = assert_equal_to_tflm(file.content([x], [z]))
    expected = np.arange(first * second).reshape(first, second).T.ravel()
    if 1 in groups:
        assert kinds(graph) == ["Conv2D"]  # nothing moves
    else:
        np.testing.assert_array_equal(graph.operators[0].sources[:, 1], expected)


def test_parts_of_channels_become_wires():
    file = FileBuilder()
    x = file.tensor(1, 3, 2, 8)
    axis = file.ints(3)
    halves = file.add("SPLIT", [axis, x], [file.tensor(1, 3, 2, 4) for _ in range(2)], options("Split", numSplits=2))
    lengths = file.constant(np.array([1, -1, 2], np.int32))
    thirds = [file.tensor(1, 3, 2, n) for n in (1, 5, 2)]
    file.add("SPLIT_V", [x, lengths, axis], thirds, options("SplitV", numSplits=3))
    gathered = file.tensor(1, 3, 2, 3)
    file.add("GATHER", [x, file.ints(7, 0, 7)], gathered, options("Gather", axis=-1))
    bounds = [file.ints(0, 0, 0, begin) for begin in (1,)] + [file.ints(0, 0, 0, 7), file.ints(1, 1, 1, 2)]
    strided = file.tensor(1, 3, 2, 3)
    file.add("STRIDED_SLICE", [x, *bounds], strided, options("StridedSlice", beginMask=7, endMask=7))
    sliced = file.tensor(1, 3, 2, 2)
    file.add("SLICE", [x, file.ints(0, 0, 0, 3), file.ints(1, -1, 2, 2)], sliced, options("Slice"))
    joined = file.tensor(1, 3, 2, 12)
    parts = [halves[1], thirds[0], gathered, strided, thirds[0]]
    file.add("CONCATENATION", parts, joined, options("Concatenation", axis=3))
    graph = assert_equal_to_tflm(file.content([x], [joined, sliced, halves[0], thirds[2]]))
    assert set(kinds(graph)) == {"Wire"}
    image = np.arange(48, dtype=np.int8).reshape(1, 3, 2, 8)
    joined = golden.run(graph, image)[graph.outputs[0]]
    np.testing.assert_array_equal(joined[0, 0, 0], [4, 5, 6, 7, 0, 7, 0, 7, 1, 3, 5, 0])


@many
@given(codings(), codings(), st.booleans())
def test_the_end_of_a_classifier_without_dimensions_of_one(first, second, keep):
    file = FileBuilder()
    x = file.tensor(1, 3, 5, 7, **first)
    mean, y = (
        file.tensor(*((1, 1, 1, 7) if keep else (1, 7)), **second),
        file.tensor(1, 7, scale=1 / 256, zero_point=-128),
    )
    file.add("MEAN", [x, file.ints(1, 2)], mean, options("Reducer", keepDims=keep), 2)
    if keep:
        squeezed = file.tensor(1, 7, **second)
        mean = file.add("SQUEEZE", [mean], squeezed, options("Squeeze", squeezeDims=[1, 2]))
    file.add("SOFTMAX", [mean], y, options("Softmax", beta=1.0), 2)
    assert kinds(assert_equal_to_tflm(file.content([x], [y]))) == ["Mean", "Softmax"]


def test_a_flat_input_that_becomes_a_map_is_that_map():
    file = FileBuilder()
    x, picture, y = file.tensor(1, 60), file.tensor(1, 5, 4, 3), file.tensor(1, 5, 4, 2, scale=0.1)
    file.add("RESHAPE", [x, file.ints(1, 5, 4, 3)], picture, options("Reshape"))
    file.convolution(picture, y)
    graph = assert_equal_to_tflm(file.content([x], [y]))
    assert graph.tensor(graph.inputs[0]).shape == (5, 4, 3) and kinds(graph) == ["Conv2D"]


@pytest.mark.parametrize("outside", ["FLOAT32", "UINT8"])
def test_conversions_at_the_ends_are_left_out(outside):
    file = FileBuilder()
    coding = {"FLOAT32": {"scale": None}, "UINT8": {"scale": 2.0**-4, "zero_point": 128}}[outside]
    image, x = file.tensor(1, 4, 4, 3, type=outside, **coding), file.tensor(1, 4, 4, 3)
    y, result = file.tensor(1, 4, 4, 2), file.tensor(1, 4, 4, 2, type=outside, **coding)
    file.add("QUANTIZE", [image], x, options("Quantize"))
    file.convolution(x, y)
    file.add(*("DEQUANTIZE", [y], result) if outside == "FLOAT32" else ("QUANTIZE", [y], result, options("Quantize")))
    content = file.content([image], [result])
    graph = assert_equal_to_tflm(content)
    assert (graph.inputs, graph.outputs) == ((f"tensor{x}",), (f"tensor{y}",))
    assert [operator.kind for operator in parse(read(content)[1].content).operators] == ["CONV_2D"]


def test_names_are_unique_and_not_empty():
    file = FileBuilder()
    x, y, z = (
        file.tensor(1, 2, 2, 3, name="same"),
        file.tensor(1, 2, 2, 3, name="same"),
        file.tensor(1, 2, 2, 3, name=""),
    )
    file.add("ABS", [x], y)
    file.add("ABS", [y], z)
    graph = assert_equal_to_tflm(file.content([x], [x, z, z]))
    assert [tensor.name for tensor in graph.tensors] == ["same", "same.1", "tensor2", "tensor2'"]
    assert len(graph.outputs) == 3


def test_fused_layers_have_the_name_of_the_last_one():
    file = FileBuilder()
    x = file.tensor(1, 4, 4, 2, name="image;of/a/camera")
    file.constant(np.zeros(1, np.int8), name="net/Relu;net/Conv2D")  # a constant gives way
    y = file.tensor(1, 4, 4, 2, name="net/Relu;net/BatchNorm;net/Conv2D")
    file.convolution(x, y)
    graph = assert_equal_to_tflm(file.content([x], [y]))
    assert (graph.inputs, graph.outputs) == (("image",), ("net/Relu",))


# --- Refusals ---------------------------------------------------------------------------------------------------------


def one_operator(kind, shapes=((1, 4, 4, 3), (1, 4, 4, 3)), values=None, x=None, y=None):
    file = FileBuilder()
    x, y = file.tensor(*shapes[0], **(x or {})), file.tensor(*shapes[1], **(y or {}))
    file.add(kind, [x], y, values)
    return file, x, y


def with_convolution(change=None, weights=None, **fields):
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(1, 4, 4, 2)
    file.convolution(x, y, **fields)
    if weights is not None:
        index = file.operators[0].inputs[1]
        file.tensors[index] = replace(file.tensors[index], **weights)
    if change is not None:
        file.tensors[x] = replace(file.tensors[x], **change)
    return file.content([x], [y])


def quantization(scales, zero_points, axis=0):
    file = FileBuilder()
    return file.tensors[file.tensor(1, scale=scales, zero_point=zero_points, axis=axis)].quantization


@pytest.mark.parametrize(
    "content, message",
    [
        (
            with_convolution({"type": "FLOAT32"}),
            "operator 0 (CONV_2D): its weights are int8 and its input is float32, as without representative data; convert",
        ),
        (
            with_convolution(
                {"type": "FLOAT32"}, weights={"type": "FLOAT32", "data": np.zeros((2, 3, 3, 3), np.float32)}
            ),
            "operator 0 (CONV_2D): it computes with floats, so the model is not quantised; convert it with a representative",
        ),
        (
            with_convolution({"type": "UINT8"}, weights={"type": "UINT8"}),
            "TensorFlow Lite Micro does not run it either",
        ),
        (
            with_convolution({"type": "INT16"}),
            "operator 0 (CONV_2D): its input is int16; convert the model with tf.lite",
        ),
        (with_convolution({"shape": (2, 4, 4, 3)}), "the batch of shape (2, 4, 4, 3) is 2; it must be 1"),
        (with_convolution({"quantization": None}), "input 0 (tensor0): it has no scale"),
        (
            with_convolution({"shape": (1, 4, 4, 5)}),
            "operator 0 (CONV_2D): its weights read 3 channels; its input has 5",
        ),
        (with_convolution({"shape": (1, 4, 5, 3)}), "operator 0 (CONV_2D): its output has shape (1, 4, 4, 2)"),
        (
            with_convolution(axis=3),
            "operator 0 (CONV_2D): its weights have 2 scales; expected one, or one for each of 2",
        ),
        (with_convolution(fusedActivationFunction=4), "operator 0 (CONV_2D): its activation is TANH"),
        (with_convolution(strideH=0), "operator 0 (CONV_2D): tensor1: strides are (0, 1)"),
        (
            with_convolution(weights={"quantization": quantization([1.0, 1.0], [0, 3])}),
            "operator 0 (CONV_2D): its weights have a zero point other than 0",
        ),
        (with_convolution(weights={"type": "UINT8"}), "operator 0 (CONV_2D): its weights are uint8; they must be int8"),
        (
            with_convolution(weights={"data": None}),
            "operator 0 (CONV_2D): its weights are computed; they must be constant",
        ),
    ],
)
def test_convolutions_that_are_refused(content, message):
    with refused(message):
        read(content)


def refusals():
    """Files that are refused, each with what is said."""
    yield (
        one_operator("LSTM"),
        "operator 0 (LSTM) is not supported; supported are ABS, ADD, ",
    )
    yield one_operator("AVERAGE_POOL_2D"), "operator 0 (AVERAGE_POOL_2D): it has no options of its kind"
    yield one_operator("LOGISTIC"), "operator 0 (LOGISTIC): its output has zero point 0; it must be -128"
    yield (
        one_operator("RESHAPE", ((1, 4, 4, 3), (1, 47))),
        "operator 0 (RESHAPE): it cannot reshape (1, 4, 4, 3) to (1, 47)",
    )
    yield one_operator("RESHAPE", y={"scale": 0.5}), "operator 0 (RESHAPE): its tensors must share one scale"
    yield one_operator("ABS", x={"scale": [0.5, 0.5]}), "input 0 (tensor0): it has 2 scales and 2 zero points"
    yield one_operator("ABS", x={"scale": 1e-9}, y={"scale": 1.0}), "they must be positive and not further apart"
    yield one_operator("ABS", ((1, 2, 2, 2, 3),) * 2), "it needs a map of up to 4 dimensions; got (1, 2, 2, 2, 3)"
    file = FileBuilder()
    x, y, z = file.tensor(1, 4, 4, 3), file.tensor(1, 3, 4, 3), file.tensor(1, 3, 4, 3)
    file.add("GATHER", [x, file.ints(0, 1, 3)], y, options("Gather", axis=1))
    file.add("ABS", [y], z)
    yield (
        (file, x, z),
        "operator 1 (ABS): its input, made by operator 0 (GATHER), moves values in no regular way",
    )
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(1, 4, 4, 6)
    file.add("CONCATENATION", [x, x], y, options("Concatenation", axis=3))
    file.tensors[y] = replace(file.tensors[y], quantization=quantization([0.5], [0]))
    yield (
        (file, x, y),
        "operator 0 (CONCATENATION): its tensors must share one scale and zero point; got 0.0625/0, 0.0625/0",
    )
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(1, 8, 4, 3)
    file.add("CONCATENATION", [x, x], y, options("Concatenation", axis=4))
    yield (file, x, y), "operator 0 (CONCATENATION): it joins along axis 4 of 4 dimensions"
    file = FileBuilder()
    x, small, y = file.tensor(1, 4, 4, 3), file.tensor(1, 3), file.tensor(1, 4, 4, 3)
    file.add("MEAN", [x, file.ints(1, 2)], small, options("Reducer"))
    other = file.tensor(1, 1, 1, 2)
    file.convolution(x, other, (4, 4), padding=1)
    file.add("MUL", [x, other], y, options("Mul"))
    yield (file, x, y), "operator 2 (MUL): its inputs have shapes (1, 4, 4, 3) and (1, 1, 1, 2), of which neither can"
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(4, 4, 3)
    file.add("MEAN", [x, file.ints(0)], y, options("Reducer"))
    yield (
        (file, x, y),
        "operator 0 (MEAN): it computes over axes [0] of (1, 4, 4, 3); expected rows, columns or channels",
    )
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(1, 4, 4, 3)
    file.add("SPLIT", [file.ints(7), x], y, options("Split", numSplits=1))
    yield (file, x, y), "operator 0 (SPLIT): it does not fit its input of shape (1, 4, 4, 3): "
    file, x, y = one_operator("ABS")
    yield (file, x, 5), "an operator or the model names tensor 5; there are 2"
    yield (file, y, y), "tensor 1 (tensor1) is made twice"


@pytest.mark.parametrize("built, message", list(refusals()))
def test_what_is_refused_is_named(built, message):
    file, x, y = built
    with refused(message):
        read(file.content([x], [y]))


def changed(content, change):
    """A file with a change that FileBuilder cannot make."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _dynamic(model, graph, signature=(1, -1, 4, 3)):
    graph.tensors[0].shapeSignature = list(signature)


def _sparse(model, graph):
    graph.tensors[graph.operators[0].inputs[1]].sparsity = schema.SparsityParametersT()


def _int4(model, graph):
    tensor = graph.tensors[graph.operators[0].inputs[1]]
    tensor.type = schema.TensorType.INT4
    model.buffers[tensor.buffer].data = model.buffers[tensor.buffer].data[::2]


def _custom(model, graph, name="MyOperator"):
    code = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = code
    model.operatorCodes[0].customCode = name


@pytest.mark.parametrize(
    "change, message",
    [
        (_dynamic, "operator 0 (CONV_2D): its input has a shape that is not known before it runs"),
        (_sparse, "operator 0 (CONV_2D): its weights are sparse; they must be dense"),
        (_int4, "operator 0 (CONV_2D): its weights are int4; they must be int8"),
        (_custom, "operator 0 (CUSTOM MyOperator) is not supported"),
        (
            partial(_custom, name="ethos-u"),
            "Vela has compiled the model for an Ethos-U: give the .tflite that it was made",
        ),
    ],
)
def test_what_tflite_can_say_and_a_graph_cannot_is_refused(change, message):
    with refused(message):
        read(changed(with_convolution(), change))


def test_a_batch_that_is_not_known_is_taken_as_one():
    content = changed(with_convolution(), lambda model, graph: _dynamic(model, graph, (-1, 4, 4, 3)))
    assert kinds(read(content)[0]) == ["Conv2D"]


def test_a_channel_whose_scale_is_zero_is_dead():
    content = with_convolution(weights={"quantization": quantization([0.0, 0.01], [0, 0])})
    graph = assert_equal_to_tflm(content)
    output = golden.run(graph, random_inputs(graph, 5))[graph.outputs[0]]
    assert not output[..., 0].any() and output[..., 1].any()


def test_other_files_are_refused():
    for content in (b"", b"PK\x03\x04 no model at all", write(semifreddo()).content[:8]):
        with pytest.raises(TfliteError):
            read(content)


# --- Broken files -----------------------------------------------------------------------------------------------------


def every_operator():
    """A file with most operators, small enough that a changed byte often hits something that matters."""
    file = FileBuilder()
    x, a, b, c, d, e, f, g, h, y = (
        file.tensor(*shape)
        for shape in [(1, 5, 5, 2)] * 2 + [(1, 7, 6, 2)] + [(1, 5, 4, 4)] * 4 + [(1, 1, 1, 4), (1, 4), (1, 3)]
    )
    file.add("LEAKY_RELU", [x], a, options("LeakyRelu", alpha=0.25))
    file.add("PAD", [a, file.constant(np.array([[0, 0], [1, 1], [0, 1], [0, 0]], np.int32))], b, options("Pad"))
    file.convolution(b, c, padding=VALID)
    halves = file.add(
        "SPLIT", [file.ints(3), c], [file.tensor(1, 5, 4, 2) for _ in range(2)], options("Split", numSplits=2)
    )
    file.add("CONCATENATION", halves[::-1], d, options("Concatenation", axis=3))
    file.add("MUL", [d, file.constant(file.codes(4), scale=0.01)], e, options("Mul"))
    file.add("ADD", [e, c], f, options("Add"))
    file.add("MEAN", [f, file.ints(1, 2)], g, options("Reducer", keepDims=True))
    file.add("RESHAPE", [g, file.ints(1, 4)], h, options("Reshape"))
    weights = file.weights(file.codes(3, 4), h, y, 1)
    file.add("FULLY_CONNECTED", [h, *weights], y, options("FullyConnected"))
    z = file.tensor(1, 3, scale=1 / 256, zero_point=-128)
    file.add("SOFTMAX", [y], z, options("Softmax", beta=1.0))
    return file.content([x], [z])


EVERY_OPERATOR = every_operator()


def test_the_file_that_is_broken_below_is_whole():
    assert_equal_to_tflm(EVERY_OPERATOR)


@settings(parent=many, max_examples=300)
@given(st.data())
def test_broken_files_are_refused_or_valid_graphs(data):
    content = bytearray(EVERY_OPERATOR)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.one_of(st.integers(0, 255), st.just(content[place] ^ 0x80)))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    try:
        read(bytes(content))
    except TfliteError as error:
        assert str(error)


@pytest.mark.parametrize("length", range(0, len(EVERY_OPERATOR), 61))
def test_truncated_files_are_refused(length):
    with pytest.raises(TfliteError):
        read(EVERY_OPERATOR[:length])


def test_a_file_survives_being_read_and_written():
    model = parse(EVERY_OPERATOR)
    assert to_bytes(parse(to_bytes(model))) == to_bytes(model)
