"""The proof: one graph, several ways to run it, the same bytes at every tensor, or the first difference by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from export import golden
from export.graph import Graph
from export.interpreters import run_builtin_ref, run_tflm
from export.tflite import Tflite

VALUES_AT_ONCE = 1 << 26  # intermediate values of a stage that are in memory

Maps = dict[str, np.ndarray]  # int8 (batch, height, width, channels) by tensor name, in logical channel order
Stage = Callable[[Maps], Maps]  # inputs -> the tensors that this way of running the graph can show


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
    """How one stage compared to golden. checksums: CRC-32 of each tensor over all inputs, in hexadecimal."""

    stage: str
    tensors: int
    values: int
    differing: int
    first: Difference | None
    error: str | None
    checksums: dict[str, str]

    @property
    def passed(self) -> bool:
        return self.error is None and self.differing == 0 and self.tensors > 0

    def __str__(self):
        if self.error is not None:
            return f"{self.stage}: could not run: {self.error}"
        if self.first is not None:
            return f"{self.stage}: {self.differing} of {self.values} values differ. {self.first}"
        return f"{self.stage}: {self.values} values of {self.tensors} tensors, 0 differ"


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
    """Compares golden, tf.lite's reference kernels and TFLM on a batch, byte for byte, at every tensor that they have.

    Args:
        graph: the integer graph.
        tflite: the model under test, as export.tflite.write gives it; replace its content to test a file's.
        inputs: int8 (batch, height, width, channels) by input name.
    Returns: Verification. A stage that cannot run is in it as an error, and has not passed.
    """
    interpreters = {"builtin_ref": run_builtin_ref, "tflm": run_tflm}
    return compare(graph, inputs, {name: _stage(graph, tflite, run) for name, run in interpreters.items()})


def compare(graph: Graph, inputs: Maps, stages: dict[str, Stage]) -> Verification:
    """Compares golden with other ways to run the graph, by name. See verify."""
    count = len(next(iter(inputs.values())))
    comparisons = {"golden": _Comparison("golden", graph), **{name: _Comparison(name, graph) for name in stages}}
    images = max(1, VALUES_AT_ONCE // sum(tensor.size for tensor in graph.tensors))
    for start in range(0, count, images):
        batch = {name: value[start : start + images] for name, value in inputs.items()}
        expected = golden.run(graph, batch)
        comparisons["golden"].add(start, expected, expected)
        for name, stage in stages.items():
            comparisons[name].run(stage, batch, start, expected)
    return Verification(graph.name, count, tuple(comparison.result() for comparison in comparisons.values()))


def random_inputs(graph: Graph, count: int = 100, seed: int = 0) -> Maps:
    """Inputs of uniformly random bytes, the same for the same seed."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(-128, 128, (count, *graph.tensor(name).shape)).astype(np.int8) for name in graph.inputs
    }


def _stage(graph: Graph, tflite: Tflite, interpreter) -> Stage:
    """An interpreter of .tflite as a stage: its tensors by name, in the channel order of the graph."""

    def stage(inputs: Maps) -> Maps:
        places = [placed.index for placed in tflite.tensors.values()]
        values = interpreter(tflite.content, [inputs[name] for name in graph.inputs], places)
        return {name: placed.logical(values[placed.index]) for name, placed in tflite.tensors.items()}

    return stage


class _Comparison:
    """Collects over all batches how one stage compares to golden."""

    def __init__(self, stage: str, graph: Graph):
        self.stage, self.graph = stage, graph
        self.flow = {name: i for i, name in enumerate([*graph.inputs, *(each.output for each in graph.operators)])}
        self.checksums: dict[str, int] = {}
        self.values = self.differing = 0
        self.first: Difference | None = None
        self.error: str | None = None

    def run(self, stage: Stage, inputs: Maps, start: int, expected: Maps) -> None:
        if self.error is not None:
            return
        try:
            got = stage(inputs)
            if missing := set(self.graph.outputs) - set(got):
                raise RuntimeError(f"it gave no output {sorted(missing)}")
        except Exception as error:  # whatever keeps a stage from running is its result, not the end of the others
            self.error = f"{type(error).__name__}: {error}"
        else:
            self.add(start, got, expected)

    def add(self, start: int, got: Maps, expected: Maps) -> None:
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
        return StageResult(self.stage, len(checksums), self.values, self.differing, self.first, self.error, checksums)
