"""The area report: its formulas at measured points, and what it says about a core."""

import json

import numpy as np
import pytest

from export.__main__ import main
from export.hardware.estimate import cells, matrix, report
from export.hardware.estimate.area import FOLDED, LEAST, UNROLLED
from export.hardware.estimate.cells import LIBRARIES, sram_um2
from export.hardware.estimate.core_network import network_of
from export.network import Network
from sfkeras.nn.freezing.core import Core

CORE = Core.load("tiny_imagenet_32")  # of which SOLVED was measured
# Adder bits that da4ml 0.6.0 finds (matrix.solved), which takes up to minutes each
SOLVED = {
    "stem": 17.2 * 27 * 32,
    "stage1.unit1.left.pointwise": 14.229 * 32**2,
    "stage1.unit3.pointwise": 15.653 * 32**2,
    "stage2.unit1.left.pointwise": 14.158 * 64**2,
    "stage2.unit4.pointwise": 14.928 * 64**2,
    "stage3.unit3.pointwise": 14.777 * 64**2,
    "stage4.unit2.pointwise": 13.393 * 128**2,
}


def reported(clocks_per_pixel=1, cores=2, unroll=(), library="16nm"):
    network = Network(network_of(CORE.codes, (480, 640), cores, "core"))
    return report.area_report(network.graph, network.plan, clocks_per_pixel, unroll, library)


@pytest.mark.parametrize("layer", SOLVED)
def test_adder_bits_are_within_five_percent_of_the_optimiser(layer):
    codes = CORE.codes[layer].reshape(-1, CORE.codes[layer].shape[-1]).T
    assert matrix.estimated(codes) == pytest.approx(SOLVED[layer], rel=0.05)


def test_the_optimiser_gives_what_is_noted():
    codes = CORE.codes["stage1.unit3.pointwise"].reshape(32, 32).T
    assert matrix.solved(codes) == pytest.approx(SOLVED["stage1.unit3.pointwise"], rel=1e-3)


def test_signed_digits_are_the_fewest():
    assert [matrix.digits(np.array([n])) for n in (0, 1, -128, 3, 7, 127, 85, -5)] == [0, 1, 1, 2, 2, 2, 4, 2]


def test_memories_cost_by_their_shape():
    assert sram_um2(64, 512) / (64 * 512) == pytest.approx(0.28, rel=0.05)  # shallow and wide
    assert sram_um2(4096, 64) / (4096 * 64) < 0.09


def test_a_core_counts_the_parameters_of_the_paper():
    counts = reported().parameters
    assert counts["frozen"] == {"frozen": 139_936, "trainable": 0}
    assert counts["core1"]["trainable"] == counts["core2"]["trainable"] == pytest.approx(60_192, rel=0.02)
    assert counts["core1"]["frozen"] == 0


def test_the_papers_calibration_is_a_column():
    made = reported()
    assert made.paper == pytest.approx({"frozen": 1.32, "core1": 1.34, "core2": 1.34}, rel=0.02)
    assert [line.split()[-1] for line in str(made).splitlines() if line.startswith("frozen ")][0] == "1.320"


def test_the_parts_make_up_the_whole():
    for design in reported().designs:
        parts = [design.mm2(design.of(core))["total"] for core in {part.core for part in design.parts}]
        assert design.mm2()["total"] == pytest.approx(sum(parts))


def test_the_designs_are_what_they_are_called():
    made = reported(unroll=("stem",))
    unrolled, folded, least = made.designs
    assert [each.name for each in made.designs] == [UNROLLED, FOLDED, LEAST]
    assert {part.stage for part in folded.parts if part.unrolled} == {"stem"}
    assert least.mm2()["total"] <= min(folded.mm2()["total"], unrolled.mm2()["total"])
    assert unrolled.energy()[0] < folded.energy()[0]  # it is large, and spends little


def test_four_clocks_per_pixel_take_less_area_than_one():
    assert reported(4).designs[1].mm2()["total"] < reported(1).designs[1].mm2()["total"]


def test_other_processes_have_no_memories():
    assert reported(library="sky130").designs[1].mm2().keys() == {"logic", "total"}


def test_a_stage_or_process_that_does_not_exist_is_told():
    with pytest.raises(ValueError, match="--unroll names stage9; the frozen stages are stage1, stage2"):
        reported(unroll=("stage9",))
    with pytest.raises(ValueError, match="--library is 'n3'; expected one of 16nm, asap7, sky130, osu018"):
        reported(library="n3")


def test_the_command_prints_and_writes_it(tmp_path, capsys):
    assert main(["area", "tiny_imagenet", "--cores=1", "--clocks-per-pixel=4", f"--out={tmp_path}"]) == 0
    text = capsys.readouterr().out
    assert "4 clocks per pixel" in text and "paper's calibration: 9.43 um2" in text
    made = json.loads((tmp_path / "area.json").read_text())
    assert made["designs"]["folded"]["cores"].keys() == {"image", "frozen", "core1", "chip"}
    assert (tmp_path / "area.svg").read_text().startswith("<svg")


def test_areas_of_logic_follow_the_cells_of_a_process():
    logic = cells.Logic(registers=10, adders=4, gates=7)
    assert LIBRARIES["osu018"].um2(logic) == 24 * (10 * 4 + 4 * 5 + 7)
