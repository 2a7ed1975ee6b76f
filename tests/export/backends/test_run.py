"""A network on one backend: golden's outputs whichever it is, and a cost that makes sense."""

import re

import numpy as np
import pytest

from export.backends.programs.machines import MachineError
from export.backends.run import run_on
from export.datapath import task_image
from export.graph import golden
from export.graph.golden import random_inputs
from export.network import Network
from export.streaming import line_plan
from tests.support.networks.tasks import every_operator, other_task
from tests.support.targets import EVERY_BACKEND, thorough_but


@pytest.fixture(scope="module")
def network():
    return Network(every_operator())


@pytest.fixture(scope="module")
def images(network):
    return random_inputs(network.graph, 3)["image"]


def assert_outputs(outputs, graph, images):
    assert list(outputs) == list(graph.outputs)
    np.testing.assert_equal(outputs, golden.run(graph, images, graph.outputs))


# The C of the other compilers and levels differs from one of these in no line; test_registry.py compares its bytes.
SOME = "golden stream tflite-ref tflm xnnpack c-gcc-O3 c-native m0 m4 m55 rv32"


@pytest.mark.parametrize("backend", thorough_but(SOME, EVERY_BACKEND))
def test_every_exact_backend_gives_goldens_outputs(backend, network, images):
    outputs, cost = run_on(network, images, backend.name)
    if backend.exact:
        assert_outputs(outputs, network.graph, images)
    assert (cost["on"], cost["images"]) == (backend.name, 3)
    assert set(backend.measures) <= cost.keys()
    if "instructions" in cost:
        macs = 3 * sum(network.graph.macs().values())
        assert cost["instructions_per_mac"] == round(cost["instructions"] / macs, 3) > 1
        assert cost["ram"] > network.plan.bytes + cost["stack"] > network.plan.bytes
        assert cost["flash"] > len(task_image.write(network.plan).content)
    else:
        assert cost["seconds"] >= 0
    if backend.name == "stream":
        assert cost["ram"] == network.plan.bytes


def test_a_backend_that_is_not_exact_is_not_far_off(network, images):
    images = images[:1]  # states carry differences to the next one
    outputs, _ = run_on(network, images, "xnnpack")
    expected = golden.run(network.graph, {"image": images}, network.graph.outputs)
    assert list(outputs) == list(expected)
    assert any(np.any(outputs[name] != expected[name]) for name in expected)
    for name in expected:  # codes of two random maps are 85 apart on average
        assert np.mean(np.abs(outputs[name].astype(int) - expected[name])) < 10


@pytest.mark.parametrize(
    "name", [pytest.param("c", marks=pytest.mark.compiler), pytest.param("m4", marks=pytest.mark.cross)]
)
def test_another_task_image_gives_that_tasks_outputs(name, network, images):
    other = other_task(network.graph)
    image = task_image.write(line_plan.plan(other)).content
    outputs, cost = run_on(network, images, name, image)
    assert_outputs(outputs, other, images)
    if name == "m4":
        assert cost["ram"] == run_on(network, images, name)[1]["ram"] + len(image)


@pytest.mark.compiler
def test_a_task_image_that_is_refused_is_told(network, images):
    image = task_image.write(network.plan).content
    with pytest.raises(MachineError, match="was refused: the task image is damaged: its CRC-32 is wrong"):
        run_on(network, images, "c", image[:-1] + bytes([image[-1] ^ 1]))
    with pytest.raises(MachineError, match="was refused: the task image is not of the size"):
        run_on(network, images, "c", image[:-4])
    with pytest.raises(ValueError, match="golden takes no task image; --task is for c-gcc-O0, .*, m4, m7, m55"):
        run_on(network, images, "golden", image)


@pytest.mark.parametrize(
    "change, name, message",
    [
        (lambda x: x, "m85", "--on is 'm85'; it must be one of golden, stream, tflite-ref, tflm, xnnpack, c-gcc-O0, "),
        (lambda x: x.astype(np.uint8), "golden", "the inputs are uint8 (3, 7, 5, 3); they must be int8"),
        (lambda x: x[0], "golden", "the inputs are int8 (7, 5, 3); they must be int8 (batch, 7, 5, 3)"),
        (lambda x: x[:0], "golden", "the inputs are int8 (0, 7, 5, 3)"),
        (lambda x: x[:, :5], "golden", "the inputs are int8 (3, 5, 5, 3)"),
    ],
)
def test_what_does_not_suit_is_refused(network, images, change, name, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run_on(network, change(images), name)
