"""Small .tflite files, each of operators that are alike; together with others they have every operator that is read.

A changed byte of a small file often hits something that matters.
"""

import numpy as np

from export.tflite.file import schema
from tests.support.tflite.tflite_files import FileBuilder, options

MAP = (1, 4, 4, 2)
INT32 = {"scale": None, "type": "INT32"}
FUNCTIONS = ("ABS", "RELU", "RELU6", "HARD_SWISH", "ELU", "TANH", "LOGISTIC")
CODINGS = {"TANH": {"scale": 2.0**-7}, "LOGISTIC": {"scale": 2.0**-8, "zero_point": -128}}


def axes(file, *numbers):
    """Return a constant vector, also of one number."""
    return file.constant(np.array(numbers, np.int32))


def functions():
    """Return a file of functions of one value, also of float ones."""
    file = FileBuilder()
    x = last = file.tensor(*MAP)
    for kind in FUNCTIONS:
        last = file.add(kind, [last], file.tensor(*MAP, **CODINGS.get(kind, {})))
    last = file.add("RSQRT", [last], file.tensor(*MAP, scale=0.03, zero_point=-100))
    divisor = file.constant(np.array([5], np.int8), scale=0.04)
    last = file.add("DIV", [last, divisor], file.tensor(*MAP), options("Div"))
    real = [file.tensor(*MAP, scale=None, type="FLOAT32") for _ in range(3)]
    file.add("DEQUANTIZE", [last], real[0])
    file.add("EXP", real[:1], real[1])
    file.add("MUL", [real[1], file.constant(np.array([1.5], np.float32))], real[2], options("Mul"))
    y = file.add("QUANTIZE", real[2:], file.tensor(*MAP), options("Quantize"))
    largest = file.tensor(*MAP[:3], **INT32)
    file.add("ARG_MAX", [y, file.ints(3)], largest, options("ArgMax", outputType=schema.TensorType.INT32))
    return file.content([x], [largest])


def moves():
    """Return a file of operators that move values, and of largest, smallest and summed ones."""
    file = FileBuilder()
    x = file.tensor(*MAP)

    def add(kind, inputs, shape, values=None, **coding):
        return file.add(kind, inputs, file.tensor(*shape, **coding), values)

    last = add("REVERSE_V2", [x, axes(file, 2)], MAP, options("ReverseV2"))
    last = add("SPACE_TO_DEPTH", [last], (1, 2, 2, 8), options("SpaceToDepth", blockSize=2))
    last = add("DEPTH_TO_SPACE", [last], MAP, options("DepthToSpace", blockSize=2))
    last = add("TRANSPOSE", [last, file.ints(0, 2, 1, 3)], MAP, options("Transpose"))
    last = add("SLICE", [last, file.ints(0, 1, 0, 0), file.ints(1, 3, -1, 2)], (1, 3, 4, 2), options("Slice"))
    bounds = (file.ints(*each) for each in ((0, 2, 0, 0), (1, 0, 4, 2), (1, -1, 2, 1)))
    last = add("STRIDED_SLICE", [last, *bounds], (1, 2, 2, 2), options("StridedSlice"))
    size = options("ResizeNearestNeighbor", halfPixelCenters=True)
    last = add("RESIZE_NEAREST_NEIGHBOR", [last, file.ints(3, 4)], (1, 3, 4, 2), size)
    rows = [file.tensor(1, 4, 2) for _ in range(3)]
    file.add("UNPACK", [last], rows, options("Unpack", axis=1, num=3))
    last = add("PACK", rows[::-1], (1, 3, 4, 2), options("Pack", axis=1, valuesCount=3))
    least = add("REDUCE_MIN", [last, axes(file, 1)], (1, 4, 2), options("Reducer"))
    wide = add("EXPAND_DIMS", [least, file.ints(1)], (1, 1, 4, 2), options("ExpandDims"))
    flat = add("SQUEEZE", [wide], (1, 4, 2), options("Squeeze", squeezeDims=[1]))
    sums = add("SUM", [last, axes(file, 2, 3)], (1, 3, 1, 1), options("Reducer", keepDims=True), scale=0.3)
    y = add("BROADCAST_TO", [sums, file.ints(1, 3, 4, 2)], (1, 3, 4, 2), scale=0.3)
    return file.content([x], [flat, y])


