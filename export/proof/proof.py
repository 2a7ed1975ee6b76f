"""The proof: every exact backend gives golden's bytes at every tensor that it shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from export.backends import registry
from export.backends.backend import Backend, Maps
from export.network import Network
from export.proof.comparison import Show, Verification, compare
from sfkeras import at_work

FEW = 4  # inputs for the backends that are slow


class Proof:
    """A network on several backends, each made ready at its first batch.

    Args:
        network: the network; as a task of a compiled one, if it is to be proven there (Network.as_task_of).
        few: how many inputs each slow backend is given; None for all.
        on: names of backends; all that are exact if not given.
    Raises: ValueError if a backend does not exist or is not exact.
    """

    def __init__(self, network: Network, few: int | None = FEW, on: Iterable[str] | None = None):
        self.graph = network.graph
        backends = registry.select(on, registry.provable())
        self.backends = {backend.name: _shown(backend, network) for backend in backends}
        self.most = {backend.name: few for backend in backends if not backend.quick} if few is not None else {}

    def verify(self, inputs: Maps) -> Verification:
        """Compares every backend with golden, at every tensor, on int8 (batch, height, width, channels) by input name."""
        return compare(self.graph, inputs, self.backends, self.most)


def _shown(backend: Backend, network: Network) -> Show:
    prepared = cache(lambda: backend.prepare(network, backend.shows_every_tensor))

    def show(inputs: Maps) -> Maps:
        at_work.on(backend.name)
        return prepared()(inputs)[0]

    return show
