"""Operators of a .tflite, one by one: read, and equal to TensorFlow Lite Micro in golden and in the line plan."""

import itertools
import math

import numpy as np
import pytest

from export.c import project
from export.graph.golden import random_inputs
from export.network import Network
from export.proof.proof import Proof
from export.streaming import line_plan
from export.tflite.file import schema
from export.tflite.reading.reader import TfliteError, read
from tests.support.tflite.tflite_files import FileBuilder, options

MAP = (1, 6, 5, 4)


def prove(file, inputs, outputs, count=4):
    """Read a file and compare golden, TFLM and the line plan at every tensor. Return the kinds of its operators."""
    graph, tflite = read(file.content(inputs, outputs))
    result = Proof(Network(graph, lambda _: tflite), few=None, on=["tflm", "stream"]).verify(
        random_inputs(graph, count)
    )
    assert result.passed, str(result)
    assert set(graph.outputs) <= tflite.tensors.keys()
    return [type(operator).__name__ for operator in graph.operators]


def made(file, image, *shape, scale=0.05, zero_point=3):
    """A map of this shape, which a convolution of the image and a mean make."""
    _, height, width, channels = shape
    map = file.tensor(1, *file.tensors[image].shape[1:3], channels, scale=scale, zero_point=zero_point)
    file.convolution(image, map)
    axes = [axis for axis, size in ((1, height), (2, width)) if size != file.tensors[map].shape[axis]]
    if not axes:
        return map
    small = file.tensor(*shape, scale=scale, zero_point=zero_point)
    return file.add("MEAN", [map, file.constant(np.array(axes, np.int32))], small, options("Reducer", keepDims=True))


def started(shape=MAP, **coding):
    """A file with an image and a map of this shape. Return file, image, map."""
    file = FileBuilder(1)
    if len(shape) != 4:
        image = file.tensor(*shape, **{"scale": 0.05, "zero_point": 3, **coding})
        return file, image, image
    image = file.tensor(1, *shape[1:3], 4, scale=0.03, zero_point=2)
    return file, image, made(file, image, *shape, **coding)


def read_after(file, index):
    """A QUANTIZE of a tensor, which needs it as a map."""
    return file.add("QUANTIZE", [index], file.tensor(*file.tensors[index].shape, scale=0.02, zero_point=-4))


# --- Two maps ----------------------------------------------------------------------------------------------------------

