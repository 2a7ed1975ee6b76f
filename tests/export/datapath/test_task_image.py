"""The task image: every number of a task where the format says it is, and nothing of the frozen core."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from export.datapath import structure, task_image
from export.datapath.weight_layout import FLASHES, for_flash
from export.graph.arithmetic.rounding import mean_multiplier, quantize_multiplier
from export.graph.arithmetic.softmax import factor_and_smallest, reverse_factor
from export.graph.operators import (
    Add,
    Convolution,
    LogSoftmax,
    Lstm,
    Mean,
    Prelu,
    Reduce,
    Softmax,
    SquaredDifference,
    Svdf,
)
from export.graph.passes import zero_point
from export.streaming import line_plan
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams
from tests.support.networks.tasks import CORE, every_operator, other_task, with_core_of
from tests.support.task_layout import HEADER_BYTES, parts

random_graphs = settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def written(graph):
    return task_image.write(line_plan.plan(graph))


def factors_of(operator, graph):
    """(multiplier, shift) of each factor of a stage."""
    inputs, output = graph.inputs_of(operator), graph.tensor(operator.output)
    if isinstance(operator, Convolution):
        return np.stack(quantize_multiplier(operator.multipliers(*inputs, output)), axis=1)
    if isinstance(operator, Add | SquaredDifference | Prelu | Svdf):
        return np.stack(quantize_multiplier(operator.multipliers(*inputs, output)), axis=1)
    if isinstance(operator, Softmax):
        return [factor_and_smallest(operator.multiplier(*inputs))[:2]]
    if isinstance(operator, LogSoftmax):
        factor = factor_and_smallest(operator.multiplier(*inputs))[:2]
        return [factor, reverse_factor(*factor)]
    if isinstance(operator, Reduce):
        factor = quantize_multiplier(operator.multiplier(*inputs, output))
        return [mean_multiplier(*factor, operator.count(inputs[0].shape)) if operator.what == "mean" else factor]
    if isinstance(operator, Lstm):
        factors = [*operator.multipliers(*inputs, output).ravel(), operator.products(output)[2]]
        return np.stack(quantize_multiplier(factors), axis=1)
    factor = quantize_multiplier(operator.multiplier(*inputs, output))
    return [mean_multiplier(*factor, inputs[0].size // inputs[0].channels) if isinstance(operator, Mean) else factor]


def biases_of(operator, graph):
    """The biases of a recurrent operator, with the zero points of what it reads."""
    (input,), output = graph.inputs_of(operator), graph.tensor(operator.output)
    of_input = input.zero_point * operator.codes.astype(int).sum(axis=-1)
    if isinstance(operator, Svdf):
        return np.concatenate([operator.bias, -of_input])
    of_output = output.zero_point * operator.recurrent_codes.astype(int).sum(axis=-1)
    return np.stack([operator.bias - of_input, -of_output])


def expected(part, graph):
    """What a part must hold; multiplier and shift for a word of both."""
    operator = graph.operator(part.stage)
    if part.what == "bias":
        return zero_point.bias(operator, graph)
    if part.what == "biases":
        return biases_of(operator, graph)
    if part.what in ("codes", "recurrent_codes", "time_codes", "table", "values"):
        return getattr(operator, part.what)
    if part.what == "paired":
        rows = operator.codes.reshape(len(operator.codes), -1)
        return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    if part.what == "switch":
        return [operator.is_on]
    if part.what == "smallest":
        return factor_and_smallest(operator.multiplier(*graph.inputs_of(operator)))[2:]
    factors = np.array(factors_of(operator, graph))
    return {"multipliers": factors[:, 0], "shifts": factors[:, 1]}.get(part.what, factors)


def found(part, image):
    values = part.of(image)
    if part.what == "paired":  # the halves of words lie two apart
        return values.swapaxes(-1, -2).reshape(len(values), -1)
    return np.stack([values & ~127, (values & 127) - 64], axis=1) if part.what == "words" else values


@pytest.mark.parametrize("layout", FLASHES)
@random_graphs
@given(graph=random_streams())
def test_every_number_is_where_the_format_says(graph, layout):
    graph = for_flash(graph, layout)
    image, end, sections = written(graph), HEADER_BYTES, {}
    for part in parts(line_plan.plan(graph)):
        np.testing.assert_array_equal(found(part, image.content), expected(part, graph), err_msg=str(part))
        assert not any(image.content[end : part.offset])  # what pads the part before
        sections.setdefault(part.stage, part.offset)
        end = part.offset + part.size
    assert len(image.content) == end + -end % 4
    assert sections.items() <= image.sections.items()


def test_a_core_shuffle_is_a_switch():
    for on in (True, False):
        graph = every_operator(core_shuffle=on)
        (switch,) = [part for part in parts(line_plan.plan(graph)) if part.what == "switch"]
        assert switch.of(written(graph).content) == on


def test_the_header():
    graph = every_operator()
    content = written(graph).content
    magic, version, size, crc, core, datapath = struct.unpack_from("<4sIII32s32s", content)
    assert (magic, version, size, crc) == (b"SFTI", 1, len(content), zlib.crc32(content[16:]))
    assert (core.hex(), datapath.hex()) == (CORE, structure.digest(line_plan.plan(graph)))
    assert written(replace(graph, metadata={})).content[16:48] == bytes(32)


@random_graphs
@given(random_streams())
def test_the_same_network_gives_the_same_bytes(graph):
    again = replace(graph, operators=[replace(operator) for operator in graph.operators])
    assert written(graph).content == written(again).content


@pytest.mark.parametrize("graph", [every_operator(), semifreddo((32, 32))], ids=lambda graph: graph.name)
def test_no_frozen_code_is_in_it(graph):
    image = written(graph)
    frozen = [each for each in graph.operators if isinstance(each, Convolution) and each.frozen]
    other_core = with_core_of(graph, other_core_of(graph))
    assert written(other_core).content[HEADER_BYTES:] == image.content[HEADER_BYTES:]
    ends = dict(zip(image.sections, [*list(image.sections.values())[1:], len(image.content)]))
    for operator in frozen:
        size = ends[operator.name] - image.sections[operator.name]
        assert size == 8 * graph.tensor(operator.name).channels  # bias and factor


def other_core_of(graph):
    """The network with all its frozen codes negated."""
    operators = [
        replace(each, codes=-each.codes) if isinstance(each, Convolution) and each.frozen else each
        for each in graph.operators
    ]
    return replace(graph, operators=operators, metadata={"core": "ab" * 32})


def test_a_task_of_a_semifreddonet_is_its_trainable_codes_and_8_bytes_a_channel():
    graph = semifreddo((32, 32))
    convolutions = [each for each in graph.operators if isinstance(each, Convolution)]
    channels = sum(graph.tensor(each.name).channels for each in convolutions)
    codes = sum(each.codes.size for each in convolutions if not each.frozen)
    content = written(graph).content
    few = 36 * len(graph.operators)  # factors of sums and blends, padding of codes
    blends = sum(
        each.codes.size for each in graph.operators if not isinstance(each, Convolution) and hasattr(each, "codes")
    )
    table = 256
    assert 0 <= len(content) - (HEADER_BYTES + codes + 8 * channels + blends + table) <= few


def test_another_task_of_the_same_datapath_has_the_same_layout():
    graph = every_operator()
    task, other = written(graph), written(other_task(graph))
    assert task.sections == other.sections
    assert task.content[16:HEADER_BYTES] == other.content[16:HEADER_BYTES]
    for part in parts(line_plan.plan(graph)):
        if part.what in ("codes", "table", "bias", "words", "switch"):
            assert np.any(part.of(task.content) != part.of(other.content)), part


def test_factors_at_the_ends_of_their_range():
    net = Builder()
    net.input((1, 1, 2), 1.0)
    net.convolution("conv", "image", 2)
    operator = net.operators[0]
    for scale, shift in ((2.0**-36, -31), (2.0**25, 30)):
        net.operators = [replace(operator, scales=np.full(2, scale, np.float32))]
        content = written(net.graph("conv")).content
        words = next(part for part in parts(line_plan.plan(net.graph("conv"))) if part.what == "words").of(content)
        assert words.tolist() == [2**30 | shift + 64] * 2
