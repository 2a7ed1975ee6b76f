"""Comparisons, and what chooses by them: equal to TensorFlow Lite Micro in golden and in the line plan."""

import numpy as np
import pytest

from export.tflite.reading.reader import TfliteError, read
from tests.export.tflite.reading.test_operators import MAP, made, prove, started
from tests.support.tflite.tflite_files import options

COMPARISONS = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]


def compared(file, kind, first, second, shape=MAP):
    return file.add(kind, [first, second], file.tensor(*shape, scale=None, type="BOOL"))


def as_map(file, condition, shape=MAP):
    """The condition as int8: CAST and QUANTIZE."""
    number = file.tensor(*shape, scale=None, type="FLOAT32")
    file.add("CAST", [condition], number, options("Cast", inDataType=6, outDataType=0))
    return file.add("QUANTIZE", [number], file.tensor(*shape, scale=1 / 255, zero_point=-128))


@pytest.mark.parametrize("constant", [-128, 3, 50, 127])
@pytest.mark.parametrize("kind", COMPARISONS)
def test_a_map_and_a_constant(kind, constant):
    for turned in (False, True):
        file, image, map = started()
        pair = [map, file.constant(np.int8([constant]), scale=0.07, zero_point=-9)]
        output = as_map(file, compared(file, kind, *(reversed(pair) if turned else pair)))
        assert "Subtract" not in prove(file, [image], [output])


CODINGS = [
    (0.05, 3),
    (0.05, -60),
    (0.001, 0),
    (0.9, 100),
]  # of one scale with the map, too small to tell codes, too large


@pytest.mark.parametrize("coding", CODINGS, ids=str)
@pytest.mark.parametrize("kind", COMPARISONS)
def test_two_maps(kind, coding):
    file, image, map = started(scale=0.05, zero_point=3)
    other = made(file, image, *MAP, scale=coding[0], zero_point=coding[1])
    prove(
        file, [image], [as_map(file, compared(file, kind, map, other)), as_map(file, compared(file, kind, other, map))]
    )


def test_peaks_are_the_pixels_that_a_max_pool_leaves_alone():
    file, image, map = started()
    pooled = file.tensor(*MAP, scale=0.05, zero_point=3)
    file.add(
        "MAX_POOL_2D", [map], pooled, options("Pool2D", padding=0, strideH=1, strideW=1, filterHeight=3, filterWidth=3)
    )
    prove(file, [image], [as_map(file, compared(file, "EQUAL", map, pooled))])


@pytest.mark.parametrize("shapes", [(MAP, MAP), (MAP, (1, 1, 1, 4)), ((1, 6, 5, 1), MAP)], ids=str)
def test_logic(shapes):
    file, image, map = started()
    other = made(file, image, *shapes[1])
    map = made(file, image, *shapes[0])
    zero = file.constant(np.int8([3]), scale=0.05, zero_point=3)
    first, second = (
        compared(file, kind, each, zero, shape) for kind, each, shape in zip(("GREATER", "LESS"), (map, other), shapes)
    )
    both, either, no = (file.tensor(*MAP, scale=None, type="BOOL") for _ in range(3))
    file.add("LOGICAL_AND", [first, second], both)
    file.add("LOGICAL_OR", [first, second], either)
    file.add("LOGICAL_NOT", [either], no)
    prove(file, [image], [as_map(file, both), as_map(file, no)])


CHOICES = [
    (MAP, MAP, MAP),
    ((1, 1, 1, 4), MAP, MAP),
    (MAP, (1, 6, 5, 1), MAP),
    (MAP, MAP, "constant"),
    (MAP, "constant", (1, 1, 5, 4)),
]


@pytest.mark.parametrize("shapes", CHOICES, ids=str)
def test_a_choice(shapes):
    file, image, _ = started()
    of_condition, *others = shapes
    zero = file.constant(np.int8([3]), scale=0.05, zero_point=3)
    condition = compared(file, "GREATER", made(file, image, *of_condition), zero, of_condition)
    inputs = [
        file.constant(np.int8([[[[9]]]]), scale=0.05, zero_point=3)
        if shape == "constant"
        else made(file, image, *shape)
        for shape in others
    ]
    output = file.add("SELECT_V2", [condition, *inputs], file.tensor(*MAP, scale=0.05, zero_point=3))
    prove(file, [image], [output])


def test_what_is_refused():
    file, image, map = started()
    other = made(file, image, *MAP, scale=1.5)
    with pytest.raises(TfliteError, match="a scale of its inputs is 1 or more, at which TFLM stops"):
        read(file.content([image], [as_map(file, compared(file, "LESS", map, other))]))
    file, image, map = started()
    with pytest.raises(TfliteError, match="its output, bool, is one of the model"):
        read(file.content([image], [compared(file, "LESS", map, made(file, image, *MAP))]))
