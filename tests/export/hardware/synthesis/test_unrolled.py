"""Hardwired matrices compute what the matrix says."""

import numpy as np
import pytest

from export.hardware.synthesis import unrolled
from tests.rtl.bench import lines, run, values

RANDOM = np.random.default_rng(5)
SHELL = """module shell (input wire clk, input wire reset, input wire in_valid, output wire in_ready,
    input wire [{input}:0] in_data, output wire out_valid, input wire out_ready, output wire [{output}:0] out_data);
  assign out_valid = in_valid;
  assign in_ready = out_ready;
  {module} inner ({ports});
endmodule
"""


def sums(folder, module, text, words, inputs, outputs, bits, ports):
    """The sums that a module makes of words."""
    width = len(words[0]) * 4
    shell = SHELL.format(module=module, input=width - 1, output=bits * outputs - 1, ports=ports)
    files = {"shell.sv": shell, "module.sv": text}
    made = run(folder, "shell", {}, {"in": (width, words)}, {"out": (bits * outputs, len(words))}, files=files)
    return values(made["out"], outputs, bits)


@pytest.mark.icarus
@pytest.mark.parametrize("scale", [1, 8])
def test_a_hardwired_matrix_is_exact(tmp_path, scale):
    codes = (RANDOM.integers(-15, 16, (6, 7)) * scale).astype(np.int8)
    codes[0, :3] = -128, 127, 0
    codes[:, 6] = -64  # a column that is shifted as a whole
    pixels = np.concatenate([np.where(codes > 0, 127, -128), RANDOM.integers(-128, 128, (40, 7))])
    bits = unrolled.sum_bits(codes)
    text = unrolled.matrix("matrix", codes)
    made = sums(tmp_path, "matrix", text, lines(pixels, 7), 7, 6, bits, ".x(in_data), .y(out_data)")
    np.testing.assert_array_equal(made, pixels @ codes.T.astype(np.int64))


@pytest.mark.icarus
def test_multipliers_per_weight_are_exact(tmp_path):
    codes, pixels = RANDOM.integers(-128, 128, (40, 2, 3)), RANDOM.integers(-128, 128, (40, 3))
    words = lines(np.concatenate([pixels, codes.reshape(40, -1)], axis=1), 9)
    text = unrolled.booth("booth", 2, 3, 18)
    ports = ".x(in_data[23:0]), .codes(in_data[71:24]), .y(out_data)"
    made = sums(tmp_path, "booth", text, words, 3, 2, 18, ports)
    np.testing.assert_array_equal(made, np.einsum("poi,pi->po", codes, pixels))
