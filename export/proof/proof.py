"""The chain: every way to run a network, each a stage of the proof that all of them give golden's bytes."""

from __future__ import annotations

from collections.abc import Iterable

from export.backends import c_program, machines
from export.datapath import task_image
from export.datapath.retarget import fit
from export.graph.switches import tensors_of
from export.network import Network
from export.proof.comparison import Maps, Stage, Verification, compare, interpreters
from export.streaming import line_model
from export.streaming.line_plan import LinePlan

FEW = 4  # inputs for the stages that are slow
QUICK = ("builtin_ref", "tflm", "gcc-O3", "clang-O3", "native")


class Chain:
    """All stages of a network: the interpreters, the streaming-line model, and its C on every machine.

    The C is built for a machine when it first runs there.

    Args:
        network: opened.Network.
        few: how many inputs each slow stage is given; None for all.
        on: names of the machines that run the C.
        compiled: the plan of another network, whose C then is built and loads this one's task image. None: its own.
    Raises: GraphError if the network is no task of the compiled one.
    """

    def __init__(
        self,
        network: Network,
        few: int | None = FEW,
        on: Iterable[str] = machines.MACHINES,
        compiled: LinePlan | None = None,
    ):
        self.graph = network.graph
        plan = fit(network.graph, compiled) if compiled else network.plan
        image = (task_image.write(plan).content,) if compiled else ()
        self.stages = interpreters(self.graph, network.tflite)
        self.stages["stream"] = self._own(plan, lambda inputs: line_model.run(plan, inputs[self.graph.inputs[0]]))
        for name in on:
            self.stages[name] = self._own(plan, c_program.stage(compiled or plan, machines.MACHINES[name], *image))
        self.most = {name: few for name in self.stages if name not in QUICK} if few is not None else {}

    def _own(self, plan: LinePlan, stage: Stage) -> Stage:
        """A stage that takes every way of a plan, as one of the network's own graph."""
        return lambda inputs: tensors_of(self.graph, plan.graph, stage(inputs))

    def verify(self, inputs: Maps) -> Verification:
        """Compares every stage with golden, at every tensor, on int8 (batch, height, width, channels) by input name."""
        return compare(self.graph, inputs, self.stages, self.most)
