"""A network as backends, C and hardware see it: its graph, and what follows from that.

What only some of its methods need is imported there: a graph that is only run, as `predict` does,
waits for nothing else.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from export.graph.graph import LEFT_OUT, Graph
from export.graph.passes import constant_channels, narrow
from export.graph.passes.constant_channels import Trimmed
from export.graph.passes.resize import resize
from export.graph.switches import tensors_of, ways
from export.tflite.placed import Tflite

if typing.TYPE_CHECKING:
    from export.streaming.line_plan import LinePlan


def written(graph: Graph) -> Tflite:
    """The .tflite of a graph. Raises: GraphError; see export.tflite.writing.writer.write."""
    from export.tflite.writing import writer

    return writer.write(graph)


@dataclass(frozen=True)
class Network:
    """A graph and its .tflite.

    Attributes:
        graph: the graph.
        to_tflite: gives its .tflite when that is first asked for: what only plans or compiles does not wait for it.
        datapath: the plan of a network that is compiled already, on which this one runs as a task; None: its own.
    """

    graph: Graph
    to_tflite: Callable[[Graph], Tflite] = written
    datapath: LinePlan | None = None

    def resized(self, size: tuple[int, int]) -> Self:
        """The same network for images of another height and width, with a .tflite written anew."""
        return type(self)(resize(self.graph, size))

    def laid_out(self, flash: str) -> Self:
        """The same network with codes that lie so in flash. Raises: ValueError; see export.datapath.weight_layout."""
        from export.datapath.weight_layout import for_flash

        return replace(self, graph=for_flash(self.graph, flash))

    def with_channels(self, which: str | None) -> Self:
        """The same network, whose C has these channels; None: those that it has.

        Raises: ValueError; see export.graph.passes.constant_channels.
        """
        if which is None:
            return self
        return replace(self, graph=constant_channels.for_channels(self.graph, which))

    def narrowed(self, bits: int | None) -> Self:
        """The same network with factors of few bits, and a .tflite of its own; None: as it is.

        Raises: see export.graph.passes.narrow.
        """
        if bits is None:
            return self
        return type(self)(narrow.narrowed(self.graph, bits))

    def as_task_of(self, compiled: LinePlan) -> Self:
        """The same network as a task for one that is compiled already.

        Raises: GraphError if it is no task of that one; see export.datapath.retarget.fit.
        """
        size = compiled.graph.tensor(compiled.graph.inputs[0]).shape[:2]
        task = self if self.graph.tensor(self.graph.inputs[0]).shape[:2] == size else self.resized(size)
        task = replace(task, datapath=compiled)
        task.plan  # noqa: B018 (planned here, so that what does not fit is refused at once)
        return task

    @cached_property
    def tflite(self) -> Tflite:
        """Its .tflite. Raises: GraphError if it has none; see export.tflite.writing.writer.write."""
        return self.to_tflite(self.graph)

    @cached_property
    def trimmed(self) -> Trimmed | None:
        """What is compiled, if channels that never change are left out of it."""
        compiled = self.graph if self.datapath is None else self.datapath.graph
        if constant_channels.channels_of(compiled) == constant_channels.ALL:
            return None
        return constant_channels.trim(self.graph)

    @property
    def remarks(self) -> list[str]:
        """What of the network is not compiled, and why."""
        trimmed = str(self.trimmed) if self.trimmed is not None else ""
        left_out = self.graph.metadata.get(LEFT_OUT, "")
        return [remark for remark in (trimmed, left_out and f"of the file, {left_out}") if remark]

    @cached_property
    def plan(self) -> LinePlan:
        """Its line plan, with all that a task can switch."""
        from export.datapath.retarget import fit
        from export.streaming import line_plan

        graph = self.graph if self.trimmed is None else self.trimmed.graph
        if self.datapath is not None:
            return fit(graph, self.datapath)
        found = ways(graph)
        return line_plan.plan(found.graph, found.switches)

    def own_tensors(self, maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return maps of the plan's tensors as those of the network's own graph, by their names there."""
        if self.trimmed is None:
            return tensors_of(self.graph, self.plan.graph, maps)
        return self.trimmed.filled_in(self.graph, tensors_of(self.trimmed.graph, self.plan.graph, maps))

    @property
    def compiled(self) -> LinePlan:
        """The plan of the C that runs it."""
        return self.datapath or self.plan

    @cached_property
    def loaded(self) -> bytes | None:
        """The task image that this C loads; None if its own constants are compiled in."""
        from export.datapath import task_image

        return task_image.write(self.plan).content if self.datapath is not None else None
