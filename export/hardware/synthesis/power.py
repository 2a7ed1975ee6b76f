"""Energy of a block on real images: its cells are simulated, and OpenSTA adds up what their toggles cost in ASAP7.

Without wires, memories and glitches: the simulation has no delays, so the energy is a lower bound. Hardwired matrices are
not measured so, because most of what their deep adders toggle are glitches.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from export.graph import golden
from export.hardware import blocks, layout, simulate, verilog
from export.hardware.blocks import Block
from export.hardware.estimate import area
from export.hardware.estimate.core_network import network_of
from export.hardware.schedule import schedule
from export.hardware.synthesis.measured import few_lanes
from export.hardware.synthesis.processes import Process
from export.hardware.synthesis.synthesise import synthesise
from export.network import Network
from sfkeras.data.sources import att

SIZE = (96, 96)  # of the photo
ROWS = 2  # of the map that is fed to a block, which takes many clocks per pixel
PERIOD = 16.194  # ns: 61.75 MHz, 200 frames of 640x480 per second
RESET = 4  # clocks
WARM_UP = 16  # clocks in which registers without a reset get their first values


def measure(
    codes: Mapping[str, npt.NDArray[np.int8]], process: Process, liberty: Path, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Measure a pointwise convolution of each stage of the frozen core on a photo, folded as the generator does it.

    Args:
        codes: of the core, by layer.
        process: asap7.
        liberty: folder with its files.
        say: is told each result.
    Returns: a dict per block: block, ns, activity, fj_per_mac, fj_per_mac_at_0.2.
    """
    network = Network(network_of(codes, SIZE, 1, "power"))
    graph, photo = network.graph, _photo()
    for block in schedule(layout.design(graph, network.plan)).design.blocks:
        if isinstance(block, blocks.Convolve) and re.fullmatch(r"frozen\.stage\d\.unit2\.pointwise", block.name):
            source = graph.operator(block.name).inputs[0]
            maps = golden.run(graph, {graph.inputs[0]: photo}, [source])[source]
            middle = maps.shape[1] // 2
            made = power(block, maps[:, middle : middle + ROWS], process, liberty)
            fj = made.fj_per_mac(made.watts)
            say(f"{block.name}: {made.ns:.1f} ns, {fj:.1f} fJ per MAC, activity {made.activity:.3f}")
            yield {
                "block": block.name,
                "ns": round(made.ns, 2),
                "activity": round(made.activity, 4),
                "fj_per_mac": round(fj, 2),
                "fj_per_mac_at_0.2": round(made.fj_per_mac(made.watts_at_02), 2),
            }


def _photo() -> npt.NDArray[np.int8]:
    """Return a face of AT&T as codes (1, height, width, 3)."""
    with Image.open(min(att.faces().rglob("*.pgm"))) as image:
        pixels = np.asarray(image.resize(SIZE[::-1]).convert("RGB")).astype(np.int16)
    return (pixels - 128).astype(np.int8)[None]


@dataclass(frozen=True)
class Power:
    """What a block spends.

    Attributes:
        macs: multiplications per clock.
        activity: toggles per net and clock, without those of clocks.
        watts: dynamic, of the toggles that were counted.
        watts_at_02: dynamic, if every net had an activity of 0.2.
        ns: the longest path between two clocks: cells of the least size, without wires.
    """

    macs: float
    activity: float
    watts: float
    watts_at_02: float
    ns: float

    def fj_per_mac(self, watts: float) -> float:
        """Return the energy of one multiplication and of what it takes, at so many watts."""
        return watts * PERIOD * 1e6 / self.macs


def power(block: Block, maps: npt.NDArray[np.int8], process: Process, liberty: Path) -> Power:
    """Return what a frozen block spends on some maps.

    Args:
        block: a convolution over channels; it is measured with few of its lanes and units.
        maps: int8 (batch, height, width, channels), its input.
        process: asap7.
        liberty: folder with its files.
    """
    sample = few_lanes(block)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesise("alone", {**verilog.library(), **verilog.alone(sample)}, process, folder / "netlist.v")
        clocks = _simulate(sample, maps, process, folder)
        toggles = _toggles(folder / "made.vcd")
        counted = {net: count / (clocks - WARM_UP) for net, count in toggles.items()}
        script = _script(counted, liberty, folder)
        (folder / "power.tcl").write_text(script)
        said = subprocess.run(["sta", "-no_splash", "-exit", "power.tcl"], cwd=folder, capture_output=True, text=True)
    totals = re.findall(r"^Total\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", said.stdout, re.MULTILINE)
    slack = re.search(r"^worst slack\s+(\S+)", said.stdout, re.MULTILINE)
    if len(totals) != 2 or slack is None:
        raise RuntimeError(f"OpenSTA said nothing of power:\n{(said.stdout + said.stderr)[-2000:]}")
    (at_02, counted_power) = ([float(each) for each in total] for total in totals)
    part = area.part_of(sample)
    pixels = np.prod(maps.shape[:3])
    macs = part.macs / sample.output.pixels * pixels / clocks
    return Power(
        macs,
        sum(counted.values()) / len(counted),
        counted_power[0] + counted_power[1],
        at_02[0] + at_02[1],
        PERIOD - float(slack[1]) / 1000,
    )


