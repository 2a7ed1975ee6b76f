"""A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND is read as one with a dilation."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from export.graph.golden import random_inputs
from export.tflite.file.flatbuffer import TfliteError, parse, to_bytes
from export.tflite.reading.reader import read
from tests.support.proofs import prove_tflite
from tests.support.tflite.tflite_files import FileBuilder, options

VALID = 1


def with_batches(pads, crops, size, made, blocks=(2, 3), batch=6, zero_point=0):
    """A 3x2 convolution of a map of 7x9, as TensorFlow writes it."""
    file = FileBuilder()
    within = tuple(-(-(n + sum(pad)) // block) for n, pad, block in zip((7, 9), pads, blocks))
    x, y = file.tensor(1, 7, 9, 2, zero_point=zero_point), file.tensor(1, *size, 4)
    first, second = file.tensor(batch, *within, 2, zero_point=zero_point), file.tensor(batch, *made, 4)
    block = file.constant(np.array(blocks, np.int32))
    sides, cut = (file.constant(np.array(each, np.int32)) for each in (pads, crops))
    file.add("SPACE_TO_BATCH_ND", [x, block, sides], first, options("SpaceToBatchND"))
    file.convolution(first, second, (3, 2), padding=VALID)
    file.add("BATCH_TO_SPACE_ND", [second, block, cut], y, options("BatchToSpaceND"))
    return file.content([x], [y])


@pytest.mark.parametrize(
    "pads, crops, size, made, padding",
    [
        (((2, 3), (1, 2)), ((0, 1), (0, 0)), (7, 9), (4, 3), "same"),
        (((0, 1), (0, 0)), ((0, 1), (0, 0)), (3, 6), (2, 2), "valid"),
        (((4, 1), (0, 3)), ((0, 1), (0, 0)), (7, 9), (4, 3), ((4, 0), (0, 3))),
    ],
)
def test_batches_are_a_dilation(pads, crops, size, made, padding):
    content = with_batches(pads, crops, size, made)
    graph, tflite = read(content)
    (operator,) = graph.operators
    assert (operator.dilations, operator.padding) == ((2, 3), padding)
    inputs = random_inputs(graph, 4)
    # Where all batches are written, TFLM computes the same with them, if their zero point is 0.
    for each in (tflite, replace(tflite, content=content)):
        result = prove_tflite(graph, each, inputs)
        assert result.passed, str(result)


def test_a_batch_that_is_not_written_is_a_dilation_too():
    content = with_batches(((2, 3), (1, 2)), ((0, 1), (0, 0)), (7, 9), (4, 3), batch=1)
    graph, tflite = read(content)
    result = prove_tflite(graph, tflite, random_inputs(graph, 4))
    assert result.passed, str(result)


@pytest.mark.parametrize("place, side", itertools.product(range(3), ("inputs", "outputs")))
def test_an_operator_with_batches_that_is_incomplete_is_named(place, side):
    """Found by mutations: the chain of operators was followed without a look at its links."""
    model = parse(with_batches(((2, 3), (1, 2)), ((0, 1), (0, 0)), (7, 9), (4, 3)))
    operators = list(model.operators)
    operators[place] = replace(operators[place], **{side: ()})
    with pytest.raises(TfliteError, match=r"operator \d \(\w+\): "):
        read(to_bytes(replace(model, operators=tuple(operators))))


def test_batches_that_are_no_dilation_are_refused():
    with pytest.raises(TfliteError, match=r"operator 0 \(SPACE_TO_BATCH_ND\): expected SPACE_TO_BATCH_ND, one conv"):
        read(with_batches(((2, 3), (1, 2)), ((1, 0), (0, 0)), (7, 8), (4, 3)))
