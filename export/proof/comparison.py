"""The comparison: one graph on several backends gives the same bytes at every tensor, or the first difference by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from export.backends.backend import Maps, MapsUpTo
from export.backends.programs.tools import MissingTool, may_be_missing
from export.graph import golden
from export.graph.graph import Graph
from sfkeras import at_work

VALUES_AT_ONCE = 1 << 26  # intermediate values of a backend that are in memory

Show = Callable[[Maps], Maps]  # inputs -> the tensors that a backend can show


@dataclass(frozen=True)
class Difference:
    """The first value that is not golden's: first in data flow, then by input, then by index (row, column, channel)."""

    tensor: str
    input: int
    index: tuple[int, int, int]
    golden: int
    got: int
    backend: str

    def __str__(self) -> str:
        row, column, channel = self.index
        return (
            f"{self.backend} differs from golden first at {self.tensor}, row {row}, column {column}, channel {channel} "
            f"of input {self.input}: {self.got} instead of {self.golden}"
        )


@dataclass(frozen=True)
class BackendResult:
    """How one backend compared to golden.

    Attributes:
        inputs: how many it was given, the first ones.
        not_compared: tensors of which the backend proves nothing; why_not says the reason.
        left_out: the tool that it needs and that is not installed, or None.
        checksums: CRC-32 of each tensor over these inputs, in hexadecimal.
    """

    backend: str
    inputs: int
    tensors: int
    values: int
    differing: int
    first: Difference | None
    error: str | None
    left_out: str | None
    checksums: dict[str, str]
    not_compared: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing differs. A backend that was left out passes, but not in CI."""
        if self.left_out is not None:
            return may_be_missing()
        return self.error is None and self.differing == 0 and self.tensors > 0

    def __str__(self) -> str:
        if self.left_out is not None:
            return f"{self.backend}: LEFT OUT: {self.left_out}"
        if self.error is not None:
            return f"{self.backend}: could not run: {self.error}"
        if self.first is not None:
            return f"{self.backend}: {self.differing:,} of {self.values:,} values differ. {self.first}"
        rest = f"; {len(self.not_compared)} not compared, because {self.why_not}" if self.not_compared else ""
        return (
            f"{self.backend}: {self.values:,} values of {self.tensors} tensors on {self.inputs} inputs, 0 differ{rest}"
        )


@dataclass(frozen=True)
class Verification:
    """The result of comparing all backends on a number of inputs."""

    graph: str
    inputs: int
    backends: tuple[BackendResult, ...]

    @property
    def passed(self) -> bool:
        return all(backend.passed for backend in self.backends)

    def to_json(self) -> dict[str, Any]:
        """As plain lists and dicts, for json.dump."""
        return {"passed": self.passed, **asdict(self)}

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        left_out = [backend.backend for backend in self.backends if backend.left_out]
        without = f", without {', '.join(left_out)}" if left_out else ""
        lines = [f"{self.graph}: {verdict} on {self.inputs} inputs{without}"]
        return "\n".join([*lines, *(f"  {backend}" for backend in self.backends)])


def compare(graph: Graph, inputs: Maps, backends: dict[str, Show], most: dict[str, int] | None = None) -> Verification:
    """Compares golden with other backends, byte for byte, at every tensor that they show.

    Args:
        graph: the integer graph.
        inputs: int8 (batch, height, width, channels) by input name.
        backends: what they show, by name.
        most: how many inputs a slow backend is given, by name; the others are given all.
    Returns: Verification. A backend that cannot run is in it as an error, and has not passed.
    """
    count, most = len(next(iter(inputs.values()))), most or {}
    comparisons = {"golden": _Comparison("golden", graph), **{name: _Comparison(name, graph) for name in backends}}
    images = max(1, VALUES_AT_ONCE // sum(tensor.size for tensor in graph.tensors))
    for start in range(0, count, images):
        batch = {name: value[start : start + images] for name, value in inputs.items()}
        at_work.on("golden")
        expected = golden.run(graph, batch)
        comparisons["golden"].add(start, expected, expected)
        for name, show in backends.items():
            few = min(images, most.get(name, count) - start)
            if few > 0:
                part = [{name: value[:few] for name, value in maps.items()} for maps in (batch, expected)]
                comparisons[name].run(show, part[0], start, part[1])
    return Verification(graph.name, count, tuple(comparison.result() for comparison in comparisons.values()))


class _Comparison:
    """Collects over all batches how one backend compares to golden."""

    def __init__(self, backend: str, graph: Graph):
        self.backend, self.graph = backend, graph
        self.flow = {name: i for i, name in enumerate([*graph.inputs, *(each.output for each in graph.operators)])}
        self.checksums: dict[str, int] = {}
        self.values = self.differing = 0
        self.first: Difference | None = None
        self.error: str | None = None
        self.left_out: str | None = None
        self.not_compared: tuple[str, ...] = ()
        self.why_not = ""
        self.inputs = 0

    def run(self, show: Show, inputs: Maps, start: int, expected: Maps) -> None:
        if self.error is not None or self.left_out is not None:
            return
        try:
            got = show(inputs)
            if isinstance(got, MapsUpTo):
                self.not_compared, self.why_not = tuple(got.rest), got.why
            if missing := set(self.graph.outputs) - {*got, *self.not_compared}:
                raise RuntimeError(f"it gave no output {sorted(missing)}")
        except MissingTool as error:
            self.left_out = str(error)
        except Exception as error:  # whatever keeps a backend from running is its result, not the end of the others
            self.error = f"{type(error).__name__}: {error}"
        else:
            self.add(start, got, expected)

    def add(self, start: int, got: Maps, expected: Maps) -> None:
        self.inputs = start + len(next(iter(got.values())))
        for name in sorted(got, key=self.flow.__getitem__):
            value = np.ascontiguousarray(got[name])
            self.checksums[name] = zlib.crc32(value.data, self.checksums.get(name, 0))
            self.values += value.size
            if value.shape != expected[name].shape:
                self.error = f"{name} has shape {value.shape[1:]} instead of {expected[name].shape[1:]}"
                return
            where = np.argwhere(value != expected[name])
            self.differing += len(where)
            if len(where) and (self.first is None or self.flow[name] < self.flow[self.first.tensor]):
                image, row, column, channel = here = tuple(int(i) for i in where[0])
                self.first = Difference(
                    name,
                    start + image,
                    (row, column, channel),
                    int(expected[name][here]),
                    int(value[here]),
                    self.backend,
                )

    def result(self) -> BackendResult:
        checksums = {name: f"{self.checksums[name]:08x}" for name in sorted(self.checksums, key=self.flow.__getitem__)}
        return BackendResult(
            self.backend,
            self.inputs,
            len(checksums),
            self.values,
            self.differing,
            self.first,
            self.error,
            self.left_out,
            checksums,
            self.not_compared,
            self.why_not,
        )
