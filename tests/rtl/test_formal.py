"""Proven for all inputs by yosys's own solver: streams keep their promise, and a FIFO keeps its words in order."""

import subprocess
import sys

import pytest

from export.hardware import verilog

pytest.importorskip("pyosys.libyosys")

# A beat that was offered and not taken is offered again, unchanged. The inputs keep the same promise.
PROMISE = """
module promise #(parameter BITS = 8) (input wire clk, input wire reset, input wire valid, input wire ready,
    input wire [BITS-1:0] data, output wire kept);
  reg waits = 0;
  reg [BITS-1:0] before;
  always @(posedge clk) begin
    waits <= !reset && valid && !ready;
    before <= data;
  end
  assign kept = !waits || (valid && data == before);
endmodule
"""

# module, parameters, inputs by bits, outputs by bits, more ports
KEEPERS = [
    ("sf_fifo", {"BITS": 2, "DEPTH": 1}, {"in": 2}, {"out": 2}, ""),
    ("sf_fifo", {"BITS": 2, "DEPTH": 3}, {"in": 2}, {"out": 2}, ""),
    ("sf_fifo", {"BITS": 2, "DEPTH": 4, "PACK": 2}, {"in": 2}, {"out": 2}, ""),
    ("sf_gear", {"IN_BITS": 6, "OUT_BITS": 2}, {"in": 6}, {"out": 2}, ""),
    ("sf_gear", {"IN_BITS": 2, "OUT_BITS": 6}, {"in": 2}, {"out": 6}, ""),
    ("sf_core_shuffle", {"BEATS": 4, "LANES": 1}, {"own": 8, "other": 8}, {"out": 8}, ", .on(on)"),
]


INDUCTION, FIRST_CLOCKS = "-tempinduct -maxsteps 8", "-tempinduct -tempinduct-baseonly -maxsteps 12"
YOSYS = "import sys; from pyosys import libyosys; d = libyosys.Design(); [d.run_pass(each) for each in sys.argv[1:]]"


def prove(folder, text, how):
    """Prove the assertions of module `top` from a reset on. Returns "proven", or the log of yosys.

    Args:
        how: INDUCTION, or FIRST_CLOCKS: in the first clocks after the reset, whatever the inputs do.
    """
    (folder / "top.sv").write_text(text)
    sources = [*(path for path in verilog.RTL.rglob("*.sv") if path.parent.name != "bench"), folder / "top.sv"]
    passes = [
        f"read_verilog -sv -formal -defer {' '.join(map(str, sources))}",
        "hierarchy -check -top top",
        "proc",
        "flatten",
        "opt -full",
        "memory_map",
        "opt -full",
        "chformal -lower",
        "dffunmap",
        f"sat -verify {how} -prove-asserts -set-assumes top",
    ]
    # An error ends the process that yosys runs in.
    ended = subprocess.run([sys.executable, "-c", YOSYS, *passes], capture_output=True, text=True, timeout=300)
    return ended.stdout + ended.stderr if ended.returncode else "proven"


def top(module, parameters, inputs, outputs, more, checks):
    """A module with free inputs, which is reset in the first clock."""
    ports, wires = [], []
    for prefix, bits in inputs.items():
        ports += [f"input wire {prefix}_valid", f"input wire [{bits - 1}:0] {prefix}_data"]
        wires += [f"wire {prefix}_ready;"]
    for prefix, bits in outputs.items():
        ports += [f"input wire {prefix}_ready"]
        wires += [f"wire {prefix}_valid; wire [{bits - 1}:0] {prefix}_data;"]
    connected = ", ".join(f".{p}_{x}({p}_{x})" for p in (*inputs, *outputs) for x in ("valid", "ready", "data"))
    chosen = ", ".join(f".{name}({value})" for name, value in parameters.items())
    return f"""{PROMISE}
module top (input wire clk, input wire on, {", ".join(ports)});
  reg reset = 1;
  always @(posedge clk) reset <= 0;
  {" ".join(wires)}
  {module} #({chosen}) dut (.clk(clk), .reset(reset), {connected}{more});
  {checks}
endmodule
"""


@pytest.mark.parametrize("module, parameters, inputs, outputs, more", KEEPERS)
def test_a_beat_stays_until_it_is_taken(tmp_path, module, parameters, inputs, outputs, more):
    checks = ["reg on_before = 0; reg begun = 0;", "always @(posedge clk) begin on_before <= on; begun <= 1; end"]
    checks.append("always @* if (begun) assume (on == on_before);")
    for p, bits in {**inputs, **outputs}.items():
        verb = "assume" if p in inputs else "assert"
        checks.append(
            f"wire {p}_kept; promise #({bits}) {p}_promise (clk, reset, {p}_valid, {p}_ready, {p}_data, {p}_kept);"
            f" always @* if (!reset) {verb} ({p}_kept);"
        )
    assert prove(tmp_path, top(module, parameters, inputs, outputs, more, "\n  ".join(checks)), INDUCTION) == "proven"


@pytest.mark.parametrize("depth, pack", [(1, 1), (2, 1), (3, 1), (4, 2)])
def test_a_fifo_keeps_its_words_in_order(tmp_path, depth, pack):
    """Of words that count upwards, those that come out count upwards, and no more than fit are inside."""
    checks = """
  reg [2:0] sent = 0, received = 0;
  always @(posedge clk) if (!reset) begin
    if (in_valid && in_ready) sent <= sent + 1;
    if (out_valid && out_ready) received <= received + 1;
  end
  always @* assume (in_data == sent);
  always @* if (!reset && out_valid) assert (out_data == received);
  wire [2:0] held = sent - received;
  always @* if (!reset) assert (held <= DEPTH + 1);
"""
    checks = checks.replace("DEPTH", str(depth))
    text = top("sf_fifo", {"BITS": 3, "DEPTH": depth, "PACK": pack}, {"in": 3}, {"out": 3}, "", checks)
    assert prove(tmp_path, text, FIRST_CLOCKS) == "proven"


def test_what_is_wrong_is_found(tmp_path):
    checks = "always @* if (!reset) assert (!out_valid || out_data != 2);"
    said = prove(tmp_path, top("sf_fifo", {"BITS": 2, "DEPTH": 2}, {"in": 2}, {"out": 2}, "", checks), FIRST_CLOCKS)
    assert "proof did fail" in said
