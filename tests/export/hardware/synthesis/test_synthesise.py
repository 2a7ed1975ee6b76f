"""Synthesis: its products are exact, and what the area report counts is what it makes."""

import pytest

from export.hardware import verilog
from export.hardware.estimate import area
from export.hardware.synthesis import processes, synthesise

libyosys = pytest.importorskip("pyosys.libyosys")


@pytest.mark.parametrize("bits", [(4, 4), (5, 4), (4, 5), (6, 5)])
def test_products_of_booths_digits_are_products(tmp_path, bits):
    """Proven for all factors."""
    a, b = bits
    (tmp_path / "products.v").write_text(synthesise._PRODUCTS)
    (tmp_path / "top.v").write_text(
        f"module top (input signed [{a - 1}:0] x, input signed [{b - 1}:0] y, output signed [{a + b + 1}:0] p);\n"
        "  assign p = x * y;\nendmodule\n"
    )
    design = libyosys.Design()
    for command in (
        f"read_verilog {tmp_path / 'top.v'}",
        "proc",
        "copy top made",
        f"techmap -map {tmp_path / 'products.v'} made",
        "select -assert-none made/t:$mul",
        "miter -equiv -make_assert -flatten top made miter",
        "sat -verify -prove-asserts miter",
    ):
        design.run_pass(command)


SHELL = """module shell (input wire clk, input wire reset, input wire in_valid, output wire in_ready,
    input wire [{lanes}*8-1:0] in_data, output wire read, output wire [4:0] address, input wire [{codes}*8-1:0] codes,
    output wire out_valid, input wire out_ready, output wire [21:0] out_data);
  sf_convolve #(.LANES({lanes}), .MACS(4), .PASSES({passes}), .BEATS(16), .SUM_BITS(22)) inner (.*, .address(address));
endmodule
"""


@pytest.mark.skipif(not processes.OSU018.exists(), reason="needs Debian's qflow-tech-osu018")
@pytest.mark.parametrize("lanes, passes", [(1, 2), (3, 1)])
def test_the_area_of_multiply_accumulate_units_is_estimated_within_ten_percent(lanes, passes):
    process = processes.osu018()
    ports = "clk reset in_valid in_ready in_data read codes out_valid out_ready out_data".split()
    shell = SHELL.format(lanes=lanes, passes=passes, codes=4 * lanes)
    shell = shell.replace(".*", ", ".join(f".{port}({port})" for port in ports))
    shell = shell.replace("[4:0]", f"[{(16 * passes - 1).bit_length() - 1}:0]")
    made = synthesise.synthesise("shell", {**verilog.library(), "shell.sv": shell}, process)
    estimated = area.CONTROL[area.blocks.Convolve] + area.units(4, lanes, 2 * passes * 4 * 22)
    assert process.library.nands(estimated) == pytest.approx(process.library.nands(made), rel=0.1)
    assert estimated.adders == pytest.approx(made.adders, rel=0.1)


def test_what_is_not_mapped_is_told():
    with pytest.raises(ValueError, match=r"synthesis left \$_DLATCH_P_"):
        synthesise._counted({"$_DLATCH_P_": 1}, processes.Process(area.cells.LIBRARIES["osu018"], (), 6))
