"""The table of latencies in docs/hardware.md."""

import numpy as np
import pytest

from export.hardware.blocks import arranged
from tests.rtl.bench import lines, run
from tests.rtl.test_arithmetic import READS, reading, rom

pytestmark = pytest.mark.icarus
RANDOM = np.random.default_rng(4)


def codes(*shape):
    return RANDOM.integers(-128, 128, shape)


def latency(folder, module, parameters, words, bits, beats, out_bits, count, inputs=("in",), **more):
    """The clocks from the one in which input `beats` - 1 moves to the first in which the output is valid."""
    watch = "int inputs = 0, last = 0, seen = 0;\n  always @(posedge clk) begin\n"
    moves = f"{inputs[0]}_valid && {inputs[0]}_ready"
    watch += f"    if ({moves}) begin inputs <= inputs + 1; if (inputs == {beats - 1}) last = edges; end\n"
    watch += '    if (out_valid && seen == 0) begin seen <= 1; $display("%0d", edges - last); end\n  end\n  '
    more["more"] = watch + more.get("more", "")
    run(folder, module, parameters, dict.fromkeys(inputs, (bits, words)), {"out": (out_bits, count)}, **more)
    return int((folder / "said.txt").read_text().splitlines()[0])


@pytest.mark.parametrize("given, made, beats", [(3, 1, 1), (1, 3, 3)])
def test_gear(tmp_path, given, made, beats):
    sizes = {"IN_BITS": 8 * given, "OUT_BITS": 8 * made}
    assert latency(tmp_path, "sf_gear", sizes, lines(codes(12), given), 8 * given, beats, 8 * made, 12 // made) == 1


def test_fifo(tmp_path):
    assert latency(tmp_path, "sf_fifo", {"BITS": 8, "DEPTH": 4}, lines(codes(9), 1), 8, 1, 8, 9) == 2


def test_depthwise(tmp_path):
    stored = arranged(codes(9, 2).clip(-127).astype(np.int8)[None], 1, 1)
    more = {"ports": READS, "more": reading(stored), "files": rom(stored)}
    sizes = {"TAPS": 9, "LANES": 1, "BEATS": 2, "SUM_BITS": 19}
    assert latency(tmp_path, "sf_depthwise", sizes, lines(codes(6, 9), 9), 72, 1, 19, 6, **more) == 1


def test_hardwired(tmp_path):
    sizes, ports = {"IN_BITS": 8, "OUT_BITS": 8}, ".pixel(pixel), .sums(pixel)"
    more = {"ports": ports, "more": "wire [7:0] pixel;"}
    assert latency(tmp_path, "sf_hardwired", sizes, lines(codes(9), 1), 8, 1, 8, 9, **more) == 1


@pytest.mark.parametrize("passes", [1, 2])
def test_convolve(tmp_path, passes):
    """A beat is taken with the first of its passes: what comes before it works on the next one during the others."""
    stored = arranged(codes(2, 1, 4).clip(-127).astype(np.int8), 2, passes)
    more = {"ports": READS, "more": reading(stored), "files": rom(stored)}
    sizes = {"LANES": 2, "BEATS": 2, "PASSES": passes, "MACS": 2 // passes, "OUT_LANES": 1, "SUM_BITS": 18}
    assert latency(tmp_path, "sf_convolve", sizes, lines(codes(5, 4), 2), 16, 2, 18, 10, **more) == 2


@pytest.mark.parametrize("stride, clocks", [(1, 3), (2, 4)])
def test_window(tmp_path, stride, clocks):
    """The first window of a map with padding needs the second pixel of its second row."""
    sizes = {"HEIGHT": 4, "WIDTH": 4, "OUT_HEIGHT": 4 // stride, "OUT_WIDTH": 4 // stride}
    sizes |= {"STRIDE_Y": stride, "STRIDE_X": stride}
    count = 16 // stride**2
    assert latency(tmp_path, "sf_window", sizes, lines(codes(16), 1), 8, 6, 72, count) == clocks


@pytest.mark.parametrize("pixels", [2, 7])
def test_pool(tmp_path, pixels):
    bits = pixels.bit_length() + 8
    sizes = {"PIXELS": pixels, "CHANNELS": 1}
    assert latency(tmp_path, "sf_pool", sizes, lines(codes(pixels), 1), 8, pixels, 8, 1) == 4 + bits


def test_requantise(tmp_path):
    ports = ".read(), .address(), .biases(20'd0), .factors(29'd0)"
    assert latency(tmp_path, "sf_requantise", {}, lines(codes(4), 1, 20), 20, 1, 8, 4, ports=ports) == 2


def test_shared_requantise(tmp_path):
    ports = ".read(), .address(), .bias(20'd0), .factor(29'd0)"
    module, sizes = "sf_shared_requantise", {"STREAMS": 1}
    assert latency(tmp_path, module, sizes, lines(codes(4), 1, 20), 20, 1, 8, 4, ports=ports) == 3


def test_blend(tmp_path):
    ports = ".load(56'd0), .frozen_product(), .trainable_product()"
    more = {"inputs": ("frozen", "trainable"), "ports": ports}
    assert latency(tmp_path, "sf_blend", {"BEATS": 2}, lines(codes(4), 1), 8, 1, 8, 4, **more) == 1


def test_lookup(tmp_path):
    assert latency(tmp_path, "sf_lookup", {}, lines(codes(4), 1), 8, 1, 8, 4, ports=".load(56'd0)") == 1
