"""A bench for one module of rtl/ in Icarus: streams from files into it, with pauses, and out of it into files."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.hardware import simulate, verilog

PATIENCE = 20_000  # clocks without a beat after which a bench gives up


@dataclass(frozen=True)
class Pauses:
    """In how many of 256 clocks a source has nothing and a sink takes nothing; a second reset at a clock, if not 0."""

    source: int = 0
    sink: int = 0
    reset: int = 0


NONE = Pauses()
WAYS = [NONE, Pauses(128, 0), Pauses(0, 128), Pauses(90, 60), Pauses(60, 90, reset=97)]


def lines(values, lanes, bits=8):
    """Integers (..., channels) as words of `lanes` values of `bits` bits, the first lowest."""
    rows = np.asarray(values).reshape(-1, lanes).astype(object)
    mask, digits = (1 << bits) - 1, -(-lanes * bits // 4)
    return [f"{sum((int(v) & mask) << (bits * i) for i, v in enumerate(row)):0{digits}x}" for row in rows]


def values(words, lanes, bits=8):
    """The signed integers (beats, lanes) of words."""
    half, mask = 1 << (bits - 1), (1 << bits) - 1
    numbers = [[(int(word, 16) >> (bits * i)) & mask for i in range(lanes)] for word in words]
    return np.array([[n - 2 * half if n >= half else n for n in row] for row in numbers], np.int64).reshape(-1, lanes)


def run(folder, module, parameters, inputs, outputs, pauses=NONE, ports="", more="", files=None):
    """Run a module in a bench.

    Args:
        folder: an empty one.
        module: its name.
        parameters: by name.
        inputs: by prefix of the ports, such as "in": (bits per beat, words as hexadecimal text).
        outputs: by prefix: (bits per beat, number of beats that are expected).
        pauses: of the streams.
        ports: more connections, as Verilog; more: Verilog beside the module.
        files: more modules, text by file name.
    Returns: the words of each output after the last reset, by prefix. said.txt has what the bench printed. The bench
        ends a while after the last beat, so that a beat too many is seen.
    """
    folder = Path(folder)
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    for prefix, (_, words) in inputs.items():
        (folder / f"{prefix}.hex").write_text("".join(f"{word}\n" for word in words))
    (folder / "bench.sv").write_text(_bench(module, parameters, inputs, outputs, pauses, ports, more))
    library = [str(path) for path in verilog.RTL.rglob("*.sv")]
    own = [*(files or {}), "bench.sv"]
    said = _call(simulate.with_icarus([*own, *library], folder), folder)
    assert "stuck" not in said, said
    (folder / "said.txt").write_text(said)
    return {prefix: (folder / f"{prefix}.hex").read_text().rpartition("reset")[2].split() for prefix in outputs}


def _call(command, folder):
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _bench(module, parameters, inputs, outputs, pauses, ports, more):
    declared, connected, counts = [], [], []
    for seed, (prefix, (bits, _)) in enumerate(inputs.items()):
        declared.append(f"wire {prefix}_valid, {prefix}_ready, {prefix}_done; wire [{bits - 1}:0] {prefix}_data;")
        declared.append(
            f'sf_source #(.FILE("{prefix}.hex"), .BITS({bits}), .STALLS({pauses.source}), .SEED({seed + 1})) {prefix}_source'
            f" (.clk(clk), .reset(reset), .valid({prefix}_valid), .ready({prefix}_ready), .data({prefix}_data),"
            f" .done({prefix}_done));"
        )
    for seed, (prefix, (bits, count)) in enumerate(outputs.items()):
        declared.append(
            f"wire {prefix}_valid, {prefix}_ready; wire [{bits - 1}:0] {prefix}_data; wire [31:0] {prefix}_count;"
        )
        declared.append(
            f'sf_sink #(.FILE("{prefix}.hex"), .BITS({bits}), .STALLS({pauses.sink}), .SEED({seed + 1})) {prefix}_sink'
            f" (.clk(clk), .reset(reset), .valid({prefix}_valid), .ready({prefix}_ready), .data({prefix}_data),"
            f" .count({prefix}_count));"
        )
        counts.append(f"{prefix}_count == {count}")
    for prefix in (*inputs, *outputs):
        connected += [f".{prefix}_{part}({prefix}_{part})" for part in ("valid", "ready", "data")]
    moves = " || ".join(f"({prefix}_valid && {prefix}_ready)" for prefix in (*inputs, *outputs))
    chosen = ", ".join(f".{name}({value})" for name, value in parameters.items())
    rest = f", {ports}" if ports else ""
    return f"""
module bench (input wire clk);
  logic reset = 1;
  int edges = 0, waited = 0, after = 0;
  {chr(10).join(declared)}
  {more}
  {module} #({chosen}) dut (.clk(clk), .reset(reset), {", ".join(connected)}{rest});
  always @(posedge clk) begin
    edges <= edges + 1;
    reset <= edges < 3 || (edges >= {pauses.reset} && edges < {pauses.reset} + 3);
    waited <= reset || {moves} ? 0 : waited + 1;
    after <= {" && ".join(counts)} && edges > {pauses.reset} + 10 ? after + 1 : 0;
    if (after > 50) $finish;
    if (waited > {PATIENCE}) begin
      $display("stuck");
      $finish;
    end
  end
endmodule
"""
