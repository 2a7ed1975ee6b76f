"""`python -m export bench`: what a network costs on an emulated board, stage by stage."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from export.backends.backend import Backend, Counts, Maps
from export.backends.programs.timing import Cycles
from export.backends.programs.tools import MissingTool
from export.c.test_vector import vector_image
from export.graph.operators import Operator, Window
from export.network import Network

# What TensorFlow Lite Micro (2026-08) with CMSIS-NN (2026-07) takes on the same emulated boards, counted by the
# application of docs/tflm.md: instructions by (network, MACs), where there is a figure.
CMSIS_NN = {("vww_96_int8", 7_489_664): {"m4": 24_102_320, "m55": 6_559_126}}


@dataclass(frozen=True)
class StageCost:
    """What one stage costs for one image. kind: its operator and, if it has one, the size of its window.

    cycles: as those of Bench.
    """

    name: str
    kind: str
    shape: tuple[int, int, int]
    macs: int
    instructions: int
    cycles: Cycles | None = None


@dataclass(frozen=True)
class Rows:
    """Instructions of pushing one row: on average, of the costliest and of the last row.

    `piece` is the largest piece of it that a firmware cannot interrupt, if it calls sf_work.
    """

    mean: int
    largest: int
    last: int
    piece: int

    def __str__(self) -> str:
        return (
            f"instructions per row: {self.mean:,} on average, at most {self.largest:,}, {self.last:,} with the last; "
            f"the largest piece of sf_work: {self.piece:,} ({self.piece / self.mean:.2f} of a mean row)"
        )


@dataclass(frozen=True)
class Bench:
    """What one inference costs on a board.

    Attributes:
        instructions: of all that the network does with the rows of an image.
        ram: static data and stack, in bytes; flash: code and constants, in bytes, the task image included.
        network_macs: of the network as it was trained. The stages may have fewer, see export.graph.passes.constant_channels.
        stages: what each costs; see Backend.count. What is left of `instructions` is the engine's: finding out
            which stage is due, and keeping rows.
        rows: how the instructions are spread over the rows of the image.
        cycles: of one image by a model of the core; None if there is none, or if `without` says why not.
    """

    network: str
    board: str
    instructions: int
    stack: int
    ram: int
    flash: int
    network_macs: int
    stages: tuple[StageCost, ...]
    rows: Rows
    cycles: Cycles | None = None
    without: str = ""
    passed = True

    @property
    def macs(self) -> int:
        return sum(stage.macs for stage in self.stages)

    @property
    def peer(self) -> int | None:
        """Instructions of TensorFlow Lite Micro with CMSIS-NN, where they are known."""
        return CMSIS_NN.get((self.network, self.network_macs), {}).get(self.board)

    @property
    def engine(self) -> int:
        """Instructions outside of stages."""
        return self.instructions - sum(stage.instructions for stage in self.stages)

    def kinds(self) -> dict[str, tuple[int, int, int]]:
        """Number of stages, MACs and instructions by kind of stage, the costliest first."""
        sums: dict[str, tuple[int, int, int]] = {}
        for stage in self.stages:
            count, macs, instructions = sums.get(stage.kind, (0, 0, 0))
            sums[stage.kind] = count + 1, macs + stage.macs, instructions + stage.instructions
        return dict(sorted(sums.items(), key=lambda item: -item[1][2]))

    def to_json(self) -> dict[str, Any]:
        """As plain lists and dicts, for json.dump."""
        total = {"macs": self.macs, "instructions_per_mac": _per_mac(self.instructions, self.macs)}
        total["network_macs"] = self.network_macs
        names = ("stages", "macs", "instructions")
        return {
            **{name: getattr(self, name) for name in ("network", "board", "instructions")},
            **total,
            **{name: getattr(self, name) for name in ("peer", "ram", "stack", "flash", "engine")},
            "cycles": vars(self.cycles) if self.cycles else None,
            "rows": vars(self.rows),
            "kinds": {kind: dict(zip(names, sums)) for kind, sums in self.kinds().items()},
            "stages": [
                {
                    **vars(stage),
                    "instructions_per_mac": _per_mac(*_cost(stage)),
                    "cycles": vars(stage.cycles) if stage.cycles else None,
                }
                for stage in self.stages
            ],
        }

    def __str__(self) -> str:
        width = max(len(_short(stage.name)) for stage in self.stages)
        rows = [
            f"{'stage':{width}} {'kind':19} {'map':>11} {'MACs':>11} {'instructions':>12} {'per MAC':>7} {'share':>6}"
            + (f" {'cycles':>12}" if self.cycles and self.cycles.expected is not None else "")
        ]
        for stage in self.stages:
            size = "x".join(map(str, stage.shape))
            figures = f"{self._figures(*_cost(stage))}{_expected(stage.cycles)}"
            rows.append(f"{_short(stage.name):{width}} {stage.kind:19} {size:>11} {figures}")
        rows.append("")
        for kind, (count, macs, instructions) in self.kinds().items():
            rows.append(f"{f'{count} stages':{width}} {kind:19} {'':11} {self._figures(instructions, macs)}")
        rows.append(f"{'engine':{width}} {'':19} {'':11} {self._figures(self.engine, 0)}")
        rows.append(f"{self.network} on {self.board}: {self._figures(self.instructions, self.macs)}")
        if self.cycles:
            rows.append(f"cycles if memory never waits: {self.cycles}")
        elif self.without:
            rows.append(f"cycles: LEFT OUT: {self.without}")
        rows.append(str(self.rows))
        if self.peer:
            ratio = f"{self.instructions / self.peer:.2f} of TensorFlow Lite Micro with CMSIS-NN"
            rows.append(f"{ratio}: {self.peer:,}, {self.peer / self.network_macs:.2f} per MAC of {self.network_macs:,}")
        rows.append(f"{self.ram:,} bytes of RAM, {self.stack:,} of which are stack; {self.flash:,} bytes of flash")
        return "\n".join(rows)

    def _figures(self, instructions: int, macs: int) -> str:
        ratio = _per_mac(instructions, macs)
        per_mac = "" if ratio is None else f"{ratio:.2f}"
        return (
            f"{f'{macs:,}' if macs else '':>11} {instructions:12,} {per_mac:>7} {instructions / self.instructions:6.1%}"
        )


def measure(network: Network, backend: Backend) -> Bench:
    """Run a network on one image.

    Raises: ValueError if the backend does not count the instructions of stages; MissingTool; MachineError or
        RuntimeError if it cannot be built or run.
    """
    if backend.count is None:
        raise ValueError(f"{backend.name} counts no instructions of stages")
    graph = network.compiled.graph
    image = {network.graph.inputs[0]: vector_image(graph)}
    cost = backend.prepare(network, False)(image)[1]
    counts = backend.count(network, image)
    cycles, without = None, ""
    if backend.cycles is not None:
        try:
            cycles = backend.cycles(network, image)
        except MissingTool as error:
            without = str(error)
    instructions, stack, ram, flash = (cost[name] for name in ("instructions", "stack", "ram", "flash"))
    network_macs = sum(network.graph.macs().values())
    rows = Rows(sum(counts.rows) // len(counts.rows), max(counts.rows), counts.rows[-1], counts.largest_piece)
    sizes = instructions, stack, ram, flash
    stages = stage_costs(network, backend, image, counts)
    return Bench(graph.name, backend.name, *sizes, network_macs, stages, rows, cycles, without)


def stage_costs(network: Network, backend: Backend, image: Maps, counts: Counts) -> tuple[StageCost, ...]:
    """Return what each stage costs. Cycles are None where there is no model of the core, or no tool for it.

    counts: what the backend counted of the image.
    """
    plan, graph = network.compiled, network.compiled.graph
    cycles: Sequence[Cycles | None] = [None] * len(plan.stages)
    if backend.stage_cycles is not None:
        with contextlib.suppress(MissingTool):
            cycles = backend.stage_cycles(network, image)
    stages, macs = [], graph.macs()
    for stage, count, of_stage in zip(plan.stages, counts.stages, cycles, strict=True):
        operator = stage.operator
        shape = graph.tensor(operator.output).shape
        stages.append(StageCost(operator.name, _kind(operator), shape, macs[operator.name], count, of_stage))
    return tuple(stages)


def _kind(operator: Operator) -> str:
    kind = type(operator).__name__
    return f"{kind} {'x'.join(map(str, operator.kernel))}" if isinstance(operator, Window) else kind


def _expected(cycles: Cycles | None) -> str:
    """Expected cycles, for a table; nothing where there are none."""
    return "" if cycles is None or cycles.expected is None else f" {cycles.expected:12,}"


def _cost(stage: StageCost) -> tuple[int, int]:
    return stage.instructions, stage.macs


def _per_mac(instructions: int, macs: int) -> float | None:
    return round(instructions / macs, 3) if macs else None


def _short(name: str) -> str:
    """The end of a name, for a table: those of converters can be hundreds of letters long."""
    return name if len(name) <= 40 else f"..{name[-38:]}"
