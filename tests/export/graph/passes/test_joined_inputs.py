"""Networks of several inputs, which become one: equal to TFLM, which is given the parts."""

import numpy as np
import pytest

from export.graph.golden import random_inputs, run
from export.graph.operators import Add, Multiply, Resize
from export.graph.passes.joined_inputs import NAME, parts_of, with_one_input
from export.opening import open_network
from tests.support.networks.graphs import Builder
from tests.support.tflite.tflite_files import FileBuilder, options


def two_inputs(first, second, codings=((2.0**-5, 3), (2.0**-4, -9))):
    """Two inputs of which one is as large as the other, or is repeated to its size."""
    net = Builder(0)
    for name, shape, coding in zip(("first", "second"), (first, second), codings):
        net.input(shape, *coding, name=name)
    one, other = (net.convolution(f"{name}.conv", name, 4) for name in ("first", "second"))
    if first[:2] != second[:2]:
        other = net.add(Resize(name="repeated", inputs=[other], size=first[:2], method="nearest"), 2.0**-4)
    net.add(Multiply(name="product", inputs=[one, other]), 2.0**-3)
    return net.graph(net.add(Add(name="sum", inputs=["product", one]), 2.0**-3))


SHAPES = [((6, 5, 3), (6, 5, 3)), ((6, 5, 3), (6, 5, 1)), ((6, 5, 3), (1, 1, 7)), ((4, 3, 2), (6, 2, 2))]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("alike", [True, False])
def test_the_joined_network_computes_the_same(shapes, alike):
    graph = two_inputs(*shapes, ((2.0**-5, 3),) * 2) if alike else two_inputs(*shapes)
    joined = with_one_input(graph)
    assert joined.inputs == (NAME,)
    inputs = random_inputs(joined, 3)
    parts = parts_of(joined, inputs, graph.inputs)
    expected = run(graph, dict(zip(graph.inputs, parts)), graph.outputs)["sum"]
    np.testing.assert_array_equal(run(joined, inputs, joined.outputs)["sum"], expected)


def test_a_row_is_the_rows_of_all_inputs():
    joined = with_one_input(two_inputs((6, 5, 3), (6, 5, 1)))
    inputs = random_inputs(joined, 2)
    first, second = parts_of(joined, inputs, ("first", "second"))
    rows = np.concatenate([each.reshape(2, 6, -1) for each in (first, second)], axis=2)
    np.testing.assert_array_equal(inputs[NAME], rows[:, :, None])


def test_a_network_of_one_input_stays_as_it_is():
    net = Builder(0)
    net.input((4, 4, 3))
    graph = net.graph(net.convolution("conv", "image", 2))
    assert with_one_input(graph) is graph


def test_a_file_of_two_inputs_runs_everywhere(tmp_path):
    file = FileBuilder(0)
    image, vector = file.tensor(1, 6, 5, 4, scale=0.03, zero_point=2), file.tensor(1, 4, scale=0.02, zero_point=-8)
    map, output = file.tensor(1, 6, 5, 4, scale=0.05, zero_point=3), file.tensor(1, 6, 5, 4, scale=0.07)
    file.convolution(image, map)
    file.add("MUL", [map, vector], output, options("Mul"))
    path = tmp_path / "two.tflite"
    path.write_bytes(file.content([image, vector], [output]))
    result = open_network(path).verify(3, on="tflm,tflite-ref,stream,c")
    assert result.passed, str(result)
