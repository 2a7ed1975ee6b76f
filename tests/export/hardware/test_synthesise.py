"""Synthesis: its products are exact, and what the area report counts is what it makes."""

import pytest

from export.hardware import area, synthesise
from export.hardware.cells import LIBRARIES, Logic

libyosys = pytest.importorskip("pyosys.libyosys")
SKY130 = LIBRARIES["sky130"]


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


@pytest.mark.skipif(not synthesise.OSU018.exists(), reason="needs Debian's qflow-tech-osu018")
@pytest.mark.parametrize("lanes, macs, passes", [(1, 4, 2), (3, 4, 1)])
def test_the_area_of_multiply_accumulate_units_is_estimated_within_ten_percent(lanes, macs, passes):
    sum_bits = 22
    sizes = {"LANES": lanes, "MACS": macs, "PASSES": passes, "BEATS": 16, "SUM_BITS": sum_bits}
    made = synthesise.synthesise("sf_convolve", sizes, synthesise.osu018())
    cells = made.flip_flops + made.full_adders
    gates = made.nand2 - 4 * made.flip_flops - 5 * made.full_adders
    estimated = area.CONTROL[area.blocks.Convolve] + area.units(macs, lanes, 2 * passes * macs * sum_bits)
    assert SKY130.nands(estimated) == pytest.approx(5.33 * cells + gates, rel=0.1)
    assert estimated.adders == pytest.approx(made.full_adders, rel=0.1)
    assert isinstance(estimated, Logic)
