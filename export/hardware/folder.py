"""The folder that `hardware` writes: Verilog of a network, with all that a synthesis or a simulation needs beside it."""

from __future__ import annotations

import json
from pathlib import Path

from export.datapath import description, task_image
from export.graph import golden
from export.graph.graph import Graph
from export.hardware import layout, registers, verilog
from export.hardware.fpga import device, fitting, project
from export.hardware.schedule import Schedule, schedule
from export.streaming.line_plan import LinePlan
from sfkeras import atomic_file

FILES = "filelist.f"  # what a tool is given, and written last
FRAMES = 2  # of the test bench
MAKEFILE = """# The test bench in cocotb: `make`, or `make SIM=verilator`. It needs cocotb 2.1, from PyPI.
SIM ?= icarus
TOPLEVEL_LANG = verilog
VERILOG_SOURCES = $(abspath $(addprefix ../,$(shell cat ../filelist.f)))
TOPLEVEL = {top}
COCOTB_TEST_MODULES = test_datapath
include $(shell cocotb-config --makefiles)/Makefile.sim
"""
MHZ_OF_A_PIXEL = 61.75  # 640x480 at 200 frames per second, with what the schedule needs beside it


def planned_for(
    graph: Graph, plan: LinePlan, clocks_per_pixel: int | None, fpga: str | None, unroll: tuple[str, ...] = ()
) -> Schedule:
    """Return the schedule of a network: at some clocks per pixel, or if None at the fewest that fit on the FPGA; else at 1.

    Raises: HardwareError that names the stage that cannot be built, or what the FPGA lacks; ValueError for an unknown stage.
    """
    if fpga is not None:
        return fitting.planned(graph, plan, fpga, clocks_per_pixel, unroll)
    return schedule(layout.design(graph, plan, clocks_per_pixel or 1, unroll))


def write(
    graph: Graph,
    plan: LinePlan,
    folder: Path,
    clocks_per_pixel: int | None = None,
    fpga: str | None = None,
    unroll: tuple[str, ...] = (),
) -> str:
    """Write the Verilog of a network. Nothing is written if it is refused.

    Args:
        graph: with all ways (export/graph/switches.py).
        plan: its line plan.
        folder: made if need be.
        clocks_per_pixel, fpga: see planned_for.
        unroll: see layout.design.
    Returns: what was made, as a text.
    Raises: HardwareError that names the stage that cannot be built, or what the FPGA lacks; ValueError for an unknown stage.
    """
    planned = planned_for(graph, plan, clocks_per_pixel, fpga, unroll)
    mhz = MHZ_OF_A_PIXEL * planned.design.clocks_per_pixel
    sources = verilog.files(planned.design, plan)
    top = verilog.top_name(planned.design)
    contents: dict[str, str | bytes] = {
        **{f"rtl/{name}": text for name, text in sources.items()},
        FILES: "".join(f"rtl/{name}\n" for name in [*sources, f"{verilog.top_name(planned.design)}_apb.sv"]),
        **registers.files(planned.design, plan),
        "lint.vlt": (verilog.RTL / "lint.vlt").read_text(),
        f"{top}.sdc": f"create_clock -name clk -period {1000 / mhz:.3f} [get_ports clk]\n",
        "datapath.json": description.to_json(description.describe(plan)),
        "task.bin": task_image.write(plan).content,
        **(project.files(planned.design, plan, fpga) if fpga else {}),
        **_bench(graph, plan, planned),
    }
    atomic_file.write_all(folder, contents, FILES)
    made = f"{len(contents)} files in {folder}; top module {top}, {len(planned.design.blocks)} blocks, {planned}"
    return made if fpga is None else f"{made}\n{fpga}: fits; {device.sentence(planned.design, fpga)}"


def _bench(graph: Graph, plan: LinePlan, planned: Schedule) -> dict[str, str | bytes]:
    """Return the test bench in cocotb: its files, frames, and golden's outputs of them."""
    images = golden.random_inputs(graph, FRAMES)
    expected = golden.run(graph, images, plan.given)
    streams = dict(zip(graph.outputs, planned.design.outputs))
    numbers = {name: graph.outputs.index(name) for name in plan.given}
    vectors = {
        "image": planned.design.image.lanes,
        "outputs": {number: streams[name].lanes for name, number in numbers.items()},
        "clocks": 4 * (planned.latency + FRAMES * planned.clocks),
    }
    return {
        "cocotb/Makefile": MAKEFILE.format(top=verilog.top_name(planned.design)),
        "cocotb/test_datapath.py": (verilog.RTL / "cocotb" / "test_datapath.py").read_text(),
        "cocotb/vectors.json": json.dumps(vectors, indent=1) + "\n",
        "cocotb/image.bin": images[graph.inputs[0]].tobytes(),
        **{f"cocotb/output{number}.bin": expected[name].tobytes() for name, number in numbers.items()},
    }
