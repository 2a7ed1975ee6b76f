"""The fixed-weight header: the codes of the core, and the same bytes whatever the task."""

import re
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from export.c import core_header
from export.graph.operators import Convolution
from export.graph.tensor import GraphError
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.tasks import CORE, every_operator, other_task, with_core_of

SMALL = (8, 8, 16, 16, 32)  # channels of a SemifreddoNet


def arrays_of(header):
    """The arrays of a header by name."""
    found = re.findall(r"^const int8_t (\w+)\[(\d+)\] = \{([^}]*)\};$", header, re.MULTILINE)
    arrays = {name: np.array(values.split(","), np.int8) for name, _, values in found}
    assert [len(array) for array in arrays.values()] == [int(size) for _, size, _ in found]
    return arrays


def macros_of(header):
    return {name: int(value) for name, value in re.findall(r"^#define SF_CORE_(\w+) (\d+)$", header, re.MULTILINE)}


def frozen(graph):
    return [each for each in graph.operators if isinstance(each, Convolution) and each.frozen]


def test_it_holds_every_frozen_code_and_no_other():
    graph = semifreddo((32, 32), SMALL)
    arrays = arrays_of(core_header.write(graph))
    assert len(arrays) == len(frozen(graph))
    for operator in frozen(graph):
        np.testing.assert_array_equal(arrays[core_header.array_name(operator, graph)], operator.codes.ravel())


def test_every_task_of_a_core_has_the_same_header():
    graph = replace(semifreddo((32, 32), SMALL), metadata={"core": CORE})
    header = core_header.write(graph)
    another_head = semifreddo((32, 32), SMALL, seed=1, classes=3)
    another_size = semifreddo((48, 64), SMALL, seed=2)
    not_shuffled = semifreddo((32, 32), SMALL, seed=3, core_shuffled=False)
    assert core_header.write(other_task(graph)) == header
    for other in (another_head, another_size, not_shuffled):
        assert core_header.write(other) != header
        assert core_header.write(with_core_of(other, graph)) == header
    assert core_header.write(every_operator(core_shuffle=True)) == core_header.write(every_operator(core_shuffle=False))


def test_its_counts_are_those_of_the_arrays():
    header = core_header.write(semifreddo((32, 32), SMALL))
    codes = np.concatenate(list(arrays_of(header).values()))
    assert macros_of(header) == {
        "CONVOLUTIONS": len(arrays_of(header)),
        "CODES": codes.size,
        "ZEROS": np.sum(codes == 0),
        "SIGNED_DIGITS": sum(SIGNED_DIGITS[code] for code in codes.tolist()),
    }


def canonical_forms():
    """Number of digits other than 0 by value, of every signed-digit form without two of them side by side."""
    digits = Counter()
    for form in product((-1, 0, 1), repeat=9):
        if not any(first and second for first, second in zip(form, form[1:])):
            value = sum(digit << place for place, digit in enumerate(form))
            assert value not in digits  # there is one such form of each number
            digits[value] = sum(map(abs, form))
    return digits


SIGNED_DIGITS = canonical_forms()


def test_signed_digits_are_those_of_the_canonical_form():
    for code in range(-127, 128):
        assert core_header.signed_digits(np.array([code], np.int8)) == SIGNED_DIGITS[code]
    assert core_header.signed_digits(np.array([7, -1, 0, 85], np.int8)) == 2 + 1 + 0 + 4


def two_frozen(first, second, codes_differ=True):
    net = Builder()
    net.input((2, 2, 3))
    net.convolution(second, net.convolution(first, "image", 3, frozen=True), 3, frozen=True)
    if not codes_differ:
        net.operators[1] = replace(net.operators[1], codes=net.operators[0].codes)
    return net.graph(second)


def test_the_passes_of_a_repeated_module_share_their_kernels():
    names = "frozen.stage4.unit1.pointwise", "frozen.stage4.pass2.unit1.pointwise"
    graph = two_frozen(*names, codes_differ=False)
    header = core_header.write(graph)
    assert list(arrays_of(header)) == ["core_00000000_frozen_stage4_unit1_pointwise"]
    assert {core_header.array_name(each, graph) for each in graph.operators} == set(arrays_of(header))
    assert graph.parameters().frozen_codes == graph.operators[0].codes.size
    with pytest.raises(
        GraphError, match="pass2.unit1.pointwise: its frozen codes are not those of frozen.stage4.unit1"
    ):
        core_header.write(two_frozen(*names))


@pytest.mark.parametrize("names", [("a/b", "a;b"), ("frozen.A", "frozen.a"), ("é", "ü"), ("a b", "a b_")])
def test_names_of_one_identifier_become_two_arrays(names):
    graph = two_frozen(*names)
    arrays = arrays_of(core_header.write(graph))
    assert len(arrays) == 2
    for operator in graph.operators:
        np.testing.assert_array_equal(arrays[core_header.array_name(operator, graph)], operator.codes.ravel())


def test_a_network_without_a_core_has_an_empty_header():
    net = Builder()
    net.convolution("conv", net.input((2, 2, 3)), 3)
    header = core_header.write(net.graph("conv"))
    assert macros_of(header) == {"CONVOLUTIONS": 0, "CODES": 0, "ZEROS": 0, "SIGNED_DIGITS": 0}
    assert not arrays_of(header)
