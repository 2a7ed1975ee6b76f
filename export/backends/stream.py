"""stream: the streaming-line model, which runs the line plan row by row in NumPy."""

from __future__ import annotations

from export.backends.backend import Backend, Maps, Run, of_own_graph, timed
from export.network import Network
from export.streaming import line_model


def prepare(network: Network, every_tensor: bool) -> Run:
    plan, image = network.plan, network.graph.inputs[0]

    def run(inputs: Maps) -> Maps:
        return of_own_graph(network, line_model.run(plan, inputs[image]), every_tensor)

    return timed(run, ram=plan.bytes)


BACKEND = Backend("stream", "the line plan in NumPy, row by row: the reference model of C and hardware", prepare)
