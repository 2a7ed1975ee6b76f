"""Blocks of a program on a board: they hold every instruction that the board's timer counted, and no other."""

from dataclasses import replace

import pytest

from export.backends.programs import block_counts, machines, timing
from export.backends.programs.block_counts import _disassembled, _joined
from export.backends.programs.machines import MachineError
from export.backends.programs.timing import Block, Instruction
from export.backends.registry import BACKENDS
from export.c import project
from export.c.test_vector import vector_image
from export.network import Network
from export.streaming import line_plan
from export.streaming.rows_read import steps
from tests.support.networks.tasks import every_operator

COUNT = 50  # instructions of a count of the boards' timers


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    plan, folder = line_plan.plan(every_operator()), tmp_path_factory.mktemp("built")
    project.write_folder(plan, folder / "c")
    program = machines.build(BACKENDS["m4"].machine, folder / "c", folder / "m4")
    return program, vector_image(plan.graph)


def instructions(blocks):
    return sum(block.runs * len(block.instructions) for block in blocks)


@pytest.mark.cross
@pytest.mark.compiler
def test_blocks_by_stage_hold_what_the_timer_counts_for_each(built, tmp_path):
    plan = line_plan.plan(every_operator())
    project.write_folder(plan, tmp_path / "c")
    marked = machines.build(BACKENDS["m4"].machine, tmp_path / "c", tmp_path / "m4", block_counts.MARKS)
    by_stage = block_counts.count(marked, "sf_push_row", built[1].tobytes(), marks=True)
    counts = BACKENDS["m4"].count(Network(every_operator()), {"image": built[1]}).stages
    rows = [steps(stage.operator, plan.graph) for stage in plan.stages]
    for stage, counted in enumerate(counts):
        assert instructions(by_stage[stage]) == pytest.approx(counted, abs=COUNT * rows[stage]), plan.stages[stage]
    plain = instructions(block_counts.count(built[0], "sf_push_row", built[1].tobytes())[None])
    assert 0 <= sum(map(instructions, by_stage.values())) - plain <= 10 * sum(rows)  # the marks


@pytest.mark.cross
@pytest.mark.compiler
def test_blocks_hold_what_the_timer_counts(built):
    program, image = built
    blocks = block_counts.count(program, "sf_push_row", image.tobytes())[None]
    assert instructions(blocks) == pytest.approx(program.run(image.tobytes()).instructions, abs=COUNT * image.shape[1])
    assert all(0 <= block.taken <= block.runs for block in blocks)
    calls = sum(block.taken for block in blocks if block.instructions[-1].name in ("bl", "blx"))
    assert calls == sum(block.runs for block in blocks if block.instructions[-1].name in ("bl", "blx")) > 0


def test_where_a_page_ends_costs_no_cycle():
    """QEMU begins another block there, and loads are pipelined on."""
    loads = [Instruction("ldr.w", f"r{i}, [r8, #{4 * i}]") for i in range(4)]
    whole, parts = Block(tuple(loads), 9, 0), [Block(tuple(loads[:2]), 9, 0), Block(tuple(loads[2:]), 9, 0)]
    assert _joined(*parts) == whole
    assert timing.by_table(timing.M4, [whole]).expected == 9 * 5 < timing.by_table(timing.M4, parts).expected
    for other in (replace(parts[1], runs=8), None):  # it is reached from elsewhere too, or the first one goes elsewhere
        assert _joined(parts[0] if other else replace(parts[0], taken=1), other or parts[1]) is None


@pytest.mark.cross
@pytest.mark.compiler
def test_a_function_that_is_not_there_is_named(built):
    program, image = built
    with pytest.raises(MachineError, match="the program has no function sf_other"):
        block_counts.count(program, "sf_other", image.tobytes())


@pytest.mark.cross
def test_instructions_have_the_length_of_their_code(built):
    code = dict(_disassembled(built[0]))
    assert {length for _, length in code.values()} == {2, 4}
    assert any(instruction.name == "smlad" for instruction, _ in code.values())
