"""What a file says and TensorFlow Lite Micro (TFLM) would compute otherwise, or not at all, is refused by name."""

import re

import numpy as np
import pytest

from export.tflite.file.flatbuffer import TfliteError
from export.tflite.reading.reader import read
from tests.support.tflite.tflite_files import FileBuilder, options

VALID = 1
WINDOW = {"padding": VALID, "strideH": 1, "strideW": 1}
MAP = (1, 4, 5, 6)


class File(FileBuilder):
    """A file of one operator. Its output has scale and zero point of its input."""

    def __init__(self, kind, output, *constants, values=None, shape=MAP, activation=None):
        super().__init__()
        x, y = self.tensor(*shape), self.tensor(*output)
        if activation is not None:
            values.fusedActivationFunction = activation
        self.add(kind, [x, *(each(self) for each in constants)], y, values)
        self.bytes = self.content([x], [y])


def ints(*values):
    return lambda file: file.constant(np.array(values, np.int32))


def sides(*pairs):
    return lambda file: file.constant(np.array(pairs, np.int32))


def codes(*shape, **fields):
    return lambda file: file.constant(file.codes(*shape), **{"scale": 0.01, **fields})


def pool(kind, output, shape=MAP):
    return File(kind, output, values=options("Pool2D", filterHeight=2, filterWidth=2, **WINDOW), shape=shape)


def convolution(output, shape=MAP):
    values = options("Conv2D", dilationHFactor=1, dilationWFactor=1, **WINDOW)
    return File("CONV_2D", output, codes(3, 2, 2, 6), values=values, shape=shape)


def mean(output, *axes):
    return File("MEAN", output, ints(*axes), values=options("Reducer", keepDims=True))


def dense(output, depth=120):
    return File("FULLY_CONNECTED", output, codes(7, depth), values=options("FullyConnected"))


def added_constant(activation):
    """CAST to int32, ADD of 128 with an activation, GATHER from a table."""
    file = FileBuilder()
    x, y = file.tensor(*MAP), file.tensor(*MAP)
    cast, indices = (file.tensor(*MAP, scale=None, type="INT32") for _ in range(2))
    file.add("CAST", [x], cast, options("Cast"))
    file.add("ADD", [cast, file.ints(128)], indices, options("Add", fusedActivationFunction=activation))
    file.add("GATHER", [file.constant(file.codes(256), scale=0.1), indices], y, options("Gather"))
    file.bytes = file.content([x], [y])
    return file


def padded_and_read(shape):
    """A PAD whose output a convolution takes as its padding."""
    file = FileBuilder()
    x, padded, y = file.tensor(*MAP), file.tensor(*shape), file.tensor(1, 5, 6, 2)
    file.add("PAD", [x, file.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))], padded, options("Pad"))
    file.convolution(padded, y, (2, 2), padding=VALID)
    file.bytes = file.content([x], [y])
    return file


def slices(output, begins, sizes):
    return File("SLICE", output, ints(*begins), ints(*sizes), values=options("Slice"))


def strided(output, begins, ends, strides, **masks):
    bounds = [ints(*values) for values in (begins, ends, strides)]
    return File("STRIDED_SLICE", output, *bounds, values=options("StridedSlice", **masks))


def without_outputs():
    file = FileBuilder()
    x = file.tensor(*MAP)
    file.add("SPLIT", [file.ints(3), x], [], options("Split"))
    file.bytes = file.content([x], [x])
    return file


def scaled(kind, x, y, values=None, **fields):
    """ABS, then an operator on a tensor of scale x that makes one of scale y."""
    file = FileBuilder()
    before = {"scale": x} if x < 1e-6 else {}  # not too far from it
    first, input = file.tensor(*MAP, **before), file.tensor(*MAP, scale=x)
    output = file.tensor(*MAP, scale=y, **fields)
    file.add("ABS", [first], input)
    file.add(kind, [input], output, values)
    file.bytes = file.content([first], [output])
    return file


def joined(output, axis, *shapes):
    file = FileBuilder()
    inputs, y = [file.tensor(*shape) for shape in shapes], file.tensor(*output)
    file.add("CONCATENATION", inputs, y, options("Concatenation", axis=axis))
    file.bytes = file.content(inputs, [y])
    return file


WHOLE = "its output has shape {}; its inputs make it {}"
RELU6 = 3


