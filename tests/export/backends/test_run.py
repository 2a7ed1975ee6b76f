"""One reading of a network on images: golden's outputs whatever the reading, and a cost that makes sense."""

import re

import numpy as np
import pytest

from export.backends.machines import MachineError, boards
from export.backends.run import READINGS, run_on
from export.datapath import task_image
from export.graph import golden
from export.graph.golden import random_inputs
from export.network import Network
from export.streaming import line_plan
from tests.support.tasks import every_operator, other_task

MARKS = {**dict.fromkeys(("c", "native"), pytest.mark.compiler), **dict.fromkeys(boards(), pytest.mark.cross)}
every_reading = pytest.mark.parametrize(
    "reading", [pytest.param(reading, marks=MARKS.get(reading, ())) for reading in READINGS]
)


@pytest.fixture(scope="module")
def network():
    graph = every_operator()
    return Network(graph)


@pytest.fixture(scope="module")
def images(network):
    return random_inputs(network.graph, 3)["image"]


def assert_outputs(outputs, graph, images):
    assert list(outputs) == list(graph.outputs)
    np.testing.assert_equal(outputs, golden.run(graph, images, graph.outputs))


@every_reading
def test_every_reading_gives_golden_s_outputs(reading, network, images):
    outputs, cost = run_on(network, images, reading)
    assert_outputs(outputs, network.graph, images)
    assert (cost["on"], cost["images"]) == (reading, 3)
    if reading in boards():
        macs = 3 * sum(network.graph.macs().values())
        assert cost["instructions_per_mac"] == round(cost["instructions"] / macs, 3) > 1
        assert cost["ram"] > network.plan.bytes + cost["stack"] > network.plan.bytes
        assert cost["flash"] > len(task_image.write(network.plan).content)
    else:
        assert cost["seconds"] >= 0
    if reading == "stream":
        assert cost["ram"] == network.plan.bytes


@pytest.mark.parametrize(
    "reading", [pytest.param("c", marks=pytest.mark.compiler), pytest.param("m4", marks=pytest.mark.cross)]
)
def test_another_task_image_gives_that_task_s_outputs(reading, network, images):
    other = other_task(network.graph)
    image = task_image.write(line_plan.plan(other)).content
    outputs, cost = run_on(network, images, reading, image)
    assert_outputs(outputs, other, images)
    if reading == "m4":
        assert cost["ram"] == run_on(network, images, reading)[1]["ram"] + len(image)


@pytest.mark.compiler
def test_a_task_image_that_is_refused_is_told(network, images):
    image = task_image.write(network.plan).content
    with pytest.raises(MachineError, match="was refused: the task image is damaged: its CRC-32 is wrong"):
        run_on(network, images, "c", image[:-1] + bytes([image[-1] ^ 1]))
    with pytest.raises(MachineError, match="was refused: the task image is not of the size"):
        run_on(network, images, "c", image[:-4])
    with pytest.raises(ValueError, match="--task is for c, native, m4, m7, m55; golden has no task images"):
        run_on(network, images, "golden", image)


@pytest.mark.parametrize(
    "change, reading, message",
    [
        (lambda x: x, "m3", "--on is 'm3'; it must be one of golden, stream, tflite, tflm, c, native, m4, m7, m55"),
        (lambda x: x.astype(np.uint8), "golden", "the inputs are uint8 (3, 7, 5, 3); they must be int8"),
        (lambda x: x[0], "golden", "the inputs are int8 (7, 5, 3); they must be int8 (images, (7, 5, 3))"),
        (lambda x: x[:0], "golden", "the inputs are int8 (0, 7, 5, 3)"),
        (lambda x: x[:, :5], "golden", "the inputs are int8 (3, 5, 5, 3)"),
    ],
)
def test_what_does_not_suit_is_refused(network, images, change, reading, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run_on(network, change(images), reading)
