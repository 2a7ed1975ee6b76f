"""Synthesises modules of rtl/ with yosys into the cells of a library, to measure their area.

Memories are left out: they are macros. Products become rows of Booth's digits, adders the library's full-adder cells, and
registers with one enable have a gated clock; ABC maps the rest.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.hardware import verilog

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")  # of Debian's qflow-tech-osu018


CLOCK_GATE, CLOCK_GATE_NANDS = "SF_CLOCK_GATE", 6  # a latch and an AND; osu018 has no such cell
GATED_BITS = 8  # the fewest bits of registers with a gated clock


@dataclass(frozen=True)
class Library:
    """Cells of a process.

    Attributes:
        name: as it is printed.
        liberty: its file.
        nand: area of its smallest NAND2, in its own unit.
        full_adder: Verilog of one full adder, with the ports a, b, c, sum, carry.
        adder_area: of that.
    """

    name: str
    liberty: Path
    nand: float
    full_adder: str
    adder_area: float


def osu018() -> Library:
    """Return the 180 nm library of Oklahoma State University, which Debian packages."""
    return Library("osu018", OSU018, 24, "FAX1 cell (.A(a), .B(b), .C(c), .YC(carry), .YS(sum));", 120)


@dataclass(frozen=True)
class Synthesised:
    """What became of a module: area in NAND2, and the number of flip-flops, full adders and memory bits."""

    nand2: float
    flip_flops: int
    full_adders: int
    memory_bits: int


def synthesise(
    module: str, parameters: Mapping[str, int], library: Library, more: Mapping[str, str] | None = None
) -> Synthesised:
    """Synthesise one module of rtl/, or of `more`: Verilog by file name.

    Raises: RuntimeError with yosys's message.
    """
    from pyosys import libyosys as ys

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in verilog.RTL.rglob("*.sv"):
            if path.parent.name != "bench":
                (folder / path.name).write_text(path.read_text())
        (folder / "adders.v").write_text(_ADDERS.replace("FULL_ADDER", library.full_adder))
        (folder / "products.v").write_text(_PRODUCTS)
        (folder / "cells.v").write_text(_blackboxed(library.full_adder))
        for file, text in (more or {}).items():
            (folder / file).write_text(text)
        path = folder / f"{module}.sv"
        path.write_text(_with_parameters(path.read_text(), parameters))
        design = ys.Design()
        for path in sorted(folder.glob("*.sv")):
            design.run_pass(f"read_verilog -sv -defer {path}")
        design.run_pass(f"read_verilog -lib {folder / 'cells.v'}")
        for command in (
            f"hierarchy -check -top {module}",
            "proc -norom",
            "flatten",
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
            f"dfflibmap -liberty {library.liberty}",
            f"abc -liberty {library.liberty} -script {_script(folder)}",
            "opt_clean",
            f"tee -q -o {folder / 'stat.json'} stat -json -liberty {library.liberty}",
        ):
            design.run_pass(command)
        return _counted(json.loads((folder / "stat.json").read_text()), design, library)


def _with_parameters(text: str, parameters: Mapping[str, int]) -> str:
    """Return a module with other defaults. (`hierarchy -chparam` of yosys 0.70 fails for modules of modules.)"""
    for name, value in parameters.items():
        text, count = re.subn(rf"(parameter int {name} *)= *-?\d+", rf"\g<1>= {value}", text)
        if count != 1:
            raise ValueError(f"the module has no parameter {name}")
    return text


def _script(folder: Path) -> Path:
    path = folder / "abc.script"
    path.write_text("strash\ndch\nmap -a\ntopo\n")
    return path


def _counted(stat: dict[str, Any], design: object, library: Library) -> Synthesised:
    module = next(iter(stat["modules"].values()))
    cells = module["num_cells_by_type"]
    adder = library.full_adder.split()[0]
    adders = cells.get(adder, 0)
    area = module.get("area", 0) + (adders * library.adder_area if not _knows(library, adder) else 0)
    flops = sum(count for cell, count in cells.items() if re.search("DFF|dfx", cell, re.IGNORECASE))
    gates = cells.get(CLOCK_GATE, 0) * CLOCK_GATE_NANDS
    return Synthesised(area / library.nand + gates, flops, adders, 0)


def _knows(library: Library, cell: str) -> bool:
    return re.search(rf'cell\s*\(\s*"?{cell}"?\s*\)', library.liberty.read_text()) is not None


def _blackboxed(full_adder: str) -> str:
    cell, ports = full_adder.split()[0], re.findall(r"\.(\w+)\((\w+)\)", full_adder)
    names = ", ".join(("output " if net in ("sum", "carry") else "input ") + port for port, net in ports)
    return f"(* blackbox *) module {cell} ({names}); endmodule\n"


# Full adders where an input varies; constant ones are left to ABC.
_ADDERS = r"""
module sf_adder (input a, input b, input c, output sum, output carry);
  FULL_ADDER
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
