"""The arena that goes into the generated header: enough, and not a step more than enough."""

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from export.graph import golden
from export.graph.golden import random_inputs
from export.tflite.running import arena
from export.tflite.writing.writer import write
from tests.support.networks.graphs import Builder, semifreddo


@pytest.mark.parametrize(
    "size", [(32, 32), (96, 96)]
)  # TFLM's planning decides in the small one, maps in the large one
def test_the_arena_is_enough_and_16_bytes_less_is_refused(size):
    graph = semifreddo(size)
    content, inputs = write(graph).content, random_inputs(graph, 1)
    measured = arena.measure(content)
    assert measured.total >= measured.maps + measured.persistent
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=measured.total)
    interpreter.set_input(inputs["image"], 0)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_output(0), golden.run(graph, inputs)["head.sigmoid"])
    with pytest.raises(RuntimeError, match="allocate"):
        runtime.Interpreter.from_bytes(content, arena_size=measured.total - 16)


def test_a_tiny_model_can_be_measured_although_tflm_crashes_in_arenas_that_are_too_small():
    net = Builder()
    content = write(net.graph(net.convolution("head", net.input((4, 4, 3)), 8))).content
    measured = arena.measure(content)
    runtime.Interpreter.from_bytes(content, arena_size=measured.total).invoke()


def test_a_model_that_tflm_refuses_is_an_error_with_its_message():
    net = Builder()
    content = write(net.graph(net.convolution("head", net.input((4, 4, 3)), 8))).content
    with pytest.raises(RuntimeError, match="TFLM refuses the model: "):
        arena.measure(content[:100])
