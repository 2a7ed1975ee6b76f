"""The chain: every way to run a network, each a stage of the proof."""

from __future__ import annotations

from export import c_run, machines, stream
from export.lines import LinePlan
from export.opened import Network
from export.verify import Maps, Stage, Verification, compare, interpreters

FEW = 4  # inputs for the stages that are slow
QUICK = ("builtin_ref", "tflm", "gcc-O3", "clang-O3")


def verify_chain(network: Network, inputs: Maps, few: int = FEW) -> Verification:
    """Compares golden with the streaming model, the interpreters and the C on every machine, at every tensor.

    Args:
        network: the network.
        inputs: int8 (batch, height, width, channels) by input name.
        few: how many inputs each slow stage is given: all but the interpreters and optimised C of this computer.
    """
    stages = {**interpreters(network.graph, network.tflite), **streamed(network.plan)}
    return compare(network.graph, inputs, stages, {name: few for name in stages if name not in QUICK})


def streamed(plan: LinePlan) -> dict[str, Stage]:
    """The streaming-line model, and its C on every machine: this computer's compilers, and emulated Cortex-M."""
    model = {"stream": lambda inputs: stream.run(plan, inputs[plan.graph.inputs[0]])}
    return model | {name: c_run.stage(plan, machine) for name, machine in machines.MACHINES.items()}
