"""Boards that one can buy, and whether a network fits on them.

RAM is the largest piece of the microcontroller's own RAM with addresses in a row, because the C keeps
all rows in one array: an STM32H743 has 1 MB, but 512 KB in its largest piece. Flash is what programs
are kept in, which on some boards is a chip of its own.

`source` names the data sheet of the chip. The data sheets were not at hand: half of the boards were
compared with what Zephyr's documentation of boards quotes of them, the others are as commonly
stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

K, M = 1 << 10, 1 << 20
DSP, MVE, PORTABLE, EIGHT_BITS = "arm_dsp", "arm_mve", "portable", "8 bits"
KERNELS = {
    "M0+": PORTABLE,
    "M4": DSP,
    "M7": DSP,
    "M33": DSP,
    "M55": MVE,
    "M85": MVE,
    "RISC-V": PORTABLE,
    "Xtensa": PORTABLE,
}


@dataclass(frozen=True)
class Board:
    """A board. ram: bytes of the largest piece; flash: bytes; mhz: of its fastest core; source: data sheet."""

    name: str
    chip: str
    core: str
    ram: int
    flash: int
    mhz: int
    source: str

    @property
    def kernels(self) -> str:
        """The set of kernels that is compiled for it; see micro/kernels/sf_kernel_set.h."""
        return KERNELS.get(self.core, EIGHT_BITS)


BOARDS = (
    Board("Arduino Uno R3", "ATmega328P", "AVR", 2 * K, 32 * K, 16, "Microchip ATmega328P"),
    Board("Arduino Zero", "SAMD21G18", "M0+", 32 * K, 256 * K, 48, "Microchip SAM D21"),
    Board("NUCLEO-G071RB", "STM32G071RB", "M0+", 36 * K, 128 * K, 64, "ST STM32G071x8/xB"),
    Board("Raspberry Pi Pico", "RP2040", "M0+", 264 * K, 2 * M, 133, "Raspberry Pi RP2040"),
    Board("Arduino Uno R4 Minima", "RA4M1", "M4", 32 * K, 256 * K, 48, "Renesas RA4M1 Group"),
    Board("nRF52 DK", "nRF52832", "M4", 64 * K, 512 * K, 64, "Nordic nRF52832"),
    Board("BBC micro:bit v2", "nRF52833", "M4", 128 * K, 512 * K, 64, "Nordic nRF52833"),
    Board("NUCLEO-L476RG", "STM32L476RG", "M4", 96 * K, 1 * M, 80, "ST STM32L476xx"),
    Board("NUCLEO-F446RE", "STM32F446RE", "M4", 128 * K, 512 * K, 180, "ST STM32F446xC/E"),
    Board("MAX78000FTHR", "MAX78000", "M4", 128 * K, 512 * K, 100, "Analog Devices MAX78000"),
    Board("STM32F4DISCOVERY", "STM32F407VG", "M4", 128 * K, 1 * M, 168, "ST STM32F407xx"),
    Board("Arduino Nano 33 BLE Sense", "nRF52840", "M4", 256 * K, 1 * M, 64, "Nordic nRF52840"),
    Board("FRDM-K64F", "MK64FN1M0", "M4", 256 * K, 1 * M, 120, "NXP K64P144M120SF5"),
    Board("SparkFun Edge", "Apollo3 Blue", "M4", 384 * K, 1 * M, 48, "Ambiq Apollo3 Blue"),
    Board("NUCLEO-L552ZE-Q", "STM32L552ZE", "M33", 256 * K, 512 * K, 110, "ST STM32L552xx"),
    Board("nRF5340 DK", "nRF5340", "M33", 512 * K, 1 * M, 128, "Nordic nRF5340"),
    Board("FRDM-MCXN947", "MCXN947", "M33", 416 * K, 2 * M, 150, "NXP MCXNx4x"),
    Board("Raspberry Pi Pico 2", "RP2350", "M33", 520 * K, 4 * M, 150, "Raspberry Pi RP2350"),
    Board("B-U585I-IOT02A", "STM32U585AI", "M33", 768 * K, 2 * M, 160, "ST STM32U585xx"),
    Board("NUCLEO-H743ZI2", "STM32H743ZI", "M7", 512 * K, 2 * M, 480, "ST STM32H743xI/G"),
    Board("Arduino Nicla Vision", "STM32H747AII6", "M7", 512 * K, 2 * M, 480, "ST STM32H747xI/G"),
    Board("OpenMV Cam H7 Plus", "STM32H743II", "M7", 512 * K, 2 * M, 480, "ST STM32H743xI/G"),
    Board("Teensy 4.1", "i.MX RT1062", "M7", 512 * K, 8 * M, 600, "NXP IMXRT1060CEC"),
    Board("EK-RA8M1", "RA8M1", "M85", 896 * K, 2016 * K, 480, "Renesas RA8M1 Group"),
    Board("NUCLEO-N657X0-Q", "STM32N657", "M55", 4 * M + 200 * K, 64 * M, 800, "ST STM32N657xx"),
    Board("Sipeed Longan Nano", "GD32VF103CB", "RISC-V", 32 * K, 128 * K, 108, "GigaDevice GD32VF103xx"),
    Board("ESP32-C3-DevKitM-1", "ESP32-C3", "RISC-V", 384 * K, 4 * M, 160, "Espressif ESP32-C3"),
    Board("ESP32-C6-DevKitC-1", "ESP32-C6", "RISC-V", 512 * K, 8 * M, 160, "Espressif ESP32-C6"),
    Board("ESP32-CAM", "ESP32", "Xtensa", 328 * K, 4 * M, 240, "Espressif ESP32"),
    Board("XIAO ESP32S3 Sense", "ESP32-S3", "Xtensa", 480 * K, 8 * M, 240, "Espressif ESP32-S3"),
)


def verdicts(ram: int, flash: int, instructions: dict[str, int]) -> list[dict[str, Any]]:
    """Return what each board says to a network.

    Args:
        ram, flash: bytes that the network needs.
        instructions: of an image, by set of kernels, where they were counted.
    """
    return [
        {
            "board": board.name,
            "chip": board.chip,
            "core": f"Cortex-{board.core}" if board.core.startswith("M") else board.core,
            "ram": board.ram,
            "flash": board.flash,
            "mhz": board.mhz,
            "source": board.source,
            "fits": (reason := why_not(board, ram, flash)) is None,
            "reason": reason or f"uses {ram / board.ram:.0%} of its RAM, {flash / board.flash:.0%} of its flash",
            "ms_at_one_instruction_per_clock": _milliseconds(board, instructions) if reason is None else None,
        }
        for board in BOARDS
    ]


def why_not(board: Board, ram: int, flash: int) -> str | None:
    """Return why a network does not fit on a board, or None if it does."""
    if board.kernels == EIGHT_BITS:
        return "its int has 16 bits; the C needs 32"
    short = [
        f"{what}: needs {needed:,} bytes, has {there:,}"
        for what, needed, there in (("RAM", ram, board.ram), ("flash", flash, board.flash))
        if needed > there
    ]
    return "; ".join(short) or None


def _milliseconds(board: Board, instructions: dict[str, int]) -> float | None:
    counted = instructions.get(board.kernels)
    return None if counted is None else round(counted / board.mhz / 1000, 1)