@pytest.mark.parametrize(
    "file, message",
    [
        # Ones elsewhere.
        (convolution((3, 4, 1, 3)), WHOLE.format((3, 4, 1, 3), (1, 3, 4, 3))),
        (convolution((1, 3, 4, 1, 3)), WHOLE.format((1, 3, 4, 1, 3), (1, 3, 4, 3))),
        (convolution((3, 4, 3)), WHOLE.format((3, 4, 3), (1, 3, 4, 3))),
        (convolution((3, 4, 3), shape=(1, 5, 6)), "it must be (1, height, width, channels)"),
        (pool("AVERAGE_POOL_2D", (3, 1, 4, 6)), WHOLE.format((3, 1, 4, 6), (1, 3, 4, 6))),
        (pool("MAX_POOL_2D", (3, 4, 6)), WHOLE.format((3, 4, 6), (1, 3, 4, 6))),
        (pool("MAX_POOL_2D", (3, 4, 6), shape=(1, 5, 6)), "it must be (1, height, width, channels)"),
        (File("ABS", (1, 1, 4, 5, 6)), WHOLE.format((1, 1, 4, 5, 6), MAP)),
        (File("ABS", (4, 1, 5, 6)), WHOLE.format((4, 1, 5, 6), MAP)),
        (File("MUL", (1, *MAP), codes(1, 1, 1, 1, 1), values=options("Mul")), WHOLE.format((1, *MAP), MAP)),
        (File("ADD", (1, *MAP), codes(1, 1, 1, 1, 6), values=options("Add")), "expected up to 4 dimensions"),
        (padded_and_read((1, 7, 6, 6)), WHOLE.format((1, 7, 6, 6), (1, 6, 7, 6))),
        (mean((6, 1, 1, 1), 1, 2), WHOLE.format((6, 1, 1, 1), "(1, 1, 1, 6) or (1, 6)")),
        (dense((7, 1)), "its output has shape (7, 1); its inputs make 20 times 7 values"),
        (dense((1, 2, 7)), "its output has shape (1, 2, 7)"),
        (dense((), depth=6), "its output has shape ()"),
        (joined((4, 1, 5, 12), 3, MAP, MAP), WHOLE.format((4, 1, 5, 12), (1, 4, 5, 12))),
        (joined((1, 4, 5, 12), 3, MAP, (1, 5, 6)), "they must differ along axis 3 only"),
        # Axes and bounds out of range, or of another number.
        (mean((1, 1, 1, 6), 1, 7864322), "its axes are [1, 7864322]; its input has 4 dimensions"),
        (mean((1, 1, 1, 6), -7, 2), "its axes are [-7, 2]; its input has 4 dimensions"),
        (File("TRANSPOSE", MAP, ints(0, 1, 2, -1), values=options("Transpose")), "they must be numbers from 0"),
        (slices((1, 4, 5, 4), (0, 0, 0, 0), (-1, -1, -1, -2)), "it begins at [0, 0, 0, 0] and takes [-1, -1, -1, -2]"),
        (slices((1, 4, 5, 2), (0, 0, 0, 4), (-1, -1, -1, 9)), "its input has shape (1, 4, 5, 6)"),
        (slices((1, 4, 5, 2), (0, 0, 0, -2), (-1, -1, -1, 2)), "it begins at [0, 0, 0, -2]"),
        (slices(MAP, (0, 0), (-1, -1)), "it begins at [0, 0] and takes [-1, -1]"),
        (strided(MAP, (0, 0), (1, 4), (1, 1)), "it has [2, 2, 2] bounds; expected one of each for 4 dimensions"),
        (
            strided((1, 4, 5), (0, 0, 0, 1), (1, 4, 5, 0), (1, 1, 1, -1), shrinkAxisMask=8),
            "it takes one place of a dimension with a step below 1",
        ),
        (without_outputs(), "operator 0 (SPLIT): it has no output 0"),
        # Scales that are none.
        (scaled("RELU", 0.1, np.nan), "operator 1 (RELU): its output has scale nan; it must be positive and finite"),
        (scaled("RELU", np.nan, 0.1), "operator 0 (ABS): its output has scale nan"),
        (scaled("ABS", np.inf, 0.1), "operator 0 (ABS): its output has scale inf"),
        (scaled("RELU6", 0.1, -0.1), "operator 1 (RELU6): its output has scale -0.1"),
        (scaled("LOGISTIC", 0.1, 0.0, zero_point=-128), "operator 1 (LOGISTIC): its output has scale 0.0"),
        (
            File("ADD", MAP, codes(1, scale=np.nan), values=options("Add"), activation=RELU6),
            "operator 0 (ADD): its input 1 has scale nan",
        ),
        (
            scaled("SOFTMAX", 2.0**-27, 2.0**-8, options("Softmax", beta=1.0), zero_point=-128),
            "operator 1 (SOFTMAX): tensor2: its input has scale 7.45058e-09, so that all its codes stand for nearly the "
            "same number",
        ),
        # Values that are not all used, or used otherwise.
        (added_constant(RELU6), "operator 1 (ADD): its activation is RELU6; it must be NONE"),
        (
            File("PADV2", MAP, sides(*[(0, 0)] * 4), codes(2), values=options("PadV2")),
            "its value has 2 values; expected one",
        ),
        (
            File("PAD", (1, 4, 5, 6), sides(*[(0, 0)] * 3, (2**31 - 1, 2**31 - 1)), values=options("Pad")),
            "its inputs make it (1, 4, 5, 4294967300)",
        ),
    ],
)
def test_what_tflm_computes_otherwise_is_refused(file, message):
    with pytest.raises(TfliteError, match=re.escape(message)):
        read(file.bytes)
