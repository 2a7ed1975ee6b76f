"""The C kernels, portable and for the instructions of other processors, against the golden arithmetic on whole maps."""

import json
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export.graph.arithmetic.rounding import requantise, wrap_to_int32
from export.graph.operators import AveragePool, Conv2D, DepthwiseConv2D, MaxPool, Mean, Softmax
from tests import make_rounding_vectors
from tests.micro import cases
from tests.micro import kernels as c
from tests.micro.cases import SCALES, SEEDS, ZERO_POINTS, two
from tests.support.networks.graphs import Builder

pytestmark = pytest.mark.compiler
VECTORS = json.loads(make_rounding_vectors.FILE.read_text())
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

FACTORS = st.builds(c.Factor, st.integers(0, INT32_MAX), st.integers(-31, 31))
EXAMPLES = settings(max_examples=100, deadline=None)


def agree(kernels, net: Builder, name: str, make=None) -> None:
    """Golden and kernel make the same map."""
    for graph, inputs, expected in cases.maps_and_golden(net, name):
        np.testing.assert_array_equal((make or kernels.run)(graph, name, *inputs), expected)


@pytest.mark.parametrize("name", ["saturating_rounding_doubling_high_mul", "rounding_divide_by_pot", "requantise"])
def test_rounding(kernels, name):
    for *arguments, expected in VECTORS[name]:
        assert getattr(kernels.library, name)(*arguments) == expected


def test_rounding_by_other_ways(kernels):
    """By products of 32 bits, as a Cortex-M0+ does, and to the right only."""
    for a, b, expected in VECTORS["saturating_rounding_doubling_high_mul"]:
        if (a, b) != (INT32_MIN, INT32_MIN):
            assert kernels.library.high_mul_by_parts(a, b) == expected
    for accumulator, multiplier, shift, expected in VECTORS["requantise"]:
        if shift < 0:
            assert kernels.library.requantise_down(accumulator, multiplier, -shift - 1) == expected


# --- Windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Conv2D, DepthwiseConv2D])
@EXAMPLES
@given(st.data())
def test_convolutions(kernels, kind, data):
    agree(kernels, data.draw(cases.convolutions(kind)), "made")


@EXAMPLES
@given(cases.deep_convolutions())
def test_deep_convolutions(kernels, net):
    agree(kernels, net, "made")


@EXAMPLES
@given(cases.usual_convolutions() | cases.stems())
def test_usual_convolutions(kernels, net):
    agree(kernels, net, "made")
    if isinstance(net.operators[0], Conv2D):
        agree(kernels, net, "made", kernels.run_widened)


@EXAMPLES
@given(cases.convolutions(Conv2D) | cases.deep_convolutions())
def test_widened_convolutions(kernels, net):
    agree(kernels, net, "made", kernels.run_widened)


@pytest.mark.parametrize("kind", [AveragePool, MaxPool])
@EXAMPLES
@given(st.data())
def test_pools(kernels, kind, data):
    net = Builder(data.draw(SEEDS))
    net.input((*two(data.draw, 1, 9), data.draw(st.integers(1, 6))), zero_point=data.draw(ZERO_POINTS))
    window = two(data.draw, 1, 5)
    agree(kernels, cases.add_window(data.draw, net, kind, None, window, window=window), "made")


# --- Whole maps -------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(SEEDS, st.tuples(*[st.integers(1, 12)] * 3), SCALES, SCALES, ZERO_POINTS, ZERO_POINTS)
def test_running_sums(kernels, seed, shape, scale, mean_scale, zero_point, mean_zero_point):
    net = Builder(seed)
    net.input(shape, scale, zero_point)
    net.add(AveragePool(name="average", inputs=["image"], window=shape[:2], minimum=-100), scale, zero_point)
    net.add(Mean(name="mean", inputs=["image"]), mean_scale, mean_zero_point)
    agree(kernels, net, "average", kernels.running_average)
    agree(kernels, net, "mean")