def shapes():
    """Return a file that computes shapes and constants, with a transposed convolution and a dilated one."""
    file = FileBuilder()
    x, map = file.tensor(1, 40), file.tensor(1, 5, 4, 2)
    shape = file.add("SHAPE", [x], file.tensor(2, **INT32), options("Shape", outType=schema.TensorType.INT32))
    bounds = [axes(file, number) for number in (0, 1, 1)]
    batch = file.add("STRIDED_SLICE", [shape, *bounds], file.tensor(**INT32), options("StridedSlice", shrinkAxisMask=1))
    numbers = [batch, *(file.ints(number) for number in (5, 4, 2))]
    packed = file.add("PACK", numbers, file.tensor(4, **INT32), options("Pack", valuesCount=4))
    file.add("RESHAPE", [x, packed], map, options("Reshape"))
    four = file.tensor(1, 1, 1, 2, scale=0.02)
    file.add("FILL", [file.ints(1, 1, 1, 2), file.constant(np.array(4, np.int8), scale=0.02)], four, options("Fill"))
    scaled = file.add("MUL", [map, four], file.tensor(1, 5, 4, 2), options("Mul"))
    batches, made = file.tensor(4, 4, 3, 2), file.tensor(4, 2, 2, 3)
    block, pads, crops = (
        file.constant(np.array(each, np.int32)) for each in ((2, 2), ((2, 1), (1, 1)), ((0, 0), (0, 0)))
    )
    file.add("SPACE_TO_BATCH_ND", [scaled, block, pads], batches, options("SpaceToBatchND"))
    file.convolution(batches, made, (3, 2), padding=1)
    dilated = file.add("BATCH_TO_SPACE_ND", [made, block, crops], file.tensor(1, 4, 4, 3), options("BatchToSpaceND"))
    y = file.tensor(1, 8, 8, 2)
    weights, bias = file.weights(file.codes(2, 3, 3, 3), dilated, y, 2)
    values = options("TransposeConv", padding=0, strideH=2, strideW=2)
    file.add("TRANSPOSE_CONV", [file.ints(1, 8, 8, 2), weights, dilated, bias], y, values, 3)
    return file.content([x], [y])


def newer():
    """Return a file of mirrored edges, a matrix of constants, values at named places, and the smallest one's place."""
    file = FileBuilder()
    x = file.tensor(*MAP)
    sides = file.constant(np.array([(0, 0), (1, 0), (1, 1), (0, 0)], np.int32))
    padded = file.add("MIRROR_PAD", [x, sides], file.tensor(1, 5, 6, 2), options("MirrorPad", mode=1))
    matrix = file.constant(file.codes(1, 1, 2, 3), scale=0.013)
    y = file.add("BATCH_MATMUL", [padded, matrix], file.tensor(1, 5, 6, 3, scale=0.1), options("BatchMatMul"))
    places = file.constant(np.array([[[0, 1], [0, 3]]], np.int32))
    rows = file.add("GATHER_ND", [y, places], file.tensor(1, 2, 6, 3, scale=0.1), options("GatherNd"))
    kept = file.add("QUANTIZE", [rows], file.tensor(1, 2, 6, 3), options("Quantize"))
    least = file.tensor(1, 2, 6, **INT32)
    file.add("ARG_MIN", [kept, file.ints(3)], least, options("ArgMin", outputType=schema.TensorType.INT32))
    return file.content([x], [least])


def choices():
    """Return a file of comparisons, and of what combines them and chooses by them."""
    file = FileBuilder()
    x = file.tensor(*MAP)
    zero = file.constant(np.array([3], np.int8), scale=0.05)

    def of_bools(kind, *inputs):
        return file.add(kind, inputs, file.tensor(*MAP, scale=None, type="BOOL"))

    zeros = file.add("ZEROS_LIKE", [x], file.tensor(*MAP), options("ZerosLike"))
    compared = [of_bools(kind, x, zero) for kind in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS")]
    positive = file.add("RELU", [x], file.tensor(*MAP))
    compared += [of_bools(kind, x, positive) for kind in ("LESS_EQUAL", "NOT_EQUAL")]
    found = compared[0]
    for kind, other in zip(("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_OR", "LOGICAL_AND", "LOGICAL_OR"), compared[1:]):
        found = of_bools(kind, found, other)
    chosen = file.add("SELECT_V2", [of_bools("LOGICAL_NOT", found), x, zeros], file.tensor(*MAP))
    return file.content([x], [chosen])
