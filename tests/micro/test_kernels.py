"""The C kernels against the golden arithmetic, on whole maps."""

import ctypes
import json
import subprocess

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from export import golden
from export.graph import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    DepthwiseConv2D,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Softmax,
)
from tests import make_rounding_vectors
from tests.export.networks import Builder
from tests.micro import kernels as c

pytestmark = pytest.mark.compiler
VECTORS = json.loads(make_rounding_vectors.FILE.read_text())
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

SEEDS = st.integers(0, 2**32 - 1)
POWERS_OF_TWO = st.integers(0, 7).map(lambda n: 2.0**-n)
SCALES = POWERS_OF_TWO | st.floats(2**-9, 1, width=32)
CODES = st.integers(-128, 127)
ZERO_POINTS = st.just(0) | CODES
FACTORS = st.builds(c.Factor, st.integers(0, INT32_MAX), st.integers(-31, 31))
EXAMPLES = settings(max_examples=100, deadline=None)


def agree(kernels, net: Builder, name: str, make=None) -> None:
    """Golden and kernel make the same map, from random codes and from mostly extreme ones."""
    graph = net.graph(name)
    for chance in (1, 0.1):
        maps = {}
        for input in graph.inputs:
            shape = graph.tensor(input).shape
            map = net.random.integers(-128, 128, shape, np.int8)
            maps[input] = np.where(net.random.random(shape) < chance, map, np.int8(net.random.choice([-128, 127])))
        expected = golden.run(graph, {input: map[None] for input, map in maps.items()}, keep=[name])[name][0]
        inputs = [maps[input] for input in graph.operator(name).inputs]
        np.testing.assert_array_equal((make or kernels.run)(graph, name, *inputs), expected)


@pytest.mark.parametrize("name", ["saturating_rounding_doubling_high_mul", "rounding_divide_by_pot", "requantise"])
def test_rounding(kernels, name):
    for *arguments, expected in VECTORS[name]:
        assert getattr(kernels.library, name)(*arguments) == expected


# --- Windows ----------------------------------------------------------------------------------------------------------


def two(draw, least, most):
    return draw(st.integers(least, most)), draw(st.integers(least, most))


def add_window(draw, net, kind, scale, kernel, **constants):
    """Adds an operator with any strides, padding and clamp, if its window fits into the input."""
    extent = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, constants.get("dilations", (1, 1)))]
    explicit = tuple(two(draw, 0, size - 1) for size in extent)
    constants["strides"] = two(draw, 1, 3)
    constants["padding"] = draw(st.sampled_from(["same", "valid", explicit]))
    constants["minimum"], constants["maximum"] = draw(st.just((-128, 127)) | st.tuples(CODES, CODES).map(sorted))
    operator = kind(name="made", inputs=["image"], **constants)
    image = net.tensors["image"]
    assume(min(operator.output_size(image.shape[:2])) >= 1)
    zero_point = image.zero_point if scale is None else draw(ZERO_POINTS)
    net.add(operator, scale or image.scale, zero_point)
    return net


def add_convolution(draw, net, kind, shape, scale, **options):
    channels, kernel = (shape[0], shape[1:3]) if kind is Conv2D else (shape[-1], shape[:2])
    codes = net.random.integers(-128, 128, shape).astype(np.int8)
    codes = draw(st.sampled_from([codes, codes, np.where(codes < 0, -128, 127).astype(np.int8)]))
    usual = scale / net.tensors["image"].scale / (73 * np.sqrt(codes.size / channels))
    scales = usual * draw(st.sampled_from([1, 1, 1, 50, 1e-8, 1e6])) * net.random.uniform(0.5, 1.5, channels)
    largest = draw(st.sampled_from([1, 5000, 2**31]))
    options |= {"codes": codes, "scales": scales.astype(np.float32), "frozen": False}
    options |= {"bias": net.random.integers(-largest, largest, channels).astype(np.int32)}
    return add_window(draw, net, kind, scale, kernel, **options)


