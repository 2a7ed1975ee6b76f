"""What a network may cost: beyond it one line, within it seconds and little memory."""

import re
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from export.c import project
from export.graph import golden, limits
from export.graph.golden import random_inputs
from export.graph.operators import AveragePool, Lookup
from export.graph.passes.resize import resize
from export.graph.tensor import GraphError
from export.streaming import line_plan
from export.tflite.file.flatbuffer import TfliteError
from export.tflite.reading.reader import read
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.tasks import every_operator
from tests.support.tflite.tflite_files import FileBuilder, options

SECONDS = 20  # of processor time, several times what it takes
TABLE = np.arange(-128, 128).astype(np.int8)


def chain(length, shape=(4, 4, 3)):
    """A network of lookups, one after the other."""
    net = Builder()
    last = net.input(shape)
    for i in range(length):
        last = net.add(Lookup(name=f"stage{i}", inputs=[last], table=TABLE), 2.0**-4)
    return lambda: net.graph(last)


def pooled(size, window):
    net = Builder()
    net.input((size, size, 1))
    return lambda: net.graph(net.add(AveragePool(name="pool", inputs=["image"], window=(window, window)), 2.0**-7))


def named(name, tensor="stage0"):
    graph = chain(1)()
    operators = [replace(graph.operators[0], name=tensor)]
    tensors = [graph.tensors[0], replace(graph.tensors[1], name=tensor)]
    return lambda: replace(graph, name=name, outputs=(tensor,), operators=operators, tensors=tensors)


def convolved(size, channels, kernel):
    net = Builder()
    net.input((size, size, channels))
    return lambda: net.graph(net.convolution("head", "image", channels, kernel=kernel))


@pytest.mark.parametrize(
    "build, message",
    [
        (chain(1, (32768, 1, 1)), "image: shape is 32768x1x1; a map can have up to 32767x65535x65535, and 16,777,216"),
        (chain(1, (1, 65536, 1)), "image: shape is 1x65536x1"),
        (chain(1, (1, 1, 65536)), "image: shape is 1x1x65536"),
        (chain(1, (4096, 4097, 1)), "image: shape is 4096x4097x1"),
        (chain(4097), "net: 4,097 operators; a network can have up to 4,096"),
        (chain(129, (32767, 1, 1)), "net: 4,259,710 rows in all maps; a network can have up to 4,194,304"),
        (chain(8, (4096, 4096, 1)), "net: 150,994,944 values in all maps; a network can have up to 134,217,728"),
        (pooled(400, 200), "net: 1,616,040,000 values under the windows"),
        (convolved(2048, 4, 49), "net: 153,664,000,000 MACs per input"),
        (named("n" * 201), "nnnnnnnnnnnnnnnnnnnn: 201 letters in its name"),
        (named("net", "n" * 1001), "net: 1,001 letters in the name of a tensor (nnnnnnnnnnnnnnnnnnnn...)"),
    ],
)
def test_beyond_the_limits_is_one_line(build, message, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TAPS", 1 << 30)
    begin = time.process_time()
    with pytest.raises(GraphError, match=re.escape(message)) as caught:
        build()
    assert len(str(caught.value)) < 200 and time.process_time() - begin < SECONDS


@pytest.mark.parametrize("size", [(99999, 99999), (32767, 32767), (2048, 8193), (1, 99999)])
def test_a_size_beyond_the_limits_is_refused_at_once(size):
    with pytest.raises(GraphError, match="a map can have up to"):
        resize(semifreddo((32, 32), (8, 16, 16, 16, 32)), size)


@pytest.mark.parametrize("length", [limits.MOST_OPERATORS])
def test_the_longest_chain_is_planned_and_written_in_seconds(length, tmp_path):
    graph, begin = chain(length)(), time.process_time()
    plan = line_plan.plan(graph)
    assert len(plan.stages) == length and plan.shared == 2 * plan.buffers["stage0"].row_bytes
    assert time.process_time() - begin < SECONDS
    project.write_folder(plan, tmp_path)
    assert time.process_time() - begin < 2 * SECONDS


def test_the_most_rows_are_planned_in_seconds():
    graph, begin = chain(127, (32767, 1, 1))(), time.process_time()
    assert line_plan.plan(graph).lines == 32767
    assert time.process_time() - begin < SECONDS


def test_the_largest_map_is_computed_in_less_than_a_gigabyte():
    net = Builder()
    net.input((4096, 4096, 1))
    graph = net.graph(net.convolution("head", net.depthwise("layer", "image", 3), 1, kernel=3))
    images = random_inputs(graph, 1)
    tracemalloc.start()
    made = golden.run(graph, images, graph.outputs)["head"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.any() and peak < 1 << 30


def test_blocks_of_rows_change_no_value(monkeypatch):
    graph = every_operator()
    inputs = random_inputs(graph, 3)
    whole = golden.run(graph, inputs)
    monkeypatch.setattr(golden, "VALUES_OF_A_BLOCK", 1)
    np.testing.assert_equal(golden.run(graph, inputs), whole)


def transposed(count, shape):
    file = FileBuilder()
    x = first = file.tensor(*shape)
    for _ in range(count):
        shape = (shape[0], shape[2], shape[1], shape[3])
        y = file.tensor(*shape)
        file.add("TRANSPOSE", [x, file.ints(0, 2, 1, 3)], y, options("Transpose"))
        x = y
    last = file.tensor(*shape)
    file.add("ABS", [x], last)
    return file.content([first], [last])


def test_moving_a_large_map_often_takes_memory_once():
    content = transposed(30, (1, 1024, 1024, 4))
    tracemalloc.start()
    graph, _ = read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(graph.operators) == 1 and peak < 20 * (1 << 22)


@pytest.mark.parametrize(
    "build, message",
    [
        (
            lambda: transposed(30, (1, 8192, 8192, 1)),
            "tensor 0 (tensor0): shape is 1x8192x8192x1; it can have up to",
        ),
        (lambda: transposed(8200, (1, 2, 2, 1)), "it has 16,402 tensors; it can have up to 16,384"),
        (lambda: bytes(limits.MOST_FILE_BYTES + 1), "it has 134,217,729 bytes; it can have up to 134,217,728"),
    ],
    ids=["map", "tensors", "bytes"],
)
def test_a_tflite_beyond_the_limits_is_one_line(build, message):
    content = build()
    with pytest.raises(TfliteError, match=re.escape(message)):
        read(content)
