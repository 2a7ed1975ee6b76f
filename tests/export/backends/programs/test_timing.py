"""Cycles by Arm's tables: each kind of instruction, alone and behind another, and a branch that is taken or not."""

import pytest

from export.backends.programs.timing import M0, M3, M4, Block, Cycles, Instruction, by_table, m7, m33


def block(text, runs=1, taken=0):
    lines = [line.strip().partition(" ") for line in text.split(";")]
    return Block(tuple(Instruction(name, operands) for name, _, operands in lines), runs, taken)


# Least, expected and most cycles on an M0+, an M3 and an M4.
EXAMPLES = {
    "adds r0, r1, r2": [(1, 1, 1)] * 3,
    "ldr.w r0, [r1, #4]": [(2, 2, 2)] * 3,
    "str r0, [r1, #4]": [(2, 2, 2), (1, 1, 1), (1, 1, 1)],
    "str r0, [r1, r2]": [(2, 2, 2), (1, 1, 2), (1, 1, 2)],
    "ldr r0, [r1]; ldr r2, [r1, #4]": [(4, 4, 4), (3, 3, 4), (3, 3, 4)],
    "ldr r0, [r1]; ldr r2, [r0]": [(4, 4, 4)] * 3,
    "ldrd r0, r1, [r2]": [(3, 3, 3)] * 3,
    "ldmia r0!, {r1, r2, r3}": [(4, 4, 4)] * 3,
    "push {r4, r5, lr}": [(4, 4, 4)] * 3,
    "ldmia.w r0, {r4-r7}": [(5, 5, 5)] * 3,
    "muls r0, r1": [(1, 1, 1)] * 3,
    "mla r0, r1, r2, r3": [(1, 1, 1), (2, 2, 2), (1, 1, 1)],
    "smull r0, r1, r2, r3": [(1, 1, 1), (3, 4, 5), (1, 1, 1)],
    "smlal r0, r1, r2, r3": [(1, 1, 1), (4, 5, 7), (1, 1, 1)],
    "smlad r0, r1, r2, r3": [(1, 1, 1)] * 3,
    "sdiv r0, r1, r2": [(1, 1, 1), (2, 7, 12), (2, 7, 12)],
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_instructions_take_what_the_tables_say(text):
    for table, (least, expected, most) in zip((M0, M3, M4), EXAMPLES[text]):
        assert by_table(table, [block(text)]) == Cycles(least, most, expected)


BRANCHES = {  # what they cost more if they are taken
    "bne.n 4310": [(1, 1, 1), (1, 2, 3)],
    "ble.n 4310": [(1, 1, 1), (1, 2, 3)],
    "bl 4310": [(2, 2, 2), (1, 2, 3)],
    "blx r3": [(2, 2, 2), (1, 2, 3)],
    "pop {r4, pc}": [(2, 2, 2), (1, 2, 3)],
}


@pytest.mark.parametrize("text", BRANCHES)
def test_branches_that_are_taken_cost_more(text):
    for table, (least, expected, most) in zip((M0, M4), BRANCHES[text]):
        straight = by_table(table, [block(text, runs=10)])
        taken = by_table(table, [block(text, runs=10, taken=4)])
        assert taken.least - straight.least == 4 * least
        assert taken.expected - straight.expected == 4 * expected
        assert taken.most - straight.most == 4 * most


def test_cores_without_a_table_have_a_range():
    blocks = [block("ldr r0, [r1]; adds r0, r0, r1; bne.n 4310", runs=10, taken=5)]
    most = by_table(M4, blocks).most
    assert m33(blocks) == Cycles(35, most)
    assert m7(blocks) == Cycles(20, most)
    assert str(m7(blocks)) == f"20 to {most}"
