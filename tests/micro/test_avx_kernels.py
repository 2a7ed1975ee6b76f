"""The kernels for x86-64 with each set of vector instructions, as each compiler builds them, against golden."""

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from export.graph.arithmetic.rounding import requantise
from export.graph.operators import Conv2D, DepthwiseConv2D
from tests.micro import cases
from tests.micro import kernels as c

SETS = {  # compiler's options, and the flags of a processor that can run what they make
    "avx2": (["-mavx2"], {"avx2"}),
    "vnni256": (["-mavx2", "-mavx512vl", "-mavx512vnni"], {"avx512vl", "avx512_vnni"}),
    "vnni512": (["-mavx2", "-mavx512vl", "-mavx512vnni", "-mavx512bw"], {"avx512vl", "avx512bw", "avx512_vnni"}),
}
LEVELS = {"O0": ["-O0"], "O3": ["-O3"], "bounds": c.BOUNDS}
EQUAL = "gcc avx2 O3", "clang avx2 O0", "gcc vnni256 O0", "gcc vnni512 O3", "clang vnni512 O3", "gcc vnni512 O0"
MARKERS = {"gcc": pytest.mark.compiler, "clang": pytest.mark.clang}
CPU = Path("/proc/cpuinfo")
FLAGS = set(CPU.read_text().partition("\nflags")[2].partition("\n")[0].split()) if CPU.exists() else set()


def builds(*names):
    """A parameter for each build; those that this processor cannot run are left out by name."""
    for name in names:
        compiler, set, level = name.split()
        options, needed = SETS[set]
        missing = ", ".join(sorted(needed - FLAGS))
        unable = pytest.mark.skipif(bool(missing), reason=f"needs a processor with {missing}")
        yield pytest.param(compiler, [*LEVELS[level], *options], id=name, marks=[MARKERS[compiler], unable])


@cache
def tries() -> list:
    """Random operators with their inputs and golden's output."""
    nets = [(net, "made") for kind in (Conv2D, DepthwiseConv2D) for net in cases.examples(cases.convolutions(kind), 20)]
    nets += [(net, "made") for net in cases.examples(cases.deep_convolutions(), 15)]
    nets += [(net, "made") for net in cases.examples(cases.wide_convolutions(), 12)]
    nets += [(net, name) for net in cases.examples(cases.values(), 15) for name in cases.VALUES]
    return [each for net, name in nets for each in cases.maps_and_golden(net, name)]


@pytest.mark.parametrize("compiler, options", builds(*EQUAL))
def test_kernels_equal_golden(compiler, options, tmp_path):
    kernels = c.Kernels(c.compile_c(compiler, tmp_path / "kernels.so", "-shared", "-fPIC", *options))
    for graph, inputs, expected in tries():
        np.testing.assert_array_equal(kernels.run(graph, graph.outputs[0], *inputs), expected)
    assert_any_factor_is_right(kernels)


def assert_any_factor_is_right(kernels):
    """Whatever a task image may say, also where sums leave int32."""
    random, channels = np.random.default_rng(0), 40
    window = c.WindowStruct(1, channels, 1, channels, 1, 1, 1, 1, 0, 1, 0, 5, -128, 127)
    zeros = np.zeros(channels**2, np.int8)
    for _ in range(100):
        bias = (random.integers(-(2**31), 2**31, channels) >> random.integers(0, 31, channels)).astype(np.int32)
        multipliers = random.choice([0, 1, 2**30, 2**31 - 1, random.integers(2**31)], channels).astype(np.int32)
        shifts = random.integers(-31, 32, channels).astype(np.int8)
        scaled = requantise(bias.astype(np.int64), multipliers.astype(np.int64), shifts.astype(np.int64))
        for kernel in ("sf_convolve_row", "sf_depthwise_row"):
            constants = c.Pointers([zeros, bias, multipliers, shifts])
            made = kernels.row(kernel, (channels,), window, constants, c.Pointers([zeros[:channels]]))
            np.testing.assert_array_equal(made, np.clip(scaled + 5, -128, 127))


@pytest.mark.parametrize("compiler, options", builds("gcc avx2 bounds", "clang vnni512 bounds"))
def test_no_kernel_leaves_its_buffers(compiler, options, tmp_path):
    program = c.compile_c(compiler, tmp_path / "bounds", *options)
    ended = subprocess.run([program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
