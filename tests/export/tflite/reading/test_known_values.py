"""What a file computes from shapes and constants is known when it is read, and equal to TensorFlow Lite Micro."""

import numpy as np
import pytest

from export.graph.golden import random_inputs
from export.graph.operators import ChannelScale, Conv2D
from export.tflite.file.flatbuffer import Model, TfliteError
from export.tflite.reading.known_values import with_known_values
from export.tflite.reading.reader import read
from tests.support.proofs import prove_tflite
from tests.support.tflite.tflite_files import FileBuilder, options


def prove(content):
    graph, tflite = read(content)
    assert tflite.content == content
    result = prove_tflite(graph, tflite, random_inputs(graph, 4))
    assert result.passed, str(result)
    return graph


def computed(file, *shape):
    """Return a tensor of numbers that an operator computes."""
    return file.tensor(*shape, scale=None, type="INT32")


def dynamic_shape(file, like, *rest):
    """Return (batch of `like`, *rest), as TensorFlow's converter computes it."""
    rank = len(file.tensors[like].shape)
    shape = file.add("SHAPE", [like], computed(file, rank), options("Shape", outType=2))
    first = options("StridedSlice", shrinkAxisMask=1)
    bounds = [file.constant(np.array([n], np.int32)) for n in (0, 1, 1)]
    batch = file.add("STRIDED_SLICE", [shape, *bounds], computed(file), first)
    numbers = [batch, *(file.ints(n) for n in rest)]
    return file.add("PACK", numbers, computed(file, len(numbers)), options("Pack", valuesCount=len(numbers)))


def test_a_shape_of_any_batch_is_known():
    file = FileBuilder()
    x, map, y = file.tensor(1, 48), file.tensor(1, 8, 6, 1), file.tensor(1, 8, 6, 4)
    file.add("RESHAPE", [x, dynamic_shape(file, x, 8, 6, 1)], map, options("Reshape"))
    file.convolution(map, y)
    (operator,) = prove(file.content([x], [y])).operators
    assert isinstance(operator, Conv2D)


def test_the_transpose_of_a_known_shape_is_known():
    """As in an unrolled LSTM, whose time the converter does not know after it."""
    file = FileBuilder()
    x, turned = file.tensor(1, 6, 4), file.tensor(1, 1, 1, dynamic=True)
    file.add("TRANSPOSE", [x, file.ints(1, 0, 2)], turned)
    known = with_known_values(Model("net", tuple(file.tensors), tuple(file.operators), (x,), (turned,)))
    assert (known.tensors[turned].shape, known.tensors[turned].dynamic) == ((6, 1, 4), False)


@pytest.mark.parametrize("kind", ["FILL", "BROADCAST_TO"])
def test_a_map_of_constants_is_known(kind):
    file = FileBuilder()
    x, constants, y = file.tensor(1, 3, 2, 4), file.tensor(1, 1, 1, 4, scale=0.02), file.tensor(1, 3, 2, 4, scale=0.1)
    dims, one = file.ints(1, 1, 1, 4), file.constant(file.codes(*([1] * (kind != "FILL"))), scale=0.02)
    inputs = [dims, one] if kind == "FILL" else [one, dims]
    file.add(kind, inputs, constants, options(kind.title().replace("_", "")), version=2)
    file.add("MUL", [x, constants], y, options("Mul"))
    (operator,) = prove(file.content([x], [y])).operators
    assert isinstance(operator, ChannelScale)


def test_what_follows_a_dropped_operator_keeps_its_number():
    file = FileBuilder()
    x, map, y = file.tensor(1, 8), file.tensor(1, 2, 2, 2), file.tensor(1, 2, 2, 2)
    file.add("RESHAPE", [x, dynamic_shape(file, x, 2, 2, 2)], map, options("Reshape"))
    file.add("FLOOR", [map], y)
    with pytest.raises(TfliteError, match=r"operator 4 \(FLOOR\) is not supported"):
        read(file.content([x], [y]))


def test_the_shape_of_a_tensor_that_is_not_known_is_refused():
    file = FileBuilder()
    x = file.tensor(1, 8)
    y = file.add("FILL", [file.ints(1, 9), x], file.tensor(1, 9), options("Fill"))
    with pytest.raises(TfliteError, match=r"operator 0 \(FILL\): its values are not known before it runs"):
        read(file.content([x], [y]))


def test_zeros_of_a_shape_are_known():
    """They are codes of 0 in TFLM, whatever the zero point."""
    file = FileBuilder()
    x, zeros, y = (file.tensor(1, 3, 2, 4, zero_point=5) for _ in range(3))
    file.add("ZEROS_LIKE", [x], zeros, options("ZerosLike"))
    file.add("MAXIMUM", [x, zeros], y, options("MaximumMinimum"))
    assert [type(operator).__name__ for operator in prove(file.content([x], [y])).operators] == ["Constant", "Maximum"]
