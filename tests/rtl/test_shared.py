"""A requantiser that streams share: with pauses and a reset in between, against the rounding of golden."""

import numpy as np
import pytest

from export.graph.arithmetic.rounding import requantise
from tests.rtl.bench import WAYS, Pauses, lines, run, values

pytestmark = pytest.mark.icarus
RANDOM = np.random.default_rng(6)
BIAS_BITS, SUM_BITS = 20, 21


def shell(streams, beats, words):
    """Ports per stream around the shared modules. `words` of a task image are loaded before anything is taken."""
    each = range(streams)
    ports = "".join(
        f", input wire in{s}_valid, output wire in{s}_ready, input wire [19:0] in{s}_data, output wire out{s}_valid,"
        f" input wire out{s}_ready, output wire [7:0] out{s}_data"
        for s in each
    )
    gathered = {
        f"{way}_{part}": "{" + ", ".join(f"{way}{s}_{part}" for s in reversed(each)) + "}"
        for way in ("in", "out")
        for part in ("valid", "ready", "data")
    }
    gathered["in_valid"] = f"{gathered['in_valid']} & {{{streams}{{is_loaded}}}}"
    wires = "".join(f"  wire [0:0] ready{s};\n  assign in{s}_ready = ready{s} && is_loaded;\n" for s in each)
    gathered["in_ready"] = "{" + ", ".join(f"ready{s}" for s in reversed(each)) + "}"
    connected = ", ".join(f".{port}({text})" for port, text in gathered.items())
    bits = max((streams * beats - 1).bit_length(), 1)
    return f"""module shell (input wire clk, input wire reset{ports});
  parameter int STREAMS = {streams}, BEATS = {beats}, STEPS = 1, FACTOR_BITS = 24;
  parameter logic [20*STREAMS-1:0] FIRSTS = 0;
  parameter logic [STREAMS-1:0] RECTIFIED = 0;
{wires}
  // The load bus of sf_task: {{start, valid, index, byte, word}}, each word for four clocks
  logic [31:0] image[{len(words)}];
  initial $readmemh("image.hex", image);
  logic [21:0] at = 0;
  logic is_started = 0;
  wire is_loaded = int'(at[21:2]) == {len(words)};
  always_ff @(posedge clk) begin
    is_started <= 1;
    if (is_started && !is_loaded) at <= at + 1'b1;
  end
  wire [55:0] load = {{!is_started, is_started && !is_loaded, at[21:2], at[1:0], image[int'(at[21:2]) % {len(words)}]}};
  wire read;
  wire [{bits - 1}:0] address;
  wire [{BIAS_BITS - 1}:0] bias;
  wire [5+FACTOR_BITS-1:0] factor;
  sf_shared_parameters #(.STREAMS(STREAMS), .FIRSTS(FIRSTS), .BEATS(BEATS), .BIAS_BITS({BIAS_BITS}),
      .FACTOR_BITS(FACTOR_BITS)) parameters (.clk(clk), .load(load), .read(read), .read_address(address), .bias(bias),
      .factor(factor));
  sf_shared_requantise #(.STREAMS(STREAMS), .BEATS(BEATS), .IN_BITS(20), .BIAS_BITS({BIAS_BITS}), .SUM_BITS({SUM_BITS}),
      .FACTOR_BITS(FACTOR_BITS), .STEPS(STEPS), .RECTIFIED(RECTIFIED)) dut (.clk(clk), .reset(reset), .read(read),
      .address(address), .bias(bias), .factor(factor), {connected});
endmodule
"""


def parameters_of(count, factor_bits):
    biases = RANDOM.choice([-(2**19), 2**19 - 1, 0, 77, -78], count)
    multipliers = RANDOM.choice([2**23, 2**24 - 1, 2**23 + 1, 12345678], count) >> (24 - factor_bits)
    return biases, multipliers << (24 - factor_bits), RANDOM.choice([0, 1, 5, 9, 12, 14, 20, 31], count)


@pytest.mark.parametrize(
    "streams, beats, steps, factor_bits, pauses",
    [
        (1, 3, 1, 24, WAYS[3]),
        (2, 1, 1, 12, WAYS[0]),
        (3, 4, 1, 24, WAYS[0]),
        (3, 5, 3, 24, WAYS[3]),
        (5, 2, 6, 12, WAYS[4]),
        (5, 3, 24, 24, Pauses(0, 200)),
    ],
)
def test_every_stream_gets_its_codes(tmp_path, streams, beats, steps, factor_bits, pauses):
    """Streams of different length: one that has ended holds up none."""
    words, firsts = [0] * 7, []
    expected, inputs = {}, {}
    rectified = int(RANDOM.integers(0, 2**streams))
    for s in range(streams):
        biases, multipliers, shifts = parameters_of(beats, factor_bits)
        firsts.append(len(words))
        words += [int(b) & 0xFFFFFFFF for b in biases]
        words += [int(m) << 7 | 64 - int(k) for m, k in zip(multipliers, shifts)]
        words += [0xDEADBEEF] * int(RANDOM.integers(0, 4))
        pixels = 20 + 15 * s
        sums = np.where(
            RANDOM.random((pixels, beats)) < 0.5,
            RANDOM.integers(-600, 600, (pixels, beats)),
            RANDOM.integers(-(2**19), 2**19, (pixels, beats)),
        )
        scaled = requantise(sums + biases, multipliers * 2**7, -shifts)
        expected[f"out{s}"] = scaled.clip(0 if rectified >> s & 1 else -128, 127)
        inputs[f"in{s}"] = (20, lines(sums, 1, 20))
    (tmp_path / "image.hex").write_text("".join(f"{word:08x}\n" for word in words))
    parameters = {
        "STEPS": steps,
        "FACTOR_BITS": factor_bits,
        "FIRSTS": f"{20 * streams}'h{''.join(f'{each:05x}' for each in reversed(firsts))}",
        "RECTIFIED": f"{streams}'d{rectified}",
    }
    outputs = {name: (8, each.size) for name, each in expected.items()}
    made = run(tmp_path, "shell", parameters, inputs, outputs, pauses, files={"shell.sv": shell(streams, beats, words)})
    for name, codes in expected.items():
        np.testing.assert_array_equal(values(made[name], 1).reshape(codes.shape), codes, err_msg=name)
