"""Cells of processes: read from liberty and from functional Verilog."""

import pytest

from export.hardware.synthesis import processes

LIBERTY = """library (some) {
  cell (NAND2X1) { area : 24; pin(A) { direction : input; } pin(Y) { direction : output; function : "(!(A B))"; } }
  cell ("NAND2X2") { area : 40; pin(Y) { function : "(!(A B))"; } }
  cell (AOI21) { area : 32; pin(Y) { function : "!((A1 & A2) | B)"; } }
  cell (TIE) { area : 12; pin(Y) { function : "1"; } }
  cell (FAX1) { area : 120; pin(YC) { function : "A B"; } pin(YS) { function : "A^B"; } }
  cell (DFF) { area : 96; ff (IQ, IQN) { next_state : "D"; } pin(Q) { function : "IQ"; } }
}
"""
MUX = """module sky130_fd_sc_hd__mux2i_1 (Y, A0, A1, S);
    output Y;
    input  A0;
    input  A1;
    input  S ;
    wire mux_out;
    //  Name  Output  Other arguments
    sky130_fd_sc_hd__udp_mux_2to1_N mux0 (mux_out, A0, A1, S);
    buf                             buf0 (Y, mux_out);
endmodule
"""
LATCH = """module sky130_fd_sc_hd__dlxtp_1 (Q, D, GATE);
    output Q;
    input  D;
    input  GATE;
    wire buf_Q;
    sky130_fd_sc_hd__udp_dlatch_P dlatch0 (buf_Q, D, GATE);
    buf                           buf0    (Q, buf_Q);
endmodule
"""


def test_liberty_gives_the_smallest_gate_of_each_function(tmp_path):
    path = tmp_path / "some.lib"
    path.write_text(LIBERTY)
    process = processes.osu018(path)
    assert process.gates == (
        processes.Gate("NAND2X1", 1, "(!(A*B))"),
        processes.Gate("AOI21", pytest.approx(32 / 24), "!((A1*A2)+B)"),
    )
    assert "GATE NAND2X1 1.0000 Y=(!(A*B)); PIN * UNKNOWN" in process.genlib()


def test_functional_verilog_gives_a_function(tmp_path):
    cells = tmp_path / "src" / "sky130_fd_sc_hd" / "cells"
    for name, text in (("mux2i", MUX), ("dlxtp", LATCH)):
        (cells / name).mkdir(parents=True)
        stem = cells / name / f"sky130_fd_sc_hd__{name}_1"
        stem.with_name(stem.name + ".functional.v").write_text(text)
        stem.with_name(stem.name + ".lef").write_text("MACRO x\n  SIZE  3.7536 BY  2.000000 ;\n")
    assert processes.sky130(tmp_path).gates == (processes.Gate("sky130_fd_sc_hd__mux2i_1", 2, "(!(A0*!S+A1*S))"),)


def test_files_that_are_not_there_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="some.lib is missing; install Debian's qflow-tech-osu018"):
        processes.osu018(tmp_path / "some.lib")
    with pytest.raises(FileNotFoundError, match=r"has no \*_RVT_TT_\*.lib of ASAP7"):
        processes.asap7(tmp_path)
