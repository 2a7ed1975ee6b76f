"""The contract: what a graph refuses, what it counts, and its file."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from export.graph import graph_file
from export.graph.graph_file import GraphFileError
from export.graph.operators import Add, AveragePool, ChannelScale, Lookup, Mean
from export.graph.tensor import GraphError, Tensor
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.random_graphs import random_graphs


def net_with_convolution(**options):
    net = Builder()
    net.input((6, 6, 4))
    net.convolution("conv", "image", 8, 3, **options)
    return net


def refused(message):
    return pytest.raises(GraphError, match=re.escape(message))


def test_exponent_of_a_fixed8_scale():
    assert Tensor("x", (1, 1, 1), 2.0**-5).exponent == 5
    assert Tensor("x", (1, 1, 1), 2.0).exponent == -1
    with refused("x: scale 0.3 is not a power of two"):
        _ = Tensor("x", (1, 1, 1), 0.3).exponent


@pytest.mark.parametrize(
    "tensor, message",
    [
        (Tensor("image", (6, 6), 1.0), "image: shape is (6, 6)"),
        (Tensor("image", (6, 0, 1), 1.0), "image: shape is (6, 0, 1)"),
        (Tensor("image", (6, 6, 4), 0.1), "image: scale is 0.1; it must be a positive float32 number"),
        (Tensor("image", (6, 6, 4), 1.0, 200), "image: zero_point is 200"),
    ],
)
def test_impossible_tensors_are_refused(tensor, message):
    net = net_with_convolution()
    net.tensors["image"] = tensor
    with refused(message):
        net.graph("conv")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bias": np.zeros(8, np.int64)}, "conv: bias is int64 (8,); it must be int32 (8)"),
        ({"scales": np.ones(7, np.float32)}, "conv: scales is float32 (7,); it must be float32 (8)"),
        ({"scales": np.zeros(8, np.float32)}, "conv: scales must be positive and finite"),
        (
            {"codes": np.zeros((8, 3, 3, 5), np.int8)},
            "conv: codes (8, 3, 3, 5) in 1 groups do not fit 4 input channels",
        ),
        ({"codes": np.zeros((8, 3, 3, 4), np.int16)}, "conv: codes is int16 (8, 3, 3, 4); it must be int8"),
        ({"groups": 3}, "conv: codes (8, 3, 3, 4) in 3 groups do not fit 4 input channels"),
        ({"padding": "SAME"}, "conv: padding is 'SAME'; it must be 'same', 'valid' or"),
        (
            {"padding": ((0, 3), (0, 0))},
            "conv: padding is ((0, 3), (0, 0)); it must be 'same', 'valid' or ((above, below)",
        ),
        ({"strides": (0, 1)}, "conv: strides are (0, 1)"),
        ({"dilations": (1, 0)}, "conv: dilations are (1, 0)"),
        ({"fully_connected": True}, "conv: a fully connected kernel is the whole map (6, 6)"),
        ({"strides": (2, 2)}, "conv: its tensor has shape (4, 4, 8); its inputs make it (2, 2, 8)"),
        ({"minimum": 5, "maximum": 4}, "conv: the clamp is 5..4"),
        ({"inputs": ("nothing",)}, "conv: it reads nothing, which no input or earlier operator makes"),
        ({"inputs": ("image", "image")}, "conv: it reads 2 tensors; it must read 1"),
    ],
)
def test_impossible_convolutions_are_refused(change, message):
    graph = net_with_convolution().graph("conv")
    with refused(message):
        replace(graph, operators=[replace(graph.operator("conv"), **change)])


def test_inputs_that_do_not_suit_each_other_are_refused():
    net = net_with_convolution()
    with refused("sum: it cannot add shapes (6, 6, 4) and (4, 4, 8)"):
        net.add(Add(name="sum", inputs=["image", "conv"]), 1.0)
    with refused("wire: its inputs must have one height and width"):
        net.wire("wire", ["image", "conv"], [(0, 0), (1, 0)])
    with refused("wire: it reads channel 4 of input 0, which does not exist"):
        net.wire("wire", ["image"], [(0, 4)])


@pytest.mark.parametrize(
    "operator, scale, message",
    [
        (AveragePool(name="pool", inputs=["image"], window=(2, 2)), 0.5, "pool: its tensors must share one scale"),
        (Add(name="sum", inputs=["image", "image"]), 2.0**-30, "sum: output scale 9.31"),
        (Lookup(name="table", inputs=["image"], table=np.zeros(255, np.int8)), 1.0, "table: table is int8 (255,)"),
        (
            ChannelScale(name="half", inputs=["image"], codes=np.zeros(3, np.int8), scale=1.0),
            1.0,
            "half: codes is int8 (3,); it must be int8 (4)",
        ),
    ],
)
def test_operators_that_do_not_suit_their_tensors_are_refused(operator, scale, message):
    net = Builder()
    net.input((6, 6, 4))
    net.add(operator, scale)
    with refused(message):
        net.graph(operator.name)


@pytest.mark.parametrize("side, fits", [(2896, True), (2897, False), (4200, False)])  # 2896^2 < 2^23 < 2897^2
def test_sums_of_pools_fit_into_32_bits(side, fits):
    net = Builder()
    net.input((side, side, 1))
    pools = [AveragePool(name="pool", inputs=["image"], window=(side, side)), Mean(name="mean", inputs=["image"])]
    for operator in pools:
        if fits:
            net.add(operator, 2.0**-7)
        else:
            with refused(f"{operator.name}: it sums {side}x{side} values per channel; at most 8388608 (2^23)"):
                net.add(operator, 2.0**-7)


def test_a_pool_sums_only_what_is_inside_of_its_map():
    net = Builder()
    net.input((2, 2, 1))
    operator = AveragePool(name="pool", inputs=["image"], window=(5000, 5000), padding="same")
    assert net.tensors[net.add(operator, 2.0**-7)].shape == (2, 2, 1)


def test_names_must_be_given_once_and_exist():
    graph = net_with_convolution().graph("conv")
    with refused("made by no operator"):
        replace(graph, outputs=["head"])
    with refused("got twice: ['conv']"):
        replace(graph, operators=[*graph.operators, *graph.operators])
    with refused("inputs and operators need one tensor each of their name; not so: ['conv']"):
        replace(graph, tensors=graph.tensors[:1])


def test_constants_of_a_graph_cannot_be_changed():
    operator = net_with_convolution().graph("conv").operator("conv")
    with pytest.raises(ValueError, match="read-only"):
        operator.codes[0] = 0


def test_counts_are_those_of_table_3():
    graph = semifreddo()
    counts = graph.parameters()
    assert counts.frozen_codes + counts.frozen_biases == 139_936
    assert counts.frozen_codes == 137_152


def test_macs_of_a_stem_at_640x480():
    net = Builder()
    net.input((480, 640, 3))
    net.convolution("stem", "image", 32, 3, strides=(2, 2), padding="same")
    assert net.graph("stem").macs() == {"stem": 320 * 240 * 32 * 27}


def test_same_padding_is_tensorflows():
    operator = AveragePool(name="pool", inputs=["image"], window=(3, 2), strides=(2, 2), padding="same")
    assert operator.output_size((6, 5)) == (3, 3)
    assert operator.pads((6, 5)) == ((0, 1), (0, 1))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_graphs())
def test_a_graph_survives_its_file_to_the_byte(graph):
    content = graph_file.to_bytes(graph)
    loaded = graph_file.from_bytes(content)
    assert graph_file.to_bytes(loaded) == content
    assert loaded.tensors == graph.tensors
    assert [type(each) for each in loaded.operators] == [type(each) for each in graph.operators]


def test_a_file_is_written_whole_and_read_back(tmp_path):
    graph = semifreddo()
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(graph))
    assert [path.name for path in tmp_path.iterdir()] == ["net.graph"]
    assert graph_file.digest(graph_file.load(tmp_path / "net.graph")) == graph_file.digest(graph)


def test_foreign_and_broken_files_are_refused_with_one_clear_error(tmp_path):
    content = graph_file.to_bytes(net_with_convolution().graph("conv"))
    path = tmp_path / "broken.graph"
    encrypted = content.replace(b"PK\1\2-\3-\0\0", b"PK\1\2-\3-\0\1")  # the flag of an entry
    assert encrypted != content
    broken = [b"", b"no graph at all", content[:200], content[:-50], encrypted]
    broken += [content[:i] + bytes([content[i] ^ 0x10]) + content[i + 1 :] for i in range(40, len(content), 97)]
    good = graph_file.to_bytes(graph_file.from_bytes(content))
    for bad in broken:
        path.write_bytes(bad)
        try:
            loaded = graph_file.load(path)
        except GraphFileError as error:
            assert str(error).startswith(f"{path}: ")
        else:  # the byte was one that says nothing, such as a file's attributes
            assert graph_file.to_bytes(loaded) == good
    np.savez(tmp_path / "foreign.npz", weights=np.zeros(3))
    with pytest.raises(GraphFileError, match="not an integer graph, or broken"):
        graph_file.load(tmp_path / "foreign.npz")


def of_version(graph, version: int) -> bytes:
    with np.load(io.BytesIO(graph_file.to_bytes(graph))) as entries:
        arrays = dict(entries)
    text = arrays.pop("graph").tobytes().replace(b'"version": 2', b'"version": %d' % version)
    file = io.BytesIO()
    np.savez(file, graph=np.frombuffer(text, np.uint8), **arrays)
    return file.getvalue()


def test_a_file_of_another_version_is_refused():
    graph = net_with_convolution().graph("conv")
    with pytest.raises(GraphFileError, match="version 9; expected 'sfkeras integer graph', version 2"):
        graph_file.from_bytes(of_version(graph, 9))
    assert graph_file.digest(graph_file.from_bytes(of_version(graph, 1))) == graph_file.digest(graph)
