"""Synthesises Verilog with yosys into the cells of a process, to measure its area.

Memories are left out: they are macros. Products become rows of Booth's digits, adders the process's full adders, and
registers with one enable have a gated clock; ABC maps the rest to gates.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from export.hardware.estimate.cells import Logic
from export.hardware.synthesis.processes import Process

GATED_BITS = 8  # the fewest bits of registers with a gated clock
REGISTER, ADDER, CLOCK_GATE = "$_DFF_P_", "SF_FULL_ADDER", "SF_CLOCK_GATE"
BLACK_BOXES = f"(* blackbox *) module {ADDER} (input a, b, c, output sum, carry); endmodule\n"


def synthesise(top: str, files: Mapping[str, str], process: Process, netlist: Path | None = None) -> Logic:
    """Return what a module becomes: registers, full adders, and all else in NAND2 of the process.

    Args:
        top: its name.
        files: Verilog of it and of all that it needs, by file name.
        process: the cells.
        netlist: where its cells are written as Verilog, those of `process.whole_cells` for registers and full adders.
    Raises: RuntimeError with yosys's message; ValueError if something cannot be mapped.
    """
    from pyosys import libyosys as ys

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        (folder / "adders.v").write_text(_ADDERS)
        (folder / "products.v").write_text(_PRODUCTS)
        (folder / "boxes.v").write_text(BLACK_BOXES)
        (folder / "gates.genlib").write_text(process.genlib())
        (folder / "abc.script").write_text("strash\ndch\nmap -a\ntopo\n")
        design = ys.Design()
        for file in sorted(files):
            design.run_pass(f"tee -q read_verilog -sv -defer {folder / file}")
        design.run_pass(f"tee -q read_verilog -lib {folder / 'boxes.v'}")
        for command in (
            f"hierarchy -check -top {top}",
            "proc -norom",
            "flatten -noscopeinfo",
            "opt -full",
            "memory -nomap",
            "wreduce",
            "opt",
            f"techmap -map {folder / 'products.v'}",
            "opt",
            "alumacc",
            "maccmap",
            "opt",
            f"techmap -map {folder / 'adders.v'}",
            "techmap",
            "opt -fast",
            f"clockgate -min_net_size {GATED_BITS} -pos {CLOCK_GATE} enable:clk:gated",
            f"dfflegalize -cell {REGISTER} x",
            f"abc -genlib {folder / 'gates.genlib'} -script {folder / 'abc.script'}",
            "opt_clean",
            f"tee -o {folder / 'stat.json'} stat -json",
        ):
            design.run_pass(f"tee -q {command}")
        counts = json.loads((folder / "stat.json").read_text())["modules"][f"\\{top}"]["num_cells_by_type"]
        if netlist is not None:
            (folder / "cells.v").write_text(process.whole_cells)
            for command in (
                f"techmap -map {folder / 'cells.v'}",
                "opt_clean",
                f"write_verilog -noattr -noexpr {netlist}",
            ):
                design.run_pass(f"tee -q {command}")
    return _counted(counts, process)


def _counted(counts: Mapping[str, int], process: Process) -> Logic:
    areas = {gate.name: gate.area for gate in process.gates} | {CLOCK_GATE: process.clock_gate, "ZERO": 0, "ONE": 0}
    others = {cell for cell in counts if cell not in areas and not cell.startswith("$mem")} - {REGISTER, ADDER}
    if others:
        raise ValueError(f"synthesis left {', '.join(sorted(others))}")
    gates = sum(count * areas.get(cell, 0) for cell, count in counts.items())
    return Logic(registers=counts.get(REGISTER, 0), adders=counts.get(ADDER, 0), gates=gates)


# Full adders where an input varies; constant ones are left to ABC.
_ADDERS = r"""
module sf_adder (input a, input b, input c, output sum, output carry);
  SF_FULL_ADDER full_adder (.a(a), .b(b), .c(c), .sum(sum), .carry(carry));
endmodule

(* techmap_celltype = "$fa" *)
module sf_map_fa (A, B, C, X, Y);
  parameter WIDTH = 1;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_A_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_B_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_C_ = 0;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : g
      if (_TECHMAP_CONSTMSK_A_[i] || _TECHMAP_CONSTMSK_B_[i] || _TECHMAP_CONSTMSK_C_[i]) begin : c
        assign Y[i] = A[i] ^ B[i] ^ C[i];
        assign X[i] = (A[i] & B[i]) | (C[i] & (A[i] | B[i]));
      end else begin : v
        sf_adder adder (.a(A[i]), .b(B[i]), .c(C[i]), .sum(Y[i]), .carry(X[i]));
      end
    end
  endgenerate
endmodule

