"""golden: the integer graph in NumPy, which says what is right."""

from __future__ import annotations

from export.backends.backend import Backend, Run, timed
from export.graph import golden
from export.network import Network


def prepare(network: Network, every_tensor: bool) -> Run:
    keep = None if every_tensor else network.graph.outputs
    return timed(lambda inputs: golden.run(network.graph, inputs, keep))


BACKEND = Backend("golden", "the integer graph in NumPy; the others are compared with it", prepare, quick=True)