PAIRS = {
    "ADD": "Add",
    "MUL": "Mul",
    "SUB": "Sub",
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "SQUARED_DIFFERENCE": "SquaredDifference",
}
SHAPES = [
    (MAP, MAP, ""),
    (MAP, (1, 1, 1, 4), "Resize"),
    ((1, 1, 1, 4), MAP, "Resize"),
    (MAP, (1, 6, 5, 1), "Wire"),
    (MAP, (1, 1, 5, 1), "Reduce Wire Resize"),
    ((1, 6, 1, 4), (1, 1, 5, 4), "Resize"),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("kind", PAIRS)
def test_two_maps(kind, shapes):
    first, second, expected = shapes
    file = FileBuilder(1)
    image = file.tensor(*MAP, scale=0.03, zero_point=2)
    maps = [made(file, image, *first), made(file, image, *second, scale=0.03, zero_point=-7)]
    if kind in ("MAXIMUM", "MINIMUM"):
        maps[1] = made(file, image, *second)
    output = file.tensor(*np.broadcast_shapes(first, second), scale=0.09, zero_point=11)
    file.add(kind, maps, output, options(PAIRS[kind]))
    assert set(expected.split()) <= set(prove(file, [image], [output]))


CONSTANTS = {
    (4,): "ChannelScale DepthwiseConv2D",
    (1, 1, 1, 4): "ChannelScale DepthwiseConv2D",
    MAP: "Constant",
    (1, 6, 1, 1): "Constant",
    (6, 5, 1): "Constant",
    (1, 1, 1, 1): "Lookup",
}


@pytest.mark.parametrize("shape", CONSTANTS, ids=str)
@pytest.mark.parametrize("kind", PAIRS)
def test_a_map_and_constants(kind, shape):
    file, image, map = started()
    operands = [map, file.constant(file.codes(*shape), scale=0.04, zero_point=-7)]
    output = file.tensor(*MAP, scale=0.09, zero_point=11)
    file.add(kind, operands if kind != "SUB" else operands[::-1], output, options(PAIRS[kind]))
    assert set(CONSTANTS[shape].split()) & set(prove(file, [image], [output]))


@pytest.mark.parametrize("shape", [(4,), (1, 1, 4), (6, 5, 4), (1, 5, 4), (1,)], ids=str)
def test_slopes(shape):
    file, image, map = started()
    slopes = file.constant(file.codes(*shape), scale=0.01, zero_point=9)
    output = file.tensor(*MAP, scale=0.09, zero_point=11)
    file.add("PRELU", [map, slopes], output)
    assert prove(file, [image], [output])[-1] == ("Prelu" if math.prod(shape) > 1 else "Lookup")


@pytest.mark.parametrize("divisor", [3, -7, 127])
def test_a_map_divided_by_one_constant(divisor):
    file, image, map = started()
    by = file.constant(np.array([divisor], np.int8), scale=0.04)
    output = file.tensor(*MAP, scale=0.03, zero_point=7)
    file.add("DIV", [map, by], output, options("Div"))
    assert prove(file, [image], [output])[-1] == "Lookup"


@pytest.mark.parametrize("divisor, scale, message", [(0, 0.03, "it divides by 0"), (127, 0.9, "more than 31 bits")])
def test_what_tflm_does_not_define_of_a_division_is_refused(divisor, scale, message):
    file, image, map = started(scale=0.003)
    by = file.constant(np.array([divisor], np.int8), scale=0.04)
    output = file.tensor(*MAP, scale=scale, zero_point=7)
    file.add("DIV", [map, by], output, options("Div"))
    with pytest.raises(TfliteError, match=message):
        read(file.content([image], [output]))


@pytest.mark.parametrize("scale", [0.05, 0.7, 0.003])
def test_one_by_the_root(scale):
    file, image, map = started(scale=scale, zero_point=-128)
    output = file.tensor(*MAP, scale=0.03, zero_point=-100)
    file.add("RSQRT", [map], output)
    assert prove(file, [image], [output])[-1] == "Lookup"


# --- Of many values one -------------------------------------------------------------------------------------------------

AXES = [(1,), (2,), (3,), (1, 2), (2, 3), (1, 3), (1, 2, 3), (-1,), (0, 1, 2)]


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("kind", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"])
def test_reductions(kind, axes):
    file, image, map = started()
    left_out, outputs = {axis % 4 for axis in axes}, []
    for keep in (True, False):
        shape = [1 if axis in left_out else size for axis, size in enumerate(MAP) if keep or axis not in left_out]
        coding = {"scale": 0.11, "zero_point": -6} if kind in ("MEAN", "SUM") else {"scale": 0.05, "zero_point": 3}
        if shape:
            outputs.append(file.tensor(*shape, **coding))
            values = options("Reducer", keepDims=keep)
            file.add(kind, [map, file.constant(np.array(axes, np.int32))], outputs[-1], values)
    kinds = prove(file, [image], outputs)
    assert kinds[-1] == ("Mean" if kind == "MEAN" and left_out == {1, 2} else "Reduce")


@pytest.mark.parametrize("channels", [5, 300])
def test_a_classifier_of_channels_first_averages_one_side_after_the_other(channels):
    """As converters of PyTorch write it. 300 values in a column would be a longer window than the C has."""
    file, image, map = started((1, 2, 3, channels))
    coding = {"scale": 0.05, "zero_point": 3}
    shapes = [(1, channels, 2, 3), (1, channels, 2), (1, channels)]
    turned, columns, means = (file.tensor(*shape, **coding) for shape in shapes)
    file.add("TRANSPOSE", [map, file.ints(0, 3, 1, 2)], turned, options("Transpose"))
    file.add("MEAN", [turned, file.ints(3)], columns, options("Reducer"))
    file.add("MEAN", [columns, file.ints(2)], means, options("Reducer"))
    logits = file.tensor(1, 2)
    weights = file.weights(file.codes(2, channels), means, logits, 1)
    file.add("FULLY_CONNECTED", [means, *weights], logits, options("FullyConnected"), 5)
    prove(file, [image], [logits])
    assert project.files(line_plan.plan(read(file.content([image], [logits]))[0]))


@pytest.mark.parametrize("kind", ["Max", "Min"])
@pytest.mark.parametrize("shape, axis", [(MAP, 3), ((1, 7), -1), ((1, 3, 256), 2)], ids=str)
def test_the_channel_of_the_largest_or_smallest_value(shape, axis, kind):
    file, image, map = started(shape)
    output = file.tensor(*shape[:-1], scale=None, type="INT32")
    fields = options(f"Arg{kind}", outputType=schema.TensorType.INT32)
    file.add(f"ARG_{kind.upper()}", [map, file.ints(axis)], output, fields)
    assert prove(file, [image], [output])[-1] == "ArgMax"


PADDINGS = [
    (MAP, [(0, 0), (1, 2), (2, 1), (0, 0)], "Join"),
    (MAP, [(0, 0), (0, 5), (0, 0), (0, 0)], "Join"),
    (MAP, [(0, 0), (0, 0), (4, 0), (1, 3)], "Join Wire"),
    ((1, 7, 3), [(0, 0), (2, 0), (0, 2)], "Join Wire"),
]


@pytest.mark.parametrize("mode", [0, 1], ids=["reflect", "symmetric"])
@pytest.mark.parametrize("shape, sides, expected", PADDINGS, ids=str)
def test_mirrored_edges(shape, sides, expected, mode):
    file, image, map = started(shape)
    padded = [size + sum(side) for size, side in zip(shape, sides)]
    output = file.tensor(*padded, scale=0.05, zero_point=3)
    file.add("MIRROR_PAD", [map, file.ints(*sides)], output, options("MirrorPad", mode=mode))
    assert set(expected.split()) <= set(prove(file, [image], [output]))


def test_edges_that_are_wider_than_the_map_are_refused():
    file, image, map = started()
    output = file.tensor(1, 12, 5, 4, scale=0.05, zero_point=3)
    sides = file.ints((0, 0), (6, 0), (0, 0), (0, 0))
    file.add("MIRROR_PAD", [map, sides], output, options("MirrorPad", mode=0))
    with pytest.raises(TfliteError, match="expected pairs from 0, up to"):
        read(file.content([image], [output]))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    "shape, of_matrix", [(MAP, (1, 1, 4, 6)), ((1, 5, 9), (9, 3)), ((1, 30, 4), (1, 4, 1))], ids=str
)
def test_a_matrix_of_constants(shape, of_matrix, transposed):
    file, image, map = started(shape)
    if transposed:
        of_matrix = (*of_matrix[:-2], of_matrix[-1], of_matrix[-2])
    matrix = file.constant(file.codes(*of_matrix), scale=0.013)
    output = file.tensor(*shape[:-1], of_matrix[-2 if transposed else -1], scale=0.11, zero_point=-9)
    file.add("BATCH_MATMUL", [map, matrix], output, options("BatchMatMul", adjY=transposed))
    assert prove(file, [image], [output])[-1] == "Conv2D"


def test_values_at_named_places():
    file, image, map = started()
    places = file.constant(np.array([[[0, 1], [0, 3]], [[0, 5], [0, 1]]], np.int32)[:1])
    output = file.tensor(1, 2, 5, 4, scale=0.05, zero_point=3)
    file.add("GATHER_ND", [map, places], output, options("GatherNd"))
    assert prove(file, [image], [read_after(file, output)])[-2:] == ["Rearrange", "Lookup"]


@pytest.mark.parametrize("scale, zero_point", [(0.05, 131), (0.021, 0), (0.4, 255)])
def test_codes_that_are_uint8_for_a_while_are_one_table(scale, zero_point):
    file, image, map = started()
    bytes = file.tensor(*MAP, scale=scale, zero_point=zero_point, type="UINT8")
    output = file.tensor(*MAP, scale=0.03, zero_point=-7)
    file.add("QUANTIZE", [map], bytes, options("Quantize"))
    file.add("QUANTIZE", [bytes], output, options("Quantize"))
    assert prove(file, [image], [output])[-1] == "Lookup"


@pytest.mark.parametrize("zero_point", [3, -128, 100])
@pytest.mark.parametrize("channels", [1, 3, 64])
def test_pixels_of_unit_length(channels, zero_point):
    file, image, map = started((1, 6, 5, channels), zero_point=zero_point)
    output = file.tensor(1, 6, 5, channels, scale=2.0**-7)
    file.add("L2_NORMALIZATION", [map], output, options("L2Norm"))
    assert prove(file, [image], [output])[-1] == "Normalize"


@pytest.mark.parametrize("scale", [0.004, 0.05, 0.3, 2.0])
@pytest.mark.parametrize("channels", [1, 3, 100])
def test_logarithms_of_a_softmax(channels, scale):
    file, image, map = started((1, 6, 5, channels), scale=scale)
    output = file.tensor(1, 6, 5, channels, scale=2.0**-4, zero_point=127)
    file.add("LOG_SOFTMAX", [map], output, options("LogSoftmax"))
    assert prove(file, [image], [output])[-1] == "LogSoftmax"


# --- Values that move to other pixels ------------------------------------------------------------------------------------


def moved(kind, inputs, *outputs, values=None, shape=MAP):
    """Prove an operator that moves values of a map; inputs is a function of the file and the map."""
    file, image, map = started(shape)
    indices = [file.tensor(*each, scale=0.05, zero_point=3) for each in outputs]
    file.add(kind, inputs(file, map), indices, values)
    return prove(file, [image], [read_after(file, index) for index in indices])


@pytest.mark.parametrize("order", itertools.permutations((1, 2, 3)), ids=str)
def test_transposed(order):
    shape = tuple(MAP[axis] for axis in (0, *order))
    kinds = moved("TRANSPOSE", lambda file, x: [x, file.ints(0, *order)], shape, values=options("Transpose"))
    assert ("Rearrange" in kinds) == (order != (1, 2, 3))


@pytest.mark.parametrize(
    "bounds", [((0, 1, 0, 0), (1, 6, 5, 4), (1, 2, 3, 1)), ((0, 5, 4, 3), (1, 0, 0, 0), (1, -2, -1, -1))]
)
def test_strided(bounds):
    shape = tuple(len(range(*each)) for each in zip(*bounds))
    kinds = moved(
        "STRIDED_SLICE",
        lambda file, x: [x, *(file.ints(*each) for each in bounds)],
        shape,
        values=options("StridedSlice"),
    )
    assert "Rearrange" in kinds


def test_sliced_and_one_row_of_it():
    moved(
        "SLICE",
        lambda file, x: [x, file.ints(0, 1, 2, 1), file.ints(1, 3, -1, 2)],
        (1, 3, 3, 2),
        values=options("Slice"),
    )
    bounds = (0, 2, 0, 0), (1, 3, 5, 4), (1, 1, 1, 1)
    values = options("StridedSlice", shrinkAxisMask=2)
    moved("STRIDED_SLICE", lambda file, x: [x, *(file.ints(*each) for each in bounds)], (1, 5, 4), values=values)


@pytest.mark.parametrize("axis, count", [(1, 3), (2, 5), (1, 2)])
def test_split(axis, count):
    shape = tuple(size // count if i == axis else size for i, size in enumerate(MAP))
    moved("SPLIT", lambda file, x: [file.ints(axis), x], *[shape] * count, values=options("Split", numSplits=count))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_unpacked(axis):
    shape = MAP[:axis] + MAP[axis + 1 :]
    values = options("Unpack", axis=axis, num=MAP[axis])
    moved("UNPACK", lambda file, x: [x], *[shape] * MAP[axis], values=values)


def test_other_moves():
    moved("DEPTH_TO_SPACE", lambda file, x: [x], (1, 12, 10, 1), values=options("DepthToSpace", blockSize=2))
    block = options("SpaceToDepth", blockSize=2)
    moved("SPACE_TO_DEPTH", lambda file, x: [x], (1, 3, 2, 16), values=block, shape=(1, 6, 4, 4))
    moved("REVERSE_V2", lambda file, x: [x, file.constant(np.array([1], np.int32))], MAP, values=options("ReverseV2"))
    moved("BROADCAST_TO", lambda file, x: [x, file.ints(*MAP)], MAP, shape=(1, 6, 5, 1))


def test_what_repeats_can_be_an_output():
    file, image, map = started((1, 6, 5, 1))
    output = file.tensor(*MAP, scale=0.05, zero_point=3)
    file.add("BROADCAST_TO", [map, file.ints(*MAP)], output)
    assert prove(file, [image], [output])[-1] == "Wire"


def joined(shapes, output, kind, values):
    """Prove maps of the first 30 pixels, each in one of these shapes, that are joined."""
    file = FileBuilder(1)
    image, parts = file.tensor(*MAP, scale=0.03, zero_point=2), []
    for shape in shapes:
        part = made(file, image, 1, 6, 5, math.prod(shape) // 30)
        parts.append(file.tensor(*shape, scale=0.05, zero_point=3))
        file.add("RESHAPE", [part, file.ints(*shape)], parts[-1], options("Reshape", newShape=list(shape)), 1)
    index = file.tensor(*output, scale=0.05, zero_point=3)
    file.add(kind, parts, index, values)
    return prove(file, [image], [read_after(file, index)])


JOINED = [
    ([MAP, (1, 3, 5, 4)], 1, (1, 9, 5, 4), "Join"),
    ([MAP, (1, 6, 10, 4)], 2, (1, 6, 15, 4), "Join"),
    ([(1, 60, 4), (1, 30, 4)], 1, (1, 90, 4), "Join"),
    ([(1, 240), (1, 120)], -1, (1, 360), "Wire"),
    ([(1, 6, 5, 2, 3), (1, 6, 5, 1, 3)], 3, (1, 6, 5, 3, 3), "Join"),
]


@pytest.mark.parametrize("shapes, axis, output, kind", JOINED, ids=str)
def test_joined(shapes, axis, output, kind):
    assert kind in joined(shapes, output, "CONCATENATION", options("Concatenation", axis=axis))


@pytest.mark.parametrize("axis", [1, 2, 3, 4])
def test_packed(axis):
    output = (*MAP[:axis], 2, *MAP[axis:])
    kinds = joined([MAP, MAP], output, "PACK", options("Pack", axis=axis, valuesCount=2))
    assert ("Wire" if axis == 4 else "Join") in kinds


def test_one_map_joined_with_itself():
    file, image, map = started()
    output = file.tensor(1, 12, 5, 4, scale=0.05, zero_point=3)
    file.add("CONCATENATION", [map, map], output, options("Concatenation", axis=1))
    assert prove(file, [image], [output])[-1] == "Join"


# --- Transposed convolutions ---------------------------------------------------------------------------------------------

SAME, VALID = 0, 1
TRANSPOSED = [  # kernel, strides, padding, output
    ((3, 3), (2, 2), SAME, (8, 6)),
    ((3, 3), (2, 2), SAME, (7, 5)),
    ((3, 3), (2, 2), VALID, (9, 7)),
    ((3, 3), (2, 2), VALID, (10, 8)),
    ((2, 2), (2, 2), VALID, (8, 6)),
    ((4, 4), (2, 2), SAME, (8, 6)),
    ((5, 3), (3, 2), SAME, (12, 6)),
    ((5, 3), (3, 2), VALID, (14, 7)),
    ((1, 1), (2, 2), VALID, (7, 5)),
    ((3, 3), (1, 1), SAME, (4, 3)),
    ((3, 3), (1, 1), VALID, (6, 5)),
    ((2, 3), (3, 4), SAME, (12, 12)),
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel, strides, padding, size", TRANSPOSED, ids=str)
def test_transposed_convolutions(kernel, strides, padding, size, bias):
    file = FileBuilder(1)
    image, output = (
        file.tensor(1, 4, 3, 4, scale=0.03, zero_point=2),
        file.tensor(1, *size, 3, scale=0.07, zero_point=-5),
    )
    weights, biases = file.weights(file.codes(3, *kernel, 4), image, output, 3 if bias else 1)
    values = options("TransposeConv", padding=padding, strideH=strides[0], strideW=strides[1])
    inputs = [file.ints(1, *size, 3), weights, image] + [biases] * bias
    file.add("TRANSPOSE_CONV", inputs, output, values, 3)
    assert "Conv2D" in prove(file, [image], [read_after(file, output)])


@pytest.mark.parametrize("strides, message", [((1 << 30, 1), "a map can have up to"), ((3000, 2000), "weights of it")])
def test_strides_that_make_a_huge_map_are_refused_at_once(strides, message):
    file = FileBuilder(1)
    image, output = file.tensor(1, 1, 1, 4), file.tensor(1, 2, 2, 2)
    weights, bias = file.weights(file.codes(2, 3, 3, 4), image, output, 2)
    values = options("TransposeConv", padding=SAME, strideH=strides[0], strideW=strides[1])
    file.add("TRANSPOSE_CONV", [file.ints(1, 2, 2, 2), weights, image, bias], output, values, 3)
    with pytest.raises(TfliteError, match=message):
        read(file.content([image], [output]))


# --- Floats between DEQUANTIZE and QUANTIZE -------------------------------------------------------------------------------

FLOATS = {
    "ELU": None,
    "EXP": None,
    "TANH": None,
    "LOGISTIC": None,
    "NEG": None,
    "HARD_SWISH": None,
    "ROUND": None,
    "SQUARE": None,
    "FLOOR": None,
    "RELU6": None,
    "LEAKY_RELU": options("LeakyRelu", alpha=0.1),
    "ADD": options("Add"),
    "MUL": options("Mul", fusedActivationFunction=schema.ActivationFunctionType.RELU6),
    "DIV": options("Div"),
}


@pytest.mark.parametrize("zero_point", [3, -128])
@pytest.mark.parametrize("kind", FLOATS)
def test_float_functions_are_tables(kind, zero_point):
    shape = (1, 16, 16, 1)
    file = FileBuilder(1)
    image = file.tensor(*shape, scale=0.05, zero_point=zero_point)
    before, after = (file.tensor(*shape, scale=None, type="FLOAT32") for _ in range(2))
    output = file.tensor(*shape, scale=0.03, zero_point=-5)
    file.add("DEQUANTIZE", [image], before)
    constants = [file.constant(np.array([1.3], np.float32))] if kind in ("ADD", "MUL", "DIV") else []
    file.add(kind, [before, *constants], after, FLOATS[kind])
    file.add("QUANTIZE", [after], output)
    assert prove(file, [image], [output]) == ["Lookup"]


@pytest.mark.parametrize(
    "kind, inputs, message", [("EXP", 2, "it has 2 inputs; expected 1"), ("LEAKY_RELU", 1, "it has no options of its")]
)
def test_a_float_operator_that_is_incomplete_is_named(kind, inputs, message):
    file = FileBuilder(1)
    image = file.tensor(*MAP, scale=0.05, zero_point=3)
    before, after = (file.tensor(*MAP, scale=None, type="FLOAT32") for _ in range(2))
    file.add("DEQUANTIZE", [image], before)
    file.add(kind, [before] * inputs, after)
    with pytest.raises(TfliteError, match=f"operator 1 .{kind}.: {message}"):
        read(file.content([image], [after]))


def test_a_quantize_of_two_tensors_is_named():
    """Found by mutations."""
    file = FileBuilder(1)
    image, output = (file.tensor(*MAP, scale=0.05, zero_point=3) for _ in range(2))
    real = file.add("DEQUANTIZE", [image], file.tensor(*MAP, scale=None, type="FLOAT32"))
    file.add("QUANTIZE", [image, real], output)
    with pytest.raises(TfliteError, match="operator 1 .QUANTIZE.: it has 2 inputs; expected 1"):
        read(file.content([image], [output]))


@pytest.mark.parametrize("kind", ["ABS", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU"])
def test_a_function_of_one_value_with_a_constant_beside_it_is_named(kind):
    """Found by mutations: a constant as second input was taken for an operand of the function."""
    file = FileBuilder(1)
    image, output = (file.tensor(*MAP, scale=0.05, zero_point=3) for _ in range(2))
    constant = file.constant(np.ones(1, np.int8), 0.05)
    file.add(kind, [image, constant], output, options("LeakyRelu", alpha=0.1) if kind == "LEAKY_RELU" else None)
    with pytest.raises(TfliteError, match=f"operator 0 .{kind}.: it has 2 inputs; expected 1"):
        read(file.content([image], [output]))


@pytest.mark.parametrize("mode", [2, -1])
def test_a_mode_of_mirror_pad_that_there_is_not_is_named(mode):
    """Found by mutations."""
    file = FileBuilder(1)
    image, output = (file.tensor(*MAP, scale=0.05, zero_point=3) for _ in range(2))
    sides = file.constant(np.zeros((len(MAP), 2), np.int32))
    file.add("MIRROR_PAD", [image, sides], output, options("MirrorPad", mode=mode))
    with pytest.raises(TfliteError, match=f"operator 0 .MIRROR_PAD.: its mode is {mode}; expected 0, reflect, or 1"):
        read(file.content([image], [output]))


def test_a_concatenation_of_nothing_is_named():
    """Found by mutations."""
    file = FileBuilder(1)
    image, output = (file.tensor(*MAP, scale=0.05, zero_point=3) for _ in range(2))
    file.add("CONCATENATION", [], output, options("Concatenation", axis=-1))
    with pytest.raises(TfliteError, match="operator 0 .CONCATENATION.: it has no input 0"):
        read(file.content([image], [output]))


def test_a_float_operator_that_is_no_function_of_one_value_is_named():
    file = FileBuilder(1)
    image = file.tensor(*MAP, scale=0.05, zero_point=3)
    before, after = (file.tensor(*MAP, scale=None, type="FLOAT32") for _ in range(2))
    file.add("DEQUANTIZE", [image], before)
    file.add("SOFTMAX", [before], after, options("Softmax", beta=1.0))
    with pytest.raises(TfliteError, match="operator 1 .SOFTMAX.: it computes with floats; between DEQUANTIZE and"):
        read(file.content([image], [after]))


# --- Matrices ----------------------------------------------------------------------------------------------------------

MATRICES = [
    ((1, 6, 5, 4), (1, 6, 7, 4), False, True),
    ((1, 6, 5, 4), (1, 6, 4, 7), False, False),
    ((1, 6, 4, 5), (1, 6, 4, 7), True, False),
    ((1, 6, 5, 4), (1, 1, 7, 4), False, True),
    ((1, 5, 4), (1, 7, 4), False, True),
]


@pytest.mark.parametrize("case", MATRICES, ids=str)
def test_a_product_of_two_maps(case):
    first, second, adj_x, adj_y = case
    file = FileBuilder(1)
    inputs = [file.tensor(*shape, scale=0.05, zero_point=3 - 9 * i) for i, shape in enumerate((first, second))]
    rows, columns = first[-1 if adj_x else -2], second[-2 if adj_y else -1]
    output = file.tensor(*first[:-2], rows, columns, scale=0.2, zero_point=-5)
    file.add("BATCH_MATMUL", inputs, output, options("BatchMatMul", adjX=adj_x, adjY=adj_y))
    graph, tflite = read(file.content(inputs, [output]))
    result = Proof(Network(graph, lambda _: tflite), few=None, on=["tflm"]).verify(random_inputs(graph, 4))
    assert result.passed, str(result)
    assert [type(operator).__name__ for operator in graph.operators][-1] == "MatMul"


def test_a_sequence_that_is_turned_before_it_is_taken_apart():
    """As an unrolled layer of Keras 3 begins: the batch of (1, time, features) becomes the second dimension."""
    file = FileBuilder(1)
    signal = file.tensor(1, 6, 5, scale=0.05, zero_point=3)
    turned = file.tensor(6, 1, 5, scale=0.05, zero_point=3)
    file.add("RESHAPE", [signal, file.ints(6, 1, 5)], turned, options("Reshape", newShape=[6, 1, 5]))
    frames = [file.tensor(1, 5, scale=0.05, zero_point=3) for _ in range(6)]
    file.add("UNPACK", [turned], frames, options("Unpack", num=6, axis=0))
    last = read_after(file, frames[-1])
    assert prove(file, [signal], [last]) == ["Rearrange", "Lookup"]