def _simulate(block: Block, maps: npt.NDArray[np.int8], process: Process, folder: Path) -> int:
    """Run the netlist, write its changes of value after WARM_UP, and return the clocks since the reset."""
    given, made = block.input, block.output
    (folder / "in.hex").write_text(simulate.beats(maps, given))
    (folder / "models.v").write_text(process.models())
    for name in ("sf_source", "sf_sink"):
        (folder / f"{name}.sv").write_text((verilog.RTL / "bench" / f"{name}.sv").read_text())
    pace = max(block.clocks // given.beats, 1)
    beats = int(np.prod(maps.shape[:3])) * made.beats
    (folder / "bench.sv").write_text(
        f"""module bench;
  reg clk = 0, reset = 1;
  always #1 clk = !clk;
  wire valid, ready, made_valid;
  wire [{given.width - 1}:0] data;
  wire [{made.width - 1}:0] made;
  wire [31:0] count;
  int clocks = 0;
  sf_source #(.FILE("in.hex"), .BITS({given.width})) source (.clk(clk), .reset(reset), .valid(valid), .ready(ready),
      .data(data), .done());
  sf_sink #(.FILE("out.hex"), .BITS({made.width})) sink (.clk(clk), .reset(reset), .valid(made_valid), .ready(),
      .data(made), .count(count));
  alone dut (.clk(clk), .reset(reset), .load(56'd0), .switches(1024'd0), .{given.name}_valid(valid),
      .{given.name}_ready(ready), .{given.name}_data(data), .{made.name}_valid(made_valid), .{made.name}_ready(1'b1),
      .{made.name}_data(made));
  initial begin
    #9 reset = 0;
    #{2 * WARM_UP} $dumpfile("made.vcd");
    $dumpvars(1, dut);
  end
  always @(posedge clk) begin
    clocks <= clocks + 1;
    if (count >= {beats} || clocks > {WARM_UP + 4 * pace * beats + 1000}) begin
      $display("clocks %0d of %0d", clocks, count);
      $finish;
    end
  end
endmodule
"""
    )
    sources = ["bench.sv", "netlist.v", "models.v", "sf_source.sv", "sf_sink.sv"]
    command = simulate.with_icarus(sources, folder, top="bench")
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=simulate.SECONDS).stdout
    found = re.search(r"clocks (\d+) of (\d+)", said)
    if not found or int(found[2]) < beats:
        raise RuntimeError(f"{block.name}: the netlist did not give all its beats:\n{said[-500:]}")
    return int(found[1]) - RESET


def _toggles(path: Path) -> dict[str, int]:
    """Return how often each net of a file of changes toggles, by its name with its bit."""
    names: dict[str, list[str]] = {}  # of the bits of a code, the highest first
    before: dict[str, str] = {}
    toggles: Counter[str] = Counter()
    with path.open() as file:
        for line in file:
            if line.startswith("$var"):
                _, _, width, code, name = line.split()[:5]
                if code not in names:
                    bits = range(int(width) - 1, -1, -1)
                    names[code] = [name] if width == "1" else [f"{name}[{bit}]" for bit in bits]
            elif line.startswith("$enddefinitions"):
                break
        for line in file:
            if line[0] in "01xz":
                value, code = line[0], line[1:].strip()
            elif line[0] == "b":
                value, code = line[1:].split()
                value = value.rjust(len(names[code]), "x" if value[0] == "x" else "0")
            else:
                continue
            for name, old, new in zip(names[code], before.get(code, value), value):
                toggles[name] += {old, new} == {"0", "1"}
            before[code] = value
    without = ("clk", "load[", "switches[", "reset")
    return {name: toggles[name] for bits in names.values() for name in bits if not name.startswith(without)}


def _script(activity: dict[str, float], liberty: Path, folder: Path) -> str:
    """Return a script of OpenSTA that reports power twice: with an activity of 0.2, and with that of each net."""
    drivers = _drivers((folder / "netlist.v").read_text())
    lines = [f"read_liberty {path.resolve()}" for path in sorted(liberty.glob("*_RVT_TT_*.lib"))]
    lines += ["read_verilog netlist.v", "link_design alone", f"create_clock -name clk -period {PERIOD * 1000:.0f} clk"]
    lines += ["set_power_activity -global -activity 0.2", "report_power", "set_power_activity -global -activity 0"]
    lines += ["set_power_activity -input -activity 0"]
    for net, toggles in activity.items():
        if net in drivers:
            lines.append(f"set_power_activity -pins [get_pins {{{drivers[net]}}}] -activity {toggles:.5f} -duty 0.5")
    return "\n".join([*lines, "report_power", "report_worst_slack", "exit"]) + "\n"


def _drivers(netlist: str) -> dict[str, str]:
    """Return the pin that drives each net of a netlist of cells."""
    found = {}
    for instance, ports in re.findall(r"^  \w+ \\?(\S+) +\(\n(.*?)\n  \);", netlist, re.MULTILINE | re.DOTALL):
        for pin in ("Y", "QN", "SN", "CON", "L", "H"):
            if match := re.search(rf"\.{pin}\(([^)]*)\)", ports):
                found[match[1].strip().removeprefix("\\").replace(" ", "")] = f"{instance}/{pin}"
    return found
