"""Blocks that are synthesised: few of their lanes, and all kinds of them."""

import pytest

from export.hardware import blocks, verilog
from export.hardware.estimate import area
from export.hardware.synthesis import measured, processes
from export.hardware.synthesis.synthesise import synthesise
from tests.support.hardware import designed, narrow

CHEAP = ("Fork", "Fifo", "Gear", "Select", "CoreShuffle", "Join")


@pytest.fixture(scope="module")
def planned():
    return designed(narrow((64, 64)))[0]


def test_groups_are_all_blocks(planned):
    """What is estimated for groups is what is estimated for all blocks."""
    total = sum((group.logic.registers for group in measured.groups(planned)), 0)
    parts = [area.part_of(block).logic.registers for block in planned.design.blocks]
    assert total == pytest.approx(sum(parts))


def test_few_lanes_keep_beats_and_passes(planned):
    for block in planned.design.blocks:
        few = measured.few_lanes(block)
        assert [stream.beats for stream in few.inputs] == [stream.beats for stream in block.inputs]
        if isinstance(few, blocks.Convolve):
            words, width = few.codes.codes.shape
            assert words == few.input.beats * few.passes and width == few.macs * few.lanes
            assert few.macs == 1 or few.macs * few.lanes <= measured.PRODUCTS
            assert few.output.beats * few.output.lanes == few.macs * few.passes


def test_each_kind_of_block_stands_alone(planned):
    kinds = {type(block).__name__: block for block in planned.design.blocks}
    for block in kinds.values():
        files = verilog.alone(block)
        assert files["alone.sv"].startswith("module alone (input wire clk, input wire reset")


@pytest.mark.skipif(not processes.OSU018.exists(), reason="needs Debian's qflow-tech-osu018")
def test_small_blocks_are_estimated_within_a_fifth(planned):
    pytest.importorskip("pyosys.libyosys")
    process, rtl, kinds = processes.osu018(), verilog.library(), {}
    for group in measured.groups(planned):
        kinds.setdefault(group.kind, group)
    for kind in CHEAP:
        group = kinds[kind]
        made = synthesise("alone", {**rtl, **verilog.alone(group.sample)}, process)
        assert process.library.nands(group.estimated) == pytest.approx(process.library.nands(made), rel=0.2), kind
