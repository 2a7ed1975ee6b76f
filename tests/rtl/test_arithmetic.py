"""The modules that compute: with pauses, several frames and a reset in between, against naive models."""

from itertools import product

import numpy as np
import pytest

from export.graph.arithmetic.rounding import requantise
from export.hardware import blocks, instances
from export.hardware.blocks import Codes, arranged
from tests.rtl.bench import WAYS, lines, run, values

pytestmark = pytest.mark.icarus
RANDOM = np.random.default_rng(2)


def codes(*shape):
    """Codes of which many are extreme."""
    drawn = RANDOM.integers(-128, 128, shape)
    return np.where(RANDOM.random(shape) < 0.3, RANDOM.choice([-128, -127, 127], shape), drawn)


# --- Window -----------------------------------------------------------------------------------------------------------

# height, width, stride, padding above and on the left, below and on the right
WINDOWS = [
    (4, 5, 1, (1, 1), (1, 1)),
    (6, 4, 2, (0, 0), (1, 1)),
    (5, 7, 2, (1, 1), (1, 1)),
    (5, 5, 1, (0, 0), (0, 0)),
    (7, 6, 2, (0, 0), (0, 0)),
    (1, 2, 1, (1, 1), (1, 1)),
    (3, 8, 1, (0, 1), (1, 0)),
    (8, 3, 1, (1, 0), (0, 1)),
]


def windows(maps, stride, before, after, fill):
    """All windows of maps (frames, height, width, channels): (frames, rows, columns, 9, channels)."""
    pads = ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0))
    padded = np.pad(maps, pads, constant_values=fill)
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return np.moveaxis(seen.reshape(*seen.shape[:4], 9), 3, 4)


