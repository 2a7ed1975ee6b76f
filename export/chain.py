"""The chain: every way to run a network, each a stage of the proof that all of them give golden's bytes."""

from __future__ import annotations

from collections.abc import Iterable

from export import c_run, machines, stream
from export.opened import Network
from export.verify import Maps, Verification, compare, interpreters

FEW = 4  # inputs for the stages that are slow
QUICK = ("builtin_ref", "tflm", "gcc-O3", "clang-O3")


class Chain:
    """All stages of a network: the interpreters, the streaming-line model, and its C on every machine.

    The C is built for a machine when it first runs there.

    Args:
        network: opened.Network.
        few: how many inputs each slow stage is given; None for all.
        on: names of the machines that run the C.
    """

    def __init__(self, network: Network, few: int | None = FEW, on: Iterable[str] = machines.MACHINES):
        self.graph, plan = network.graph, network.plan
        self.stages = interpreters(self.graph, network.tflite)
        self.stages["stream"] = lambda inputs: stream.run(plan, inputs[self.graph.inputs[0]])
        self.stages |= {name: c_run.stage(plan, machines.MACHINES[name]) for name in on}
        self.most = {name: few for name in self.stages if name not in QUICK} if few is not None else {}

    def verify(self, inputs: Maps) -> Verification:
        """Compares every stage with golden, at every tensor, on int8 (batch, height, width, channels) by input name."""
        return compare(self.graph, inputs, self.stages, self.most)