@st.composite
def convolutions(draw, kind):
    """Of maps that may be wider than what the kernels make at once."""
    # Between scales that are powers of two, a factor has the 24 bits of a float32: it is narrow.
    net, scales = Builder(draw(SEEDS)), draw(st.sampled_from([POWERS_OF_TWO, SCALES]))
    groups, depth = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    size = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    net.input((*size, groups * depth), draw(scales), draw(ZERO_POINTS))
    kernel, dilations = two(draw, 1, 4), two(draw, 1, 3)
    if kind is DepthwiseConv2D:
        return add_convolution(draw, net, kind, (*kernel, groups * depth), draw(scales), dilations=dilations)
    shape = groups * draw(st.integers(1, 5)), *kernel, depth
    return add_convolution(draw, net, kind, shape, draw(scales), dilations=dilations, groups=groups)


@pytest.mark.parametrize("kind", [Conv2D, DepthwiseConv2D])
@EXAMPLES
@given(st.data())
def test_convolutions(kernels, kind, data):
    agree(kernels, data.draw(convolutions(kind)), "made")


@EXAMPLES
@given(st.data(), st.integers(1, 20), st.integers(1, 9), st.integers(1, 40))
def test_pointwise_convolutions(kernels, data, depth, out, width):
    net = Builder(data.draw(SEEDS))
    net.input((2, width, depth), data.draw(SCALES), data.draw(ZERO_POINTS))
    agree(kernels, add_convolution(data.draw, net, Conv2D, (out, 1, 1, depth), data.draw(SCALES)), "made")


@pytest.mark.parametrize("kind", [AveragePool, MaxPool])
@EXAMPLES
@given(st.data())
def test_pools(kernels, kind, data):
    net = Builder(data.draw(SEEDS))
    net.input((*two(data.draw, 1, 9), data.draw(st.integers(1, 6))), zero_point=data.draw(ZERO_POINTS))
    window = two(data.draw, 1, 5)
    agree(kernels, add_window(data.draw, net, kind, None, window, window=window), "made")


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
@given(SEEDS, st.lists(SCALES, min_size=4, max_size=4), st.lists(ZERO_POINTS, min_size=4, max_size=4), CODES)
def test_values(kernels, seed, scales, zero_points, minimum):
    net = Builder(seed)
    net.input((2, 5, 7), scales[0], zero_points[0])
    net.input((2, 5, 7), scales[1], zero_points[1], name="other")
    coding = scales[2], zero_points[2]
    constants = {"codes": net.codes(7), "scale": scales[3], "constant_zero_point": zero_points[3]}
    net.add(ChannelScale(name="scaled", inputs=["image"], minimum=minimum, **constants), *coding)
    net.add(Add(name="sum", inputs=["image", "other"], minimum=minimum), *coding)
    net.add(Multiply(name="product", inputs=["image", "other"], minimum=minimum), *coding)
    table = net.random.integers(-128, 128, 256).astype(np.int8)
    net.add(Lookup(name="looked_up", inputs=["image"], table=table), *coding)
    for name in ("scaled", "sum", "product", "looked_up"):
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
@given(SEEDS, *[st.integers(1, 6)] * 3, *[st.integers(0, 3)] * 4)
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


@pytest.mark.parametrize("zero_point", [-128, 127])
@pytest.mark.parametrize("kernel", ["sf_convolve_row", "sf_depthwise_row"])
def test_the_largest_sums_leave_no_room_for_the_zero_point(kernels, kernel, zero_point):
    window = c.WindowStruct(1, 2, 1, 2, 1, 1, 1, 1, 0, 1, 0, zero_point, -128, 127)
    bias, factors = np.array([INT32_MIN, INT32_MAX], np.int32), np.full(2, INT32_MAX, np.int32)
    zeros = np.zeros(4, np.int8)  # input, codes and shifts
    constants = c.Constants(*map(c.address, (zeros, bias, factors, zeros)))
    rows = (ctypes.c_void_p * 1)(c.address(zeros))
    assert kernels.row(kernel, (2,), window, constants, rows).tolist() == [-128, 127]


# --- Memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.clang)])
def test_no_kernel_leaves_its_buffers(compiler, tmp_path):
    options = ["-g", "-fsanitize=address", *c.UNDEFINED, str(c.HERE / "bounds.c")]
    program = c.compile_c(compiler, tmp_path / "bounds", *options)
    ended = subprocess.run([program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
