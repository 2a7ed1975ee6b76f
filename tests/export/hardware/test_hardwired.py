"""Hardwired matrices compute what the matrix says, alone and in a network."""

import subprocess

import numpy as np
import pytest

from export.graph.operators import Conv2D
from export.hardware import blocks, hardwired, layout, simulate, verilog
from export.hardware.simulate import Stalls
from tests.rtl.bench import lines, run, values
from tests.support.hardware import designed, one_module, simulated

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
    codes[2] = 0
    pixels = np.concatenate([np.where(codes > 0, 127, -128), RANDOM.integers(-128, 128, (40, 7))])
    bits = hardwired.sum_bits(codes)
    text = hardwired.matrix("matrix", codes)
    made = sums(tmp_path, "matrix", text, lines(pixels, 7), 7, 6, bits, ".x(in_data), .y(out_data)")
    np.testing.assert_array_equal(made, pixels @ codes.T.astype(np.int64))


@pytest.mark.icarus
@pytest.mark.parametrize(
    "unroll, clocks_per_pixel, stalls",
    [(("stem",), 1, Stalls()), (("stage1",), 4, Stalls(60, 60)), (("stage1", "stem"), 8, Stalls())],
)
def test_a_network_with_hardwired_stages_gives_goldens_bytes(tmp_path, unroll, clocks_per_pixel, stalls):
    """Pixels come to the matrix of a stem at once, and to those of a stage channel by channel."""
    graph = one_module()
    made, clocks, expected, planned = simulated(graph, tmp_path, 3, clocks_per_pixel, stalls, unroll=unroll)
    frozen = {
        o.name for o in graph.operators if isinstance(o, Conv2D) and o.frozen and layout.stage_of(o.name) in unroll
    }
    assert {block.name for block in planned.design.blocks if isinstance(block, blocks.Hardwired)} == frozen
    for name, maps in made.items():
        np.testing.assert_array_equal(maps, expected[name], err_msg=name)
    if stalls == Stalls():
        assert clocks <= planned.latency + 2 * planned.clocks


@pytest.mark.verilator
def test_verilator_has_no_warning_for_a_hardwired_stem(tmp_path):
    planned, plan = designed(one_module(), 1, ("stem",))
    for name, text in verilog.files(planned.design, plan).items():
        (tmp_path / name).write_text(text)
    options = ["--lint-only", "-Wall", "--top-module", verilog.top_name(planned.design)]
    sources = [verilog.RTL / "lint.vlt", *sorted(tmp_path.glob("*.sv"))]
    said = subprocess.run([simulate.verilator(), *options, *sources], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.verilator
@pytest.mark.thorough
def test_a_hardwired_stem_in_verilator(tmp_path):
    made, _, expected, _ = simulated(one_module(), tmp_path, 2, simulator="verilator", unroll=("stem",))
    for name, maps in made.items():
        np.testing.assert_array_equal(maps, expected[name], err_msg=name)


def test_a_stage_that_is_not_frozen_is_refused():
    with pytest.raises(ValueError, match="--unroll names head; the frozen stages are stage1, stem"):
        designed(one_module(), 1, ("stem", "head"))
