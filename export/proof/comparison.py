"""The proof: one graph, several ways to run it, the same bytes at every tensor, or the first difference by name."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from export.backends.machines import MissingTool
from export.graph import golden
from export.graph.graph import Graph
from export.tflite.interpreters import run_builtin_ref, run_tflm, without_unlike
from export.tflite.writer import Placed, Tflite

VALUES_AT_ONCE = 1 << 26  # intermediate values of a stage that are in memory

Maps = dict[str, np.ndarray]  # int8 (batch, height, width, channels) by tensor name, in logical channel order
Stage = Callable[[Maps], Maps]  # inputs -> the tensors that this way of running the graph can show


class MapsUpTo(dict):
    """Maps of a stage that proves nothing about some tensors: `rest` are their names, `why` says the reason."""

    def __init__(self, maps: Maps, rest: list[str], why: str):
        super().__init__(maps)
        self.rest, self.why = rest, why


@dataclass(frozen=True)
class Difference:
    """The first value that is not golden's: first in data flow, then by input, then by index (row, column, channel)."""

    tensor: str
    input: int
    index: tuple[int, int, int]
    golden: int
    got: int
    stage: str

    def __str__(self):
        row, column, channel = self.index
        return (
            f"{self.stage} differs from golden first at {self.tensor}, row {row}, column {column}, channel {channel} "
            f"of input {self.input}: {self.got} instead of {self.golden}"
        )


@dataclass(frozen=True)
class StageResult:
    """How one stage compared to golden.

    Attributes:
        inputs: how many it was given, the first ones.
        not_compared: tensors of which the stage proves nothing; why_not says the reason.
        left_out: the tool that it needs and that is not installed, or None.
        checksums: CRC-32 of each tensor over these inputs, in hexadecimal.
    """

    stage: str
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
        """Whether nothing differs. A stage that was left out passes, but not in CI, where every tool must be there."""
        if self.left_out is not None:
            return "CI" not in os.environ
        return self.error is None and self.differing == 0 and self.tensors > 0

    def __str__(self):
        if self.left_out is not None:
            return f"{self.stage}: LEFT OUT: {self.left_out}"
        if self.error is not None:
            return f"{self.stage}: could not run: {self.error}"
        if self.first is not None:
            return f"{self.stage}: {self.differing:,} of {self.values:,} values differ. {self.first}"
        rest = f"; {len(self.not_compared)} not compared, because {self.why_not}" if self.not_compared else ""
        return f"{self.stage}: {self.values:,} values of {self.tensors} tensors on {self.inputs} inputs, 0 differ{rest}"


@dataclass(frozen=True)
class Verification:
    """The result of comparing all stages on a number of inputs."""

    graph: str
    inputs: int
    stages: tuple[StageResult, ...]

    @property
    def passed(self) -> bool:
        return all(stage.passed for stage in self.stages)

    def to_json(self) -> dict:
        """As plain lists and dicts, for json.dump."""
        return {"passed": self.passed, **asdict(self)}

    def __str__(self):
        verdict = "passed" if self.passed else "FAILED"
        return "\n".join([f"{self.graph}: {verdict} on {self.inputs} inputs", *(f"  {stage}" for stage in self.stages)])


def verify(graph: Graph, tflite: Tflite, inputs: Maps) -> Verification:
    """Compares golden with tf.lite's reference kernels and TFLM. See compare.

    Args:
        graph: the integer graph.
        tflite: the model under test, as export.tflite.writer.write gives it; replace its content to test a file's.
        inputs: int8 (batch, height, width, channels) by input name.
    """
    return compare(graph, inputs, interpreters(graph, tflite))


def interpreters(graph: Graph, tflite: Tflite) -> dict[str, Stage]:
    """The two interpreters of .tflite as stages: their tensors by name, in the channel order of the graph."""
    return {
        "builtin_ref": lambda inputs: _by_builtin_ref(graph, tflite, inputs),
        "tflm": lambda inputs: _interpreted(run_tflm, tflite.content, graph, tflite.tensors, inputs),
    }