# --- Value by value ---------------------------------------------------------------------------------------------------


@EXAMPLES
@given(cases.values())
def test_values(kernels, net):
    for name in cases.VALUES:
        agree(kernels, net, name)


def test_values_in_place(kernels):
    random = np.random.default_rng(0)
    first, second, table = (random.integers(-128, 128, size).astype(np.int8) for size in (60, 60, 256))
    factor, pair, scaling = c.Factor(2**30, -6), c.Pair(1, 2, 3, -128, 127), c.Scaling(12, 5, 1, 2, 3, -128, 127)
    factors = (c.Factor * 3)(c.Factor(2**30, 0), c.Factor(2**30, 0), c.Factor(2**30, -18))
    for kernel, arguments in {
        "sf_add_row": (60, pair, factors, first, second),
        "sf_multiply_row": (60, pair, factor, first, second),
        "sf_scale_row": (scaling, table, factor, first),
        "sf_lookup_row": (60, table, first),
    }.items():
        expected = kernels.row(kernel, (60,), *arguments)
        before = first.copy()
        kernels.call(kernel, *arguments, first)
        np.testing.assert_array_equal(first, expected)
        first[:] = before


# --- Bytes that only move ---------------------------------------------------------------------------------------------


@EXAMPLES
@example(0, 3, 40, 1, 0, 0, 0, 0)  # whole rows
@given(SEEDS, st.integers(1, 6), st.integers(1, 80), st.integers(1, 6), *[st.integers(0, 4)] * 4)
def test_copy_channels(kernels, seed, width, count, step, before, after, skipped, rest):
    random = np.random.default_rng(seed)
    input = random.integers(-128, 128, (width, skipped + count + rest)).astype(np.int8)
    expected = random.integers(-128, 128, (width, before + step * count + after)).astype(np.int8)
    output = expected.copy()
    part = slice(before, before + step * count, step)
    expected[:, part] = input[:, skipped : skipped + count]
    sizes = width, count, step, input.shape[1], output.shape[1]
    kernels.call("sf_copy_channels", *sizes, input.ravel()[skipped:], output.ravel()[before:])
    np.testing.assert_array_equal(output, expected)


@EXAMPLES
@example(0, 3, 13, 0, 0, 0)  # whole rows
@given(SEEDS, st.integers(1, 9), st.integers(1, 40), *[st.integers(0, 3)] * 3)
def test_interleave_channels(kernels, seed, width, count, first_rest, second_rest, rest):
    random = np.random.default_rng(seed)
    first, second = (random.integers(-128, 128, (width, count + more), np.int8) for more in (first_rest, second_rest))
    output = random.integers(-128, 128, (width, 2 * count + rest), np.int8)
    expected = output.copy()
    expected[:, : 2 * count : 2], expected[:, 1 : 2 * count : 2] = first[:, :count], second[:, :count]
    sizes = width, count, first.shape[1], second.shape[1], output.shape[1]
    kernels.call("sf_interleave_channels", *sizes, first, second, output)
    np.testing.assert_array_equal(output, expected)


# --- Softmax ----------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(SEEDS, st.integers(1, 300), st.floats(2**-12, 4, width=32), st.floats(0.1, 8))
def test_softmax(kernels, seed, channels, scale, beta):
    net = Builder(seed)
    net.input((1, 3, channels), scale)
    net.add(Softmax(name="softmax", inputs=["image"], beta=beta), 2.0**-8, -128)
    agree(kernels, net, "softmax")


def test_softmax_of_as_many_channels_as_it_can_sum(kernels):
    net = Builder()
    net.input((1, 2, 4095), 2.0**-10)
    net.add(Softmax(name="softmax", inputs=["image"]), 2.0**-8, -128)
    agree(kernels, net, "softmax")


# --- What a task image may say ----------------------------------------------------------------------------------------


