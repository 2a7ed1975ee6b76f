"""The proof must be able to fail: a changed byte of a .tflite is found and named, and so is a backend that cannot run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from export.graph import golden
from export.graph.golden import random_inputs
from export.proof.comparison import compare
from export.tflite.running.interpreters import run_tflm
from export.tflite.writing.writer import write
from tests.support.networks.graphs import semifreddo
from tests.support.proofs import prove_tflite


@pytest.fixture(scope="module")
def net():
    graph = semifreddo()
    return graph, write(graph), random_inputs(graph, 6, seed=1)


def with_changed_constant(tflite, name, place=0):
    """The model with one byte of a named constant tensor changed."""
    model = schema.Model.GetRootAs(tflite.content)
    subgraph = model.Subgraphs(0)
    tensors = [subgraph.Tensors(i) for i in range(subgraph.TensorsLength())]
    table = model.Buffers(next(tensor.Buffer() for tensor in tensors if tensor.Name().decode() == name))._tab
    content = bytearray(tflite.content)
    content[table.Vector(table.Offset(4)) + place] ^= 0x55
    return replace(tflite, content=bytes(content))


def test_equal_backends_pass_with_equal_checksums(net):
    result = prove_tflite(*net)
    assert result.passed
    reference, tflite_ref, tflm = result.backends
    assert tflite_ref.checksums == tflm.checksums
    assert tflm.checksums.items() <= reference.checksums.items()
    assert reference.checksums.keys() == {tensor.name for tensor in net[0].tensors}
    assert json.loads(json.dumps(result.to_json()))["passed"] is True
    assert str(result).startswith("semifreddo: passed on 6 inputs")


def test_every_computed_tensor_is_compared(net):
    graph, tflite, _ = net
    computed = {operator.name for operator in graph.operators if type(operator).__name__ != "Wire"}
    assert computed <= tflite.tensors.keys()


@pytest.mark.parametrize(
    "layer, constant", [("frozen.stage2.unit1.left.pointwise", "weights"), ("head.sigmoid", "table")]
)
def test_a_changed_byte_is_named(net, layer, constant):
    graph, tflite, inputs = net
    values = golden.run(graph, inputs)
    used = int(values["head.pool"].ravel()[0]) + 128 if constant == "table" else 0
    result = prove_tflite(graph, with_changed_constant(tflite, f"{layer}/{constant}", used), inputs)
    assert not result.passed
    for backend in result.backends[1:]:
        first = backend.first
        assert first.tensor == layer and backend.differing > 0
        assert values[layer][first.input][first.index] == first.golden != first.got
        assert f"{backend.backend} differs from golden first at {layer}, row" in str(result)


def test_a_backend_that_cannot_run_is_named_and_fails(net):
    graph, tflite, inputs = net
    result = prove_tflite(graph, replace(tflite, content=tflite.content[:1000]), inputs)
    assert not result.passed
    assert all(backend.error for backend in result.backends[1:])
    assert "tflm: could not run: " in str(result)


def test_a_backend_without_outputs_or_of_another_shape_fails(net):
    graph, _, inputs = net
    silent = compare(graph, inputs, {"silent": lambda maps: {}})
    assert not silent.passed and "it gave no output ['head.sigmoid']" in str(silent)
    flat = compare(graph, inputs, {"flat": lambda maps: {"head.sigmoid": np.zeros((len(maps["image"]), 10), np.int8)}})
    assert not flat.passed and "head.sigmoid has shape (10,) instead of (1, 1, 10)" in str(flat)


def test_the_first_difference_is_first_in_data_flow_whatever_the_batch(net, monkeypatch):
    graph, _, inputs = net
    monkeypatch.setattr("export.proof.comparison.VALUES_AT_ONCE", 1)  # one image at a time

    def late_then_early(maps):
        values = golden.run(graph, maps)
        if np.array_equal(maps["image"], inputs["image"][:1]):
            values["head.pool"] = values["head.pool"] + np.int8(1)
        if np.array_equal(maps["image"], inputs["image"][3:4]):
            values["core1.stem"][0, 2, 1, 5] ^= 1
        return values

    first = compare(graph, inputs, {"odd": late_then_early}).backends[1].first
    assert (first.tensor, first.input, first.index) == ("core1.stem", 3, (2, 1, 5))


def test_random_inputs_are_the_same_for_the_same_seed(net):
    graph = net[0]
    assert random_inputs(graph)["image"].shape == (100, 32, 32, 3)
    np.testing.assert_array_equal(random_inputs(graph, 3)["image"], random_inputs(graph, 3)["image"])
    assert set(np.unique(random_inputs(graph)["image"])) == set(range(-128, 128))


def test_tflm_says_why_it_refuses(net, monkeypatch):
    _, tflite, inputs = net
    monkeypatch.setattr("export.tflite.running.interpreters.ARENA_SIZE", 20_000)
    with pytest.raises(RuntimeError, match="TFLM: TFLM failed to allocate tensors Failed to allocate"):
        run_tflm(tflite.content, [inputs["image"]], [0])
