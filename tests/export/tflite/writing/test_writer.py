"""The .tflite: equal to golden in both reference interpreters, deterministic, and cheap in channel moves."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from export.graph.golden import random_inputs
from export.graph.operators import Add
from export.graph.tensor import GraphError
from export.tflite.file.flatbuffer import BUFFER_ALIGNMENT
from export.tflite.writing.writer import operator_counts, write
from tests.support.networks.graphs import Builder, regular_unit, semifreddo
from tests.support.networks.random_graphs import random_graphs
from tests.support.proofs import prove_tflite

ROOT = Path(__file__).parents[4]


def assert_equal_to_golden(graph, inputs=4):
    tflite = write(graph)
    result = prove_tflite(graph, tflite, random_inputs(graph, inputs))
    assert result.passed, str(result)
    return operator_counts(tflite.content)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_graphs())
def test_random_graphs_are_equal_to_golden_at_every_tensor(graph):
    assert_equal_to_golden(graph)


@pytest.mark.parametrize("core_shuffled", [True, False])
@pytest.mark.parametrize("size", [(32, 32), (48, 32)])
def test_a_semifreddo_net_is_equal_to_golden_at_every_tensor(size, core_shuffled):
    counts = assert_equal_to_golden(semifreddo(size, core_shuffled=core_shuffled))
    assert counts["GATHER"] == 1  # the table of the head's activation: no order has to be restored
    assert counts["CONV_2D"] == 39
    assert counts["CONCATENATION"] + counts["SPLIT_V"] <= 58
    assert not counts.keys() & {"RESHAPE", "TRANSPOSE", "QUANTIZE", "DEQUANTIZE", "STRIDED_SLICE"}


def test_writing_takes_less_than_three_seconds():
    graph = semifreddo((96, 96))
    start = time.process_time()
    write(graph)
    assert time.process_time() - start < 3


def test_the_same_graph_gives_the_same_bytes_in_every_process():
    program = "import sys; from export.tflite.writing.writer import write\n"
    program += "from tests.support.networks.graphs import semifreddo\n"
    program += "sys.stdout.buffer.write(write(semifreddo()).content)"
    for seed in ("1", "2"):  # of Python's string hashes, and so of the order of sets
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        written = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
        )
        assert written.stdout == write(semifreddo()).content


def test_regular_units_move_channels_by_one_split_and_one_concatenation_each():
    net = Builder()
    x = net.convolution("stem", net.input((8, 8, 3)), 32)
    for unit in range(4):
        x = regular_unit(net, f"unit{unit}", x)
    counts = assert_equal_to_golden(net.graph(net.convolution("head", x, 8)))
    assert counts == {"CONV_2D": 6, "DEPTHWISE_CONV_2D": 4, "CONCATENATION": 4, "SPLIT_V": 4}


def test_a_shuffle_between_convolutions_costs_nothing():
    net = Builder()
    x = net.convolution("first", net.input((4, 4, 3)), 16)
    counts = assert_equal_to_golden(net.graph(net.convolution("second", net.shuffle("shuffle", x), 8)))
    assert counts == {"CONV_2D": 2}


def test_grey_becomes_colour_by_one_concatenation():
    net = Builder()
    colour = net.wire("colour", [net.input((4, 4, 1))], [(0, 0)] * 3)
    assert assert_equal_to_golden(net.graph(net.convolution("stem", colour, 8))) == {"CONCATENATION": 1, "CONV_2D": 1}


def test_an_order_that_must_be_restored_costs_one_gather():
    net = Builder(3)
    order = np.random.default_rng(0).permutation(64)
    x = net.input((4, 4, 64))
    counts = assert_equal_to_golden(net.graph(net.wire("output", [x], [(0, channel) for channel in order])))
    assert counts == {"GATHER": 1}


def test_many_inputs_are_concatenated_in_steps():
    net = Builder(4)
    image = net.input((4, 4, 2))
    parts = [net.convolution(f"part{i}", image, 3) for i in range(25)]
    every = np.array([(i, channel) for i in range(25) for channel in range(3)])
    random = np.random.default_rng(0)
    first = net.wire("first", parts, random.permutation(every))
    counts = assert_equal_to_golden(net.graph(first, net.wire("second", parts, random.permutation(every))))
    assert counts["GATHER"] <= 2


def test_grouped_convolutions_amid_shuffles():
    net = Builder(5)
    x = net.shuffle("shuffled", net.convolution("stem", net.input((4, 4, 3)), 24, groups=3))
    x = regular_unit(net, "unit", net.blend("blend", x, x))
    x = net.convolution("grouped", x, 12, groups=4)
    assert_equal_to_golden(net.graph("blend", net.convolution("head", net.shuffle("again", x), 8)))


def test_outputs_are_in_logical_order():
    graph = replace(semifreddo(), outputs=("core1.stage4.blend", "frozen.stage4.unit4", "head.sigmoid"))
    tflite = write(graph)
    for name in graph.outputs:
        np.testing.assert_array_equal(tflite.tensors[name].order, np.arange(graph.tensor(name).channels))
    assert_equal_to_golden(graph, inputs=2)


def test_all_frozen_codes_are_in_the_file():
    graph = semifreddo()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(write(graph).content))
    tensors = {tensor.name.decode(): tensor for tensor in model.subgraphs[0].tensors}
    for operator in graph.operators:
        if getattr(operator, "frozen", False):
            data = model.buffers[tensors[f"{operator.name}/weights"].buffer].data.astype(np.int8)
            np.testing.assert_array_equal(np.sort(data), np.sort(operator.codes.ravel()))


def test_buffers_are_aligned():
    content = write(semifreddo()).content
    model = schema.Model.GetRootAs(content)
    for i in range(1, model.BuffersLength()):
        table = model.Buffers(i)._tab
        assert table.Vector(table.Offset(4)) % BUFFER_ALIGNMENT == 0


@pytest.mark.parametrize("clamp", [(-128, 127), (4, 127), (4, 100), (-12, 20)])
def test_clamps_that_are_activations_of_tflite(clamp):
    net = Builder()
    x = net.input((4, 4, 3), 2.0**-4)
    minimum, maximum = clamp
    net.add(Add(name="sum", inputs=[x, x], minimum=minimum, maximum=maximum), 2.0**-4, zero_point=4)
    assert_equal_to_golden(net.graph("sum"))


def test_a_clamp_that_tflite_cannot_say_is_refused():
    net = Builder()
    net.add(Add(name="sum", inputs=[net.input((4, 4, 3))] * 2, minimum=-3), 2.0**-4)
    with pytest.raises(GraphError, match="sum: the clamp -3..127 is none of TFLite's activations"):
        write(net.graph("sum"))
