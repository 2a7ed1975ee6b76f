"""The verdict on boards: a network fits exactly if its bytes do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.report import boards

PICO = next(board for board in boards.BOARDS if board.name == "Raspberry Pi Pico")


def test_there_are_enough_boards_with_names_of_their_own():
    assert len(boards.BOARDS) >= 20
    assert len({board.name for board in boards.BOARDS}) == len(boards.BOARDS)
    for board in boards.BOARDS:
        assert board.core in boards.KERNELS or board.core == "AVR"
        assert board.ram < board.flash and 1 < board.mhz < 1001
        assert board.source


def test_ram_is_what_one_array_can_have():
    pieces = {"NUCLEO-H743ZI2": 512, "NUCLEO-L476RG": 96, "STM32F4DISCOVERY": 128, "EK-RA8M1": 896, "Teensy 4.1": 512}
    assert pieces == {board.name: board.ram >> 10 for board in boards.BOARDS if board.name in pieces}


@given(ram=st.integers(1, 2 << 20), flash=st.integers(1, 4 << 20))
def test_a_network_fits_if_its_bytes_do(ram, flash):
    for board, verdict in zip(boards.BOARDS, boards.verdicts(ram, flash, {})):
        fits = ram <= board.ram and flash <= board.flash and board.core != "AVR"
        assert verdict["fits"] == fits
        assert ("needs" in verdict["reason"]) == (not fits)


@pytest.mark.parametrize(
    "ram, flash, reason",
    [
        (PICO.ram, PICO.flash, None),
        (PICO.ram + 1, 1, "RAM: needs 270,337 bytes, has 270,336"),
        (1, PICO.flash + 1, "flash: needs 2,097,153 bytes, has 2,097,152"),
    ],
)
def test_the_reason_names_what_is_short(ram, flash, reason):
    assert boards.why_not(PICO, ram, flash) == reason


def test_time_is_given_where_the_kernels_were_counted():
    times = {
        each["board"]: each["ms_at_one_instruction_per_clock"]
        for each in boards.verdicts(1, 1, {"arm_dsp": 64_000_000})
    }
    assert times["BBC micro:bit v2"] == 1000.0  # 64 MHz
    assert times["Raspberry Pi Pico"] is None  # portable kernels