def _by_builtin_ref(graph: Graph, tflite: Tflite, inputs: Maps) -> Maps:
    content, unlike = without_unlike(tflite.content)
    placed = {name: place for name, place in tflite.tensors.items() if place.index not in unlike}
    maps = _interpreted(run_builtin_ref, content, graph, placed, inputs)
    rest = [name for name in tflite.tensors if name not in placed]
    return MapsUpTo(maps, rest, next(iter(unlike.values()))) if rest else maps


def _interpreted(run, content: bytes, graph: Graph, placed: dict[str, Placed], inputs: Maps) -> Maps:
    values = run(content, [inputs[name] for name in graph.inputs], [place.index for place in placed.values()])
    return {name: place.logical(values[place.index]) for name, place in placed.items()}


def compare(graph: Graph, inputs: Maps, stages: dict[str, Stage], most: dict[str, int] | None = None) -> Verification:
    """Compares golden with other ways to run a graph, byte for byte, at every tensor that they show.

    Args:
        graph: the integer graph.
        inputs: int8 (batch, height, width, channels) by input name.
        stages: by name; see export.proof.proof.
        most: how many inputs a slow stage is given, by name; the others are given all.
    Returns: Verification. A stage that cannot run is in it as an error, and has not passed.
    """
    count, most = len(next(iter(inputs.values()))), most or {}
    comparisons = {"golden": _Comparison("golden", graph), **{name: _Comparison(name, graph) for name in stages}}
    images = max(1, VALUES_AT_ONCE // sum(tensor.size for tensor in graph.tensors))
    for start in range(0, count, images):
        batch = {name: value[start : start + images] for name, value in inputs.items()}
        expected = golden.run(graph, batch)
        comparisons["golden"].add(start, expected, expected)
        for name, stage in stages.items():
            few = min(images, most.get(name, count) - start)
            if few > 0:
                part = [{name: value[:few] for name, value in maps.items()} for maps in (batch, expected)]
                comparisons[name].run(stage, part[0], start, part[1])
    return Verification(graph.name, count, tuple(comparison.result() for comparison in comparisons.values()))


class _Comparison:
    """Collects over all batches how one stage compares to golden."""

    def __init__(self, stage: str, graph: Graph):
        self.stage, self.graph = stage, graph
        self.flow = {name: i for i, name in enumerate([*graph.inputs, *(each.output for each in graph.operators)])}
        self.checksums: dict[str, int] = {}
        self.values = self.differing = 0
        self.first: Difference | None = None
        self.error: str | None = None
        self.left_out: str | None = None
        self.not_compared: tuple[str, ...] = ()
        self.why_not = ""
        self.inputs = 0

    def run(self, stage: Stage, inputs: Maps, start: int, expected: Maps) -> None:
        if self.error is not None or self.left_out is not None:
            return
        try:
            got = stage(inputs)
            if isinstance(got, MapsUpTo):
                self.not_compared, self.why_not = tuple(got.rest), got.why
            if missing := set(self.graph.outputs) - {*got, *self.not_compared}:
                raise RuntimeError(f"it gave no output {sorted(missing)}")
        except MissingTool as error:
            self.left_out = str(error)
        except Exception as error:  # whatever keeps a stage from running is its result, not the end of the others
            self.error = f"{type(error).__name__}: {error}"
        else:
            self.add(start, got, expected)

    def add(self, start: int, got: Maps, expected: Maps) -> None:
        self.inputs = start + len(next(iter(got.values())))
        for name in sorted(got, key=self.flow.__getitem__):
            value = np.ascontiguousarray(got[name])
            self.checksums[name] = zlib.crc32(value, self.checksums.get(name, 0))
            self.values += value.size
            if value.shape != expected[name].shape:
                self.error = f"{name} has shape {value.shape[1:]} instead of {expected[name].shape[1:]}"
                return
            where = np.argwhere(value != expected[name])
            self.differing += len(where)
            if len(where) and (self.first is None or self.flow[name] < self.flow[self.first.tensor]):
                image, *index = (int(i) for i in where[0])
                here = image, *index
                self.first = Difference(
                    name, start + image, tuple(index), int(expected[name][here]), int(value[here]), self.stage
                )

    def result(self) -> StageResult:
        checksums = {name: f"{self.checksums[name]:08x}" for name in sorted(self.checksums, key=self.flow.__getitem__)}
        return StageResult(
            self.stage,
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
