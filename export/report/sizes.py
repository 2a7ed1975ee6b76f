"""RAM, flash and instructions of a network: linked for boards and run in QEMU, or estimated where no compiler is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.backends import registry
from export.backends.programs.tools import MissingTool
from export.c.test_vector import vector_image
from export.datapath import task_image
from export.graph import golden
from export.measure import board
from export.network import Network
from export.report.boards import DSP, MVE, PORTABLE
from sfkeras import at_work

KERNELS = {"m4": DSP, "m7": DSP, "m55": MVE, "m33": PORTABLE, "m3": PORTABLE, "m0": PORTABLE, "rv32": PORTABLE}
CODE_BYTES, STACK_BYTES = 24_000, 3_008  # of an estimate: engine and kernels on a Cortex-M4, and its deepest stack
STAGE_BYTES = 100  # of an estimate: tables of a stage


def measure(network: Network, on: list[str]) -> dict[str, Any]:
    """Return bytes of RAM and flash, and instructions of an image by board.

    RAM is static data and stack, flash is code and constants, as the linker's map of the first board says. "stages" has
    the instructions and expected cycles of each stage on that board.

    Args:
        on: boards of QEMU, such as "m4"; a board without its compiler is left out.
    Raises: RuntimeError if a board gives other bytes than golden, or cannot be built.
    """
    costs: dict[str, dict[str, Any]] = {}
    missing = []
    for name in on:
        at_work.on(name)
        try:
            costs[name] = _cost(network, name)
        except MissingTool as error:
            missing.append(str(error))
    plan = network.plan
    parts = {"rows": plan.kept, "newest_rows": plan.shared, "sums": plan.sums, "states": plan.states}
    image = len(task_image.write(plan).content)
    common = {"parts": parts, "task_image": image, "macs": plan.macs, "missing": missing}
    if costs:
        first = next(iter(costs))
        sizes = {key: costs[first][key] for key in ("ram", "stack", "flash")}
        how = {"how": f"linked for {first}, run in QEMU", "stages": _stages(network, first)}
        return {**how, **sizes, **common, "boards": costs}
    frozen = network.graph.parameters().frozen_codes
    flash = frozen + image + CODE_BYTES + STAGE_BYTES * len(plan.stages)
    return {
        "how": "estimated",
        "stages": {},
        "ram": plan.bytes + STACK_BYTES,
        "stack": STACK_BYTES,
        "flash": flash,
        **common,
        "boards": {},
    }


def _stages(network: Network, name: str) -> dict[str, dict[str, int | None]]:
    """Return what each stage costs on a board, by its name. Cycles are None where there is no model, or no tool for it."""
    backend, image = registry.BACKENDS[name], {network.graph.inputs[0]: vector_image(network.graph)}
    if backend.count is None:
        raise ValueError(f"{name} counts no instructions of stages")
    stages = board.stage_costs(network, backend, image, backend.count(network, image))
    return {
        stage.name: {"instructions": stage.instructions, "cycles": stage.cycles.expected if stage.cycles else None}
        for stage in stages
    }


def instructions(sizes: dict[str, Any]) -> dict[str, int]:
    """Return instructions by set of kernels: of the first board that has it."""
    found: dict[str, int] = {}
    for name, cost in sizes["boards"].items():
        found.setdefault(KERNELS[name], cost["instructions"])
    return found


def _cost(network: Network, name: str) -> dict[str, int | None]:
    """Return what an image costs on a board, whose outputs are compared with golden.

    cycles: as expected by a model of the core; None if there is none, or if it needs a tool that is not installed.
    """
    image = vector_image(network.graph)
    maps, cost = registry.BACKENDS[name].prepare(network, False)({network.graph.inputs[0]: image})
    expected = golden.run(network.graph, image, network.graph.outputs)
    if not all(np.array_equal(maps[output], expected[output]) for output in network.graph.outputs):
        raise RuntimeError(f"{name} gives other bytes than golden; sfkeras verify shows where")
    counted = registry.BACKENDS[name].cycles
    try:
        cycles = counted(network, {network.graph.inputs[0]: image}).expected if counted else None
    except MissingTool:
        cycles = None
    return {
        "instructions": cost["instructions"],
        "cycles": cycles,
        **{key: cost[key] for key in ("ram", "stack", "flash")},
    }