@pytest.mark.parametrize("geometry", WINDOWS)
@pytest.mark.parametrize("lanes, parts", [(1, 1), (2, 1), (4, 2)])
@pytest.mark.parametrize("pauses", [WAYS[0], WAYS[3], WAYS[4]])
def test_window_gives_the_taps_of_each_pixel(tmp_path, geometry, lanes, parts, pauses):
    height, width, stride, before, after = geometry
    maps, fill = codes(3, height, width, 4), -5
    expected = windows(maps, stride, before, after, fill)
    part = lanes // parts
    made = run(
        tmp_path,
        "sf_window",
        {
            "HEIGHT": height,
            "WIDTH": width,
            "BEATS": 4 // lanes,
            "LANES": lanes,
            "PARTS": parts,
            "STRIDE_Y": stride,
            "STRIDE_X": stride,
            "TOP": before[0],
            "LEFT": before[1],
            "OUT_HEIGHT": expected.shape[1],
            "OUT_WIDTH": expected.shape[2],
            "FILL": fill,
            "DEPTH": 2 if parts == 1 else 8,
            "PACK": 1 if parts == 1 else 4,
        },
        {"in": (8 * lanes, lines(maps, lanes))},
        {"out": (72 * part, expected.size // (9 * part))},
        pauses,
    )
    taps = values(made["out"], 9 * part).reshape(*expected.shape[:3], 4 // part, 9, part)
    np.testing.assert_array_equal(np.moveaxis(taps, 3, 4).reshape(expected.shape), expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("lanes, parts", [(2, 1), (4, 2)])
def test_window_keeps_seven_bits_of_codes_that_are_not_negative(tmp_path, stride, lanes, parts):
    maps, fill = np.abs(codes(2, 6, 4, 4)).clip(0, 127), 9
    expected = windows(maps, stride, (1, 1), (1, 1), fill)
    part = lanes // parts
    size = {"HEIGHT": 6, "WIDTH": 4, "OUT_HEIGHT": expected.shape[1], "OUT_WIDTH": expected.shape[2]}
    made = run(
        tmp_path,
        "sf_window",
        {
            **size,
            "BEATS": 4 // lanes,
            "LANES": lanes,
            "PARTS": parts,
            "STRIDE_Y": stride,
            "STRIDE_X": stride,
            "FILL": fill,
            "CODE_BITS": 7,
        },
        {"in": (8 * lanes, lines(maps, lanes))},
        {"out": (72 * part, expected.size // (9 * part))},
        WAYS[3],
    )
    taps = values(made["out"], 9 * part).reshape(*expected.shape[:3], 4 // part, 9, part)
    np.testing.assert_array_equal(np.moveaxis(taps, 3, 4).reshape(expected.shape), expected)


def test_frames_follow_each_other_at_once(tmp_path):
    """A frame of 8x8 takes 64 beats. To read its padding apart would take 17 clocks more; it takes at most 3."""
    counter = "int first = 0, beats = 0;\n  always @(posedge clk) if (in_valid && in_ready) begin\n"
    counter += "    beats <= beats + 1; if (beats == 0) first <= edges;\n"
    counter += '    if (beats == 639) $display("%0d", edges - first + 1);\n  end'
    size = {"HEIGHT": 8, "WIDTH": 8, "OUT_HEIGHT": 8, "OUT_WIDTH": 8}
    maps = codes(10, 8, 8, 1)
    run(tmp_path, "sf_window", size, {"in": (8, lines(maps, 1))}, {"out": (72, 640)}, more=counter)
    assert 640 <= int((tmp_path / "said.txt").read_text()) <= 640 + 10 * 3


# --- Sums of products -------------------------------------------------------------------------------------------------


def rom(stored):
    block = blocks.Depthwise(name="x", inputs=(), outputs=(), codes=Codes(stored, None), zero_point=0)
    return {"rom_x.sv": instances.rom_module(block)}


READS = ".read(read), .address(address), .codes(codes)"


def reading(stored):
    bits = max((len(stored) - 1).bit_length(), 1)
    return (
        f"wire read; wire [{bits - 1}:0] address; wire [{8 * stored.shape[1] - 1}:0] codes;\n"
        "  rom_x rom (.clk(clk), .read(read), .read_address(address), .read_data(codes));"
    )


@pytest.mark.parametrize("zero_point", [0, 9])
@pytest.mark.parametrize("lanes, steps", [(1, 1), (2, 1), (6, 1), (1, 9), (3, 3), (6, 9)])
@pytest.mark.parametrize("pauses", [WAYS[0], WAYS[3], WAYS[4]])
def test_depthwise(tmp_path, lanes, steps, zero_point, pauses):
    taps, kernel = codes(11, 9, 6), codes(9, 6).clip(-127).astype(np.int8)
    taps[0], kernel[:, 0] = -128, -127
    stored, beats = arranged(kernel.reshape(steps, -1, 6), lanes, steps), 6 // lanes
    words = np.moveaxis(taps.reshape(11, 9, beats, lanes), 2, 1)
    made = run(
        tmp_path,
        "sf_depthwise",
        {"TAPS": 9, "LANES": lanes, "BEATS": beats, "STEPS": steps, "SUM_BITS": 19, "ZERO_POINT": zero_point},
        {"in": (72 * lanes, lines(words, 9 * lanes))},
        {"out": (19 * lanes, 11 * beats)},
        pauses,
        ports=READS,
        more=reading(stored),
        files=rom(stored),
    )
    expected = ((taps - zero_point) * kernel).sum(axis=1)
    np.testing.assert_array_equal(values(made["out"], lanes, 19).reshape(11, 6), expected)


FOLDINGS = [
    (2, 16, 1),
    (8, 16, 1),
    (2, 32, 1),
    (1, 1, 1),
    (2, 1, 2),
    (4, 2, 1),
    (8, 8, 1),
    (2, 4, 2),
    (8, 1, 8),
    (8, 2, 4),
]  # lanes, passes, output lanes


@pytest.mark.parametrize("lanes, passes, out_lanes", FOLDINGS)
@pytest.mark.parametrize("pauses", [WAYS[0], WAYS[2], WAYS[3], WAYS[4]])
def test_convolve(tmp_path, lanes, passes, out_lanes, pauses):
    outputs = max(8, passes)
    pixels, kernel = codes(13, 8), codes(outputs, 8).clip(-127).astype(np.int8)
    pixels[0], kernel[0] = -128, -127
    stored, beats = arranged(kernel[:, None], lanes, passes), 8 // lanes
    parameters = {"LANES": lanes, "BEATS": beats, "PASSES": passes, "MACS": outputs // passes, "OUT_LANES": out_lanes}
    made = run(
        tmp_path,
        "sf_convolve",
        {**parameters, "SUM_BITS": 18},
        {"in": (8 * lanes, lines(pixels, lanes))},
        {"out": (18 * out_lanes, 13 * outputs // out_lanes)},
        pauses,
        ports=READS,
        more=reading(stored),
        files=rom(stored),
    )
    expected = pixels @ kernel.T.astype(np.int64)
    np.testing.assert_array_equal(values(made["out"], out_lanes, 18).reshape(13, outputs), expected)


# --- Requantisation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zero_point, minimum, maximum", [(0, -128, 127), (0, 0, 127), (-3, -3, 100)])
@pytest.mark.parametrize("factor_bits", [24, 12])
@pytest.mark.parametrize(
    "steps, pauses", [(1, WAYS[0]), (1, WAYS[3]), (1, WAYS[4]), (3, WAYS[3]), (8, WAYS[4]), (24, WAYS[0])]
)
def test_requantise_rounds_twice(tmp_path, zero_point, minimum, maximum, steps, pauses, factor_bits):
    steps = min(steps, factor_bits)
    steps -= steps == 8 and factor_bits == 12 and 2  # a divisor
    edges = [-(2**19), 2**19 - 1, -1, 0, 1]
    sums = np.concatenate([edges, RANDOM.integers(-(2**19), 2**19, 300), RANDOM.integers(-600, 600, 200)])
    biases = RANDOM.choice([-(2**19), 2**19 - 1, 0, 77, -78], len(sums))
    multipliers = (
        RANDOM.choice([2**23, 2**24 - 1, 2**23 + 1, 12345678], len(sums)) >> (24 - factor_bits) << (24 - factor_bits)
    )
    shifts = RANDOM.choice([0, 1, 5, 9, 12, 14, 20, 31], len(sums))
    words = [
        f"{((int(m) << 5 | int(s)) << 40 | (int(b) & 0xFFFFF) << 20 | int(x) & 0xFFFFF):018x}"
        for x, b, m, s in zip(sums, biases, multipliers, shifts)
    ]
    shell = """module shell (input wire clk, input wire reset, input wire in_valid, output wire in_ready,
    input wire [71:0] in_data, output wire out_valid, input wire out_ready, output wire [7:0] out_data);
  parameter int ZERO_POINT = 0, MINIMUM = 0, MAXIMUM = 0, STEPS = 1, FACTOR_BITS = 24;
  logic [48:0] constants;
  wire read;
  always_ff @(posedge clk) if (read) constants <= in_data[68:20];
  sf_requantise #(.IN_BITS(20), .BIAS_BITS(20), .SUM_BITS(21), .STEPS(STEPS), .FACTOR_BITS(FACTOR_BITS),
      .ZERO_POINT(ZERO_POINT), .MINIMUM(MINIMUM), .MAXIMUM(MAXIMUM)) inner (.clk(clk), .reset(reset),
      .in_valid(in_valid), .in_ready(in_ready), .in_data(in_data[19:0]), .read(read), .address(),
      .biases(constants[19:0]), .factors({constants[48-:FACTOR_BITS], constants[24:20]}), .out_valid(out_valid),
      .out_ready(out_ready), .out_data(out_data));
endmodule
"""
    parameters = {
        "ZERO_POINT": zero_point,
        "MINIMUM": minimum,
        "MAXIMUM": maximum,
        "STEPS": steps,
        "FACTOR_BITS": factor_bits,
    }
    made = run(
        tmp_path,
        "shell",
        parameters,
        {"in": (72, words)},
        {"out": (8, len(sums))},
        pauses,
        files={"shell.sv": shell},
    )
    scaled = requantise(sums + biases, multipliers * 2**7, -shifts) + zero_point
    np.testing.assert_array_equal(values(made["out"], 1).ravel(), scaled.clip(minimum, maximum))


def test_scale_rounds_every_product_as_golden_does(tmp_path):
    """All products of a code and a constant at some shifts, in one simulation."""
    pairs = np.array(list(product(range(-128, 128, 5), range(-128, 128, 7))))
    shifts = [0, 1, 5, 6, 7, 13, 15, 16, 31]
    words = [f"{((shift << 16) | (int(c) & 255) << 8 | int(x) & 255):06x}" for shift in shifts for x, c in pairs]
    shell = """module shell (input wire clk, input wire reset, input wire in_valid, output wire in_ready,
    input wire [23:0] in_data, output wire out_valid, input wire out_ready, output wire [7:0] out_data);
  assign out_valid = in_valid;
  assign in_ready = out_ready;
  sf_scale inner (.code(in_data[7:0]), .constant(in_data[15:8]), .shift(in_data[20:16]), .scaled(out_data));
endmodule
"""
    made = run(tmp_path, "shell", {}, {"in": (24, words)}, {"out": (8, len(words))}, files={"shell.sv": shell})
    expected = [requantise(pairs[:, 0] * pairs[:, 1], 2**30, -shift).clip(-128, 127) for shift in shifts]
    np.testing.assert_array_equal(values(made["out"], 1).ravel(), np.concatenate(expected))


# --- Pool -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", [1, 2, 6, 7])
@pytest.mark.parametrize("pauses", [WAYS[0], WAYS[3], WAYS[4]])
def test_pool_rounds_means_away_from_zero(tmp_path, pixels, pauses):
    maps = codes(5, pixels, 3)
    maps[0] = -128
    parameters = {"PIXELS": pixels, "CHANNELS": 3, "MINIMUM": -100}
    made = run(tmp_path, "sf_pool", parameters, {"in": (8, lines(maps, 1))}, {"out": (8, 15)}, pauses)
    sums = maps.sum(axis=1)
    means = np.sign(sums) * ((np.abs(sums) + pixels // 2) // pixels)
    np.testing.assert_array_equal(values(made["out"], 1).reshape(5, 3), means.clip(-100, 127))