@EXAMPLES
@example(0, [c.Factor(INT32_MAX, 3)] * 3, 0)  # both operands of a sum are large
@given(SEEDS, st.lists(FACTORS, min_size=3, max_size=3), st.integers(INT32_MIN, INT32_MAX))
def test_any_factor_is_defined(kernels, seed, factors, smallest):
    """The sanitizer ends the process otherwise."""
    random = np.random.default_rng(seed)
    first, second = (random.integers(-128, 128, 60).astype(np.int8) for _ in range(2))
    sums = random.integers(-(2**30), 2**30, 60).astype(np.int32)
    pair, scaling = c.Pair(1, 127, -128, -128, 127), c.Scaling(12, 5, 1, -128, 127, -128, 127)
    kernels.row("sf_add_row", (60,), 60, pair, (c.Factor * 3)(*factors), first, second)
    kernels.row("sf_multiply_row", (60,), 60, pair, factors[0], first, second)
    kernels.row("sf_scale_row", (60,), scaling, second, factors[0], first)
    kernels.row("sf_mean_sums", (60,), 60, 2**22, -128, 127, factors[0], sums)
    kernels.row("sf_softmax_row", (12, 5), 12, 5, factors[0], smallest, first)


@EXAMPLES
@given(SEEDS, st.lists(FACTORS, min_size=8, max_size=8), ZERO_POINTS, st.booleans())
def test_convolutions_scale_by_any_factor(kernels, seed, factors, zero_point, relu):
    random = np.random.default_rng(seed)
    x, codes = (random.integers(-128, 128, (5, 8)).astype(np.int8) for _ in range(2))
    bias = (random.integers(-(2**31), 2**31, 8) >> random.integers(0, 31, 8)).astype(np.int32)
    multipliers = np.array([factor.multiplier for factor in factors], np.int32)
    shifts = np.array([factor.shift for factor in factors], np.int8)
    minimum = zero_point if relu else -128
    window = c.WindowStruct(5, 8, 5, 8, 1, 1, 1, 1, 0, 1, 0, zero_point, minimum, 127)
    for kernel, weights, products in (
        ("sf_convolve_row", np.resize(codes, (8, 8)), x.astype(np.int64) @ np.resize(codes, (8, 8)).T),
        ("sf_depthwise_row", codes[0].copy(), x.astype(np.int64) * codes[0]),
    ):
        scaled = requantise(wrap_to_int32(products + bias), multipliers.astype(np.int64), shifts.astype(np.int64))
        constants = c.Pointers([weights, bias, multipliers, shifts])
        made = kernels.row(kernel, (5, 8), window, constants, c.Pointers([x]))
        np.testing.assert_array_equal(made, np.clip(scaled + zero_point, minimum, 127))


@pytest.mark.parametrize("zero_point", [-128, 127])
@pytest.mark.parametrize("kernel", ["sf_convolve_row", "sf_depthwise_row"])
def test_the_largest_sums_leave_no_room_for_the_zero_point(kernels, kernel, zero_point):
    window = c.WindowStruct(1, 2, 1, 2, 1, 1, 1, 1, 0, 1, 0, zero_point, -128, 127)
    bias, factors = np.array([INT32_MIN, INT32_MAX], np.int32), np.full(2, INT32_MAX, np.int32)
    zeros = np.zeros(4, np.int8)  # input, codes and shifts
    constants = c.Pointers([zeros, bias, factors, zeros])
    assert kernels.row(kernel, (2,), window, constants, c.Pointers([zeros])).tolist() == [-128, 127]


# --- Memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", c.VARIANTS)
@pytest.mark.parametrize(
    "compiler", [pytest.param("gcc", marks=pytest.mark.thorough), pytest.param("clang", marks=pytest.mark.clang)]
)
def test_no_kernel_leaves_its_buffers(compiler, variant, tmp_path):
    program = c.compile_c(compiler, tmp_path / "bounds", *c.BOUNDS, variant=variant)
    ended = subprocess.run([program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
