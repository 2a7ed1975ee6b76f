"""A backend is one way to run a network. What it is and what it can do is said once, in its file in this folder.

`python -m export run`, `verify` and `bench` and docs/backends.md read it from there, by way of registry.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from export.backends.programs.timing import Cycles
from export.network import Network

Maps = dict[str, np.ndarray]  # int8 (batch, height, width, channels) by tensor name, in logical channel order
Cost = dict[str, Any]  # plain numbers by name: "seconds" of the processor, or "instructions", "ram", "flash" ...


class Run(Protocol):
    """A network made ready on a backend."""

    def __call__(self, inputs: Maps, task: bytes | None = None) -> tuple[Maps, Cost]:
        """Run a batch.

        Args:
            inputs: int8 (batch, height, width, channels) by input name.
            task: a task image that takes the place of the network's own; only if the backend takes task images.
        Returns: what the network's graph names (with a task: the outputs that the task gives), and the cost.
        """


@dataclass(frozen=True)
class Counts:
    """Instructions of the parts of one image.

    Attributes:
        stages: of each stage, in the order of the line plan.
        rows: of each row that is pushed; with the last comes all that is left.
        largest_piece: of the largest piece of work that a firmware cannot interrupt (sf_work).
    """

    stages: list[int]
    rows: list[int]
    largest_piece: int


@dataclass(frozen=True)
class Backend:
    """One way to run a network.

    Attributes:
        name: its name in commands, results and documentation.
        about: one line for the documentation.
        prepare: (network, every_tensor) -> Run; slow work, such as compiling, is done here. With every_tensor the maps
            hold all tensors that the backend shows, else the outputs in the order of the graph.
        aliases: other names that commands accept.
        tools: programs that it needs, each with its packages of Debian 12.
        modules: Python modules that it needs and that are not installed with sfkeras alone.
        exact: whether it gives golden's bytes. One that does not is no part of the proof.
        quick: whether the proof gives it all inputs, or only the first few.
        takes_tasks: whether it can load a task image in place of the network's own constants.
        shows_every_tensor: whether it can show intermediate tensors, or the outputs only.
        measures: the costs that `bench` reports; empty if they say nothing about a deployment.
        on_request: whether `verify` runs it only if it is named: it takes minutes, or cannot run every network.
        count: counts the instructions of the parts of one image (a dict of input name to map); None if the backend
            cannot tell.
        cycles, stage_cycles: count the cycles of one image, and of each of its stages, by a model of the core; None if
            there is none.
    """

    name: str
    about: str
    prepare: Callable[[Network, bool], Run]
    aliases: tuple[str, ...] = ()
    tools: dict[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    exact: bool = True
    quick: bool = False
    takes_tasks: bool = False
    shows_every_tensor: bool = True
    measures: tuple[str, ...] = ()
    on_request: bool = False
    count: Callable[[Network, Maps], Counts] | None = None
    cycles: Callable[[Network, Maps], Cycles] | None = None
    stage_cycles: Callable[[Network, Maps], list[Cycles]] | None = None


class MapsUpTo(Maps):
    """Maps of a backend that proves nothing about some tensors: `rest` are their names, `why` says the reason."""

    def __init__(self, maps: Maps, rest: list[str], why: str):
        super().__init__(maps)
        self.rest, self.why = rest, why


def of_own_graph(network: Network, maps: Maps, every_tensor: bool) -> Maps:
    """Return what was made of a network's line plan under the names of the network's own graph."""
    own = network.own_tensors(maps)
    return own if every_tensor else {name: own[name] for name in network.graph.outputs}


def timed(run: Callable[[Maps], Maps], **cost: int) -> Run:
    """Return a Run without task images that costs processor time, and what is the same for each batch."""

    def run_timed(inputs: Maps, task: bytes | None = None) -> tuple[Maps, Cost]:
        begin = time.process_time()
        maps = run(inputs)
        return maps, {"seconds": round(time.process_time() - begin, 6), **cost}

    return run_timed
