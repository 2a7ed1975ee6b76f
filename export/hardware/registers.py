"""The datapath with registers on an APB: its top module, the registers in SystemRDL, and a C header for the driver.

The registers themselves are rtl/control/sf_registers.sv.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.hardware import verilog
from export.hardware.blocks import Design
from export.hardware.instances import module
from export.streaming.line_plan import LinePlan

DIGEST_WORDS = 8
LOADING = 15  # of STATUS


@dataclass(frozen=True)
class Register:
    """A register of 32 bits, or several in a row.

    Attributes:
        offset: in bytes.
        is_written: a processor writes it, and reads 0; else the chip says it, and writing it is an error.
        fields: (name, highest bit, lowest bit) each.
        count: how many registers follow each other.
    """

    name: str
    offset: int
    about: str
    is_written: bool = False
    fields: tuple[tuple[str, int, int], ...] = (("value", 31, 0),)
    count: int = 1


REGISTERS = (
    Register("ID", 0x00, "SFHW in ASCII, its first letter lowest"),
    Register("VERSION", 0x04, "of this register map: 1"),
    Register(
        "STATUS",
        0x08,
        "status: a number of sf_status, 15 while a task image is loaded; ready: a word can be written",
        fields=(("status", 3, 0), ("ready", 8, 8)),
    ),
    Register("BEGIN", 0x0C, "a write begins a task image; the frames inside leave first", is_written=True),
    Register("WORD", 0x10, "the next word of a task image; an error while STATUS.ready is 0", is_written=True),
    Register("WORDS", 0x14, "words of the largest task image"),
    Register("CORE", 0x20, "SHA-256 of the frozen codes, first byte lowest", count=DIGEST_WORDS),
    Register("DATAPATH", 0x40, "SHA-256 of the datapath, first byte lowest", count=DIGEST_WORDS),
)


def files(design: Design, plan: LinePlan) -> dict[str, str]:
    """Return the content of each file by its name in the folder.

    Args:
        design: the datapath.
        plan: its line plan.
    """
    top = verilog.top_name(design)
    return {
        f"rtl/{top}_apb.sv": _top(design, plan),
        "registers.rdl": _rdl(top),
        "sf_hardware.h": _header(),
    }


def _top(design: Design, plan: LinePlan) -> str:
    top, inner = f"{verilog.top_name(design)}_apb", verilog.top_name(design)
    streams = [("image", "input", "output", design.image.width)]
    streams += [(f"output{i}", "output", "input", stream.width) for i, stream in enumerate(design.outputs)]
    ports = ["input wire clk", "input wire reset", "input wire psel", "input wire penable", "input wire pwrite"]
    ports += ["input wire [11:0] paddr", "input wire [31:0] pwdata", "output wire [31:0] prdata"]
    ports += ["output wire pready", "output wire pslverr"]
    for name, forwards, backwards, width in streams:
        ports += [f"{forwards} wire {name}_tvalid", f"{backwards} wire {name}_tready"]
        ports += [f"{forwards} wire [{width - 1}:0] {name}_tdata"]
    tasks = ["begins", "valid", "ready", "data", "status"]
    bus = ["clk", "reset", "psel", "penable", "pwrite", "paddr", "pwdata", "prdata", "pready", "pslverr"]
    passed = ["clk", "reset", *(f"{name}_t{part}" for name, *_ in streams for part in ("valid", "ready", "data"))]
    parameters = {"WORDS": max(verilog.task_sizes(plan)) // 4, **verilog.task_digests(plan)}
    task_ports = {f"task_{name}": f"task_{name}" for name in tasks}
    return "\n".join(
        [
            f"// {inner} with registers on an APB in place of its task port. Made by sfkeras.",
            "`default_nettype none",
            f"module {top} (",
            ",\n".join(f"    {port}" for port in ports),
            ");",
            "  wire task_begins, task_valid, task_ready;",
            "  wire [31:0] task_data;",
            "  wire [3:0] task_status;",
            *module("sf_registers", "registers", parameters, {name: name for name in bus} | task_ports),
            *module(inner, "datapath", {}, {name: name for name in passed} | task_ports),
            "endmodule",
            "`default_nettype wire",
            "",
        ]
    )


def _rdl(top: str) -> str:
    """Return the registers in SystemRDL 2.0, from which tools make other forms, such as IP-XACT or UVM."""
    lines = [f"// Registers of {top}_apb. Made by sfkeras.", f"addrmap {top}_registers {{", "  default regwidth = 32;"]
    for register in REGISTERS:
        software, hardware = ("w", "r") if register.is_written else ("r", "w")
        size = f"[{register.count}]" if register.count > 1 else ""
        lines += [
            "  reg {",
            f'    desc = "{register.about}";',
            *(
                f"    field {{ sw = {software}; hw = {hardware}; }} {name}[{high}:{low}];"
                for name, high, low in register.fields
            ),
            f"  }} {register.name}{size} @ 0x{register.offset:02x};",
        ]
    return "\n".join([*lines, "};", ""])


def _header() -> str:
    """Return the registers as C, with the function that loads a task image; the same for every datapath."""
    defines = [f"#define SF_HARDWARE_{each.name} 0x{each.offset:02x}u  // {each.about}" for each in REGISTERS]
    return _HEADER.replace("@DEFINES@", "\n".join(defines)).replace("@LOADING@", str(LOADING))


_HEADER = """\
// Registers of a datapath made by sfkeras, and the loading of a task image. Made by sfkeras.
#ifndef SF_HARDWARE_H_
#define SF_HARDWARE_H_

#include <stdint.h>

// Offsets in bytes
@DEFINES@

#define SF_HARDWARE_READY 0x100u  // in STATUS
#define SF_HARDWARE_STATUS_MASK 0xfu
#define SF_HARDWARE_LOADING @LOADING@u

static inline uint32_t sf_hardware_read(volatile const uint32_t *base, uint32_t offset) {
  return base[offset / 4];
}

// Loads a task image: the words of NAME_task.bin. The frames that are inside leave before the first word is taken, so
// their outputs must be read meanwhile. Returns: 0, or why it was refused, a number of sf_status.
static inline uint32_t sf_hardware_load(volatile uint32_t *base, const uint32_t *words, uint32_t count) {
  base[SF_HARDWARE_BEGIN / 4] = 1;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t status;
    do {
      status = sf_hardware_read(base, SF_HARDWARE_STATUS);
    } while (!(status & SF_HARDWARE_READY) && (status & SF_HARDWARE_STATUS_MASK) == SF_HARDWARE_LOADING);
    if (!(status & SF_HARDWARE_READY)) break;  // refused
    base[SF_HARDWARE_WORD / 4] = words[i];
  }
  uint32_t status;
  do {
    status = sf_hardware_read(base, SF_HARDWARE_STATUS) & SF_HARDWARE_STATUS_MASK;
  } while (status == SF_HARDWARE_LOADING);
  return status;
}

#endif  // SF_HARDWARE_H_
"""