(* techmap_celltype = "$alu" *)
module sf_map_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  parameter [A_WIDTH-1:0] _TECHMAP_CONSTMSK_A_ = 0;
  parameter [B_WIDTH-1:0] _TECHMAP_CONSTMSK_B_ = 0;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire [Y_WIDTH-1:0] a, b, bb;
  assign bb = BI ? ~b : b;
  assign X = a ^ bb;
  wire [Y_WIDTH:0] carry;
  assign carry[0] = CI;
  assign CO = carry[Y_WIDTH:1];
  genvar i;
  generate
    for (i = 0; i < Y_WIDTH; i = i + 1) begin : g
      localparam ia = i < A_WIDTH ? i : A_WIDTH > 0 ? A_WIDTH - 1 : 0;
      localparam ib = i < B_WIDTH ? i : B_WIDTH > 0 ? B_WIDTH - 1 : 0;
      assign a[i] = A_WIDTH > 0 && (i < A_WIDTH || A_SIGNED) ? A[ia] : 1'b0;
      assign b[i] = B_WIDTH > 0 && (i < B_WIDTH || B_SIGNED) ? B[ib] : 1'b0;
      if (i == 0 || (i >= A_WIDTH && !A_SIGNED) || (i >= B_WIDTH && !B_SIGNED) ||
          _TECHMAP_CONSTMSK_A_[ia] || _TECHMAP_CONSTMSK_B_[ib]) begin : c
        assign Y[i] = X[i] ^ carry[i];
        assign carry[i+1] = (a[i] & bb[i]) | (carry[i] & (a[i] | bb[i]));
      end else begin : v
        sf_adder adder (.a(a[i]), .b(bb[i]), .c(carry[i]), .sum(Y[i]), .carry(carry[i+1]));
      end
    end
  endgenerate
endmodule
"""

# Products by Booth's digits: A has a digit of -2..2 per two bits, and each selects a row of 0, B or 2 * B, inverted if the
# digit is negative. The 1 that an inverted row lacks is the carry into its adder. Signs are not extended: the sign bit is
# inverted, with a 1 beside it. Products of one A, as in an array of multiply-accumulate units, share its digits.
_PRODUCTS = r"""
(* techmap_celltype = "$mul" *)
module sf_map_mul (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  localparam DIGITS = (A_WIDTH + 1) / 2;
  localparam BITS = B_WIDTH + 2 * DIGITS;
  localparam ROW = B_WIDTH + 3;
  wire _TECHMAP_FAIL_ = !A_SIGNED || !B_SIGNED || A_WIDTH < 3 || B_WIDTH < 3 || Y_WIDTH < A_WIDTH + B_WIDTH - 1;
  wire [2*DIGITS:0] a = {A[A_WIDTH-1], A, 1'b0};
  wire [ROW*DIGITS-1:0] sums;  // of the rows up to each, from its lowest bit on
  wire [BITS-1:0] product;
  genvar i, j;
  generate
    for (i = 0; i < DIGITS; i = i + 1) begin : rows
      wire one = a[2*i+1] ^ a[2*i];
      wire two = (a[2*i+2] ^ a[2*i+1]) & ~one;
      wire negative = a[2*i+2];
      wire [B_WIDTH:0] row = ({B_WIDTH+1{negative}}) ^
          (({B_WIDTH+1{one}} & {B[B_WIDTH-1], B}) | ({B_WIDTH+1{two}} & {B, 1'b0}));
      wire [B_WIDTH+1:0] carry;
      assign carry[0] = negative;
      if (i == 0) begin : first
        assign carry[B_WIDTH+1:1] = row & carry[B_WIDTH:0];
        assign sums[B_WIDTH:0] = row ^ carry[B_WIDTH:0];
        assign sums[B_WIDTH+1] = row[B_WIDTH] ^ carry[B_WIDTH+1];
        assign sums[B_WIDTH+2] = ~sums[B_WIDTH+1];
      end else begin : next
        for (j = 0; j <= B_WIDTH; j = j + 1) begin : bits
          \$fa #(.WIDTH(1)) adder (.A(row[j] ^ (j == B_WIDTH)), .B(sums[ROW*(i-1)+j+2]), .C(carry[j]), .X(carry[j+1]),
              .Y(sums[ROW*i+j]));
        end
        assign sums[ROW*i+B_WIDTH+1] = ~carry[B_WIDTH+1];
        assign sums[ROW*i+B_WIDTH+2] = carry[B_WIDTH+1];
      end
      assign product[2*i+:2] = sums[ROW*i+:2];
    end
  endgenerate
  assign product[BITS-1:2*DIGITS] = sums[ROW*(DIGITS-1)+2+:B_WIDTH];
  assign Y = {{Y_WIDTH{product[BITS-1]}}, product};
endmodule
"""
