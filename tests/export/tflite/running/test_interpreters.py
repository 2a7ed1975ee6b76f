"""An interpreter that dies, or that fails in its own parsers, is one line that names the operator; the next run works."""

import os
import signal

import numpy as np
import pytest

from export.graph import golden
from export.graph.golden import random_inputs
from export.tflite.reading.reader import read
from export.tflite.running import arena, interpreters
from export.tflite.running.child import Died
from export.tflite.running.interpreters import run_tflm, tf_lite, tflm
from tests.support.tflite.tflite_files import FileBuilder, options

SAME = 0


def softmax_of_equal_classes():
    """A fresh classifier of many classes: TFLM aborts in the SOFTMAX of more than 512 nearly equal values."""
    file = FileBuilder()
    x, y, z = file.tensor(1, 8), file.tensor(1, 1000), file.tensor(1, 1000, scale=2.0**-8, zero_point=-128)
    weights = file.constant(np.ones((1000, 8), np.int8), scale=0.001)
    file.add("FULLY_CONNECTED", [x, weights, -1], y, options("FullyConnected"))
    file.add("SOFTMAX", [y], z, options("Softmax", beta=1.0))
    return file.content([x], [z])


def depthwise_without_biases():
    """TFLM reads the biases that are left out."""
    file = FileBuilder()
    x, y, z = (file.tensor(1, 2, 2, 5) for _ in range(3))
    file.add("ABS", [x], y)
    weights, _ = file.weights(file.codes(1, 3, 1, 5), y, z, 5, axis=3)
    values = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    file.add("DEPTHWISE_CONV_2D", [y, weights, -1], z, options("DepthwiseConv2D", depthMultiplier=1, **values))
    return file.content([x], [z])


def healthy():
    file = FileBuilder()
    x, y = file.tensor(1, 4, 4, 3), file.tensor(1, 4, 4, 3)
    file.add("ABS", [x], y)
    return file.content([x], [y])


def run(content, interpreter=tflm):
    graph, tflite = read(content)
    inputs, (output,) = random_inputs(graph, 2), graph.outputs
    index = tflite.tensors[output].index
    got = interpreter(content).run(list(inputs.values()), [index])[index]
    np.testing.assert_array_equal(tflite.tensors[output].logical(got), golden.run(graph, inputs)[output])


@pytest.mark.parametrize(
    "content, message",
    [
        (
            softmax_of_equal_classes(),
            r"^TFLM died by SIGABRT.*; it was given operator 1 \(SOFTMAX\), which stops at 512 or more nearly equal",
        ),
        (depthwise_without_biases(), r"^TFLM died by SIG.*; it was given operator 1 \(DEPTHWISE_CONV_2D\)$"),
    ],
)
def test_tflm_dies_alone_and_its_operator_is_named(content, message):
    with pytest.raises(RuntimeError, match=message):
        run(content)
    run(healthy())


def test_tensors_without_dimensions_come_as_a_batch():
    file = FileBuilder()
    x, y = file.tensor(), file.tensor()
    file.add("ABS", [x], y)
    run(file.content([x], [y]))


def test_damaged_metadata_is_an_error_of_tflm():
    content = bytearray(healthy())
    content[:4] = (2**31).to_bytes(4, "little")  # the offset of the root
    with pytest.raises(RuntimeError, match="^TFLM(:| died)"):
        run_tflm(bytes(content), [np.zeros((1, 4, 4, 3), np.int8)], [1])
    with pytest.raises(RuntimeError, match="^TFLM"):
        arena.measure(bytes(content))


def test_tf_lite_runs_apart_too():
    run(healthy(), lambda content: tf_lite(content, "BUILTIN_REF"))


def test_a_server_that_was_killed_is_started_again():
    run(healthy())
    server = interpreters.SERVERS["TFLM"]
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    run(healthy())
    with pytest.raises(Died, match="died by SIGKILL"):
        server.call(signal.raise_signal, signal.SIGKILL)
    run(healthy())
