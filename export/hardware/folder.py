"""The folder that `hardware` writes: Verilog of a network, with all that a synthesis or a simulation needs beside it."""

from __future__ import annotations

from pathlib import Path

from export.datapath import description, task_image
from export.graph.graph import Graph
from export.hardware import registers, verilog
from export.hardware.layout import design
from export.hardware.schedule import schedule
from export.streaming.line_plan import LinePlan
from sfkeras import atomic_file

FILES = "filelist.f"  # what a tool is given, and written last
MHZ_OF_A_PIXEL = 61.75  # 640x480 at 200 frames per second, with what the schedule needs beside it


def write(graph: Graph, plan: LinePlan, folder: Path, clocks_per_pixel: int = 1) -> str:
    """Write the Verilog of a network. Nothing is written if it is refused.

    Args:
        graph: with all ways (export/graph/switches.py).
        plan: its line plan.
        folder: made if need be.
        clocks_per_pixel: of the image.
    Returns: what was made, as a text.
    Raises: HardwareError that names the stage that cannot be built.
    """
    planned = schedule(design(graph, plan, clocks_per_pixel))
    sources = verilog.files(planned.design, plan)
    top = verilog.top_name(planned.design)
    contents: dict[str, str | bytes] = {
        **{f"rtl/{name}": text for name, text in sources.items()},
        FILES: "".join(f"rtl/{name}\n" for name in [*sources, f"{verilog.top_name(planned.design)}_apb.sv"]),
        **registers.files(planned.design, plan),
        "lint.vlt": (verilog.RTL / "lint.vlt").read_text(),
        f"{top}.sdc": f"create_clock -name clk -period {1000 / (MHZ_OF_A_PIXEL * clocks_per_pixel):.3f} [get_ports clk]\n",
        "datapath.json": description.to_json(description.describe(plan)),
        "task.bin": task_image.write(plan).content,
    }
    atomic_file.write_all(folder, contents, FILES)
    return (
        f"{len(contents)} files in {folder}; top module {top}, {len(planned.design.blocks)} blocks, "
        f"{planned.clocks:,} clocks per frame, latency {planned.latency:,}"
    )
