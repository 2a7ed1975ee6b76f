"""`python -m export bench --on=host`: frames a second of one thread on this computer, beside other interpreters."""

from __future__ import annotations

import platform
import re
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.backends.c_program import Built
from export.backends.machines import MACHINES, Machine
from export.c.test_vector import vector_image
from export.graph import golden
from export.network import Network
from export.tflite.interpreters import ARENA_SIZE, captured_stderr
from sfkeras.startup import prepare_tensorflow

OURS, PEER = "C, -O3 -march=native", "tf.lite, XNNPACK"
COMPILED = {OURS: MACHINES["native"], "C, -O3": MACHINES["gcc-O3"]}
SHORT = 0.2  # seconds that a contender is run for at least, in each round

Contender = Callable[[], float]  # runs some images; returns processor seconds of one


@dataclass(frozen=True)
class HostBench:
    """Processor seconds of an image, by contender and round. The contenders run in turn in each round, one thread each."""

    network: str
    processor: str
    seconds: dict[str, tuple[float, ...]]

    def ratios(self, contender: str) -> list[float]:
        """Frames a second of OURS over those of a contender, round by round."""
        return [theirs / ours for theirs, ours in zip(self.seconds[contender], self.seconds[OURS], strict=True)]

    def to_json(self) -> dict:
        """As plain lists and dicts, for json.dump."""
        contenders = {
            name: {
                "frames_a_second": _spread([1 / value for value in seconds]),
                "ratio": _spread(self.ratios(name)),
                "seconds": list(seconds),
            }
            for name, seconds in self.seconds.items()
        }
        return {"network": self.network, "processor": self.processor, "contenders": contenders}

    def __str__(self):
        rows = [f"{self.network} on {self.processor}, one thread, {len(self.seconds[OURS])} rounds"]
        rows.append(f"{'':32} {'frames a second':>22}   {OURS} is faster by")
        for name, described in self.to_json()["contenders"].items():
            rate, ratio = (
                "{median:.2f} ({least:.2f} to {most:.2f})".format(**described[key])
                for key in ("frames_a_second", "ratio")
            )
            rows.append(f"{name:32} {rate:>22}   {ratio}")
        return "\n".join(rows)


def measure(network: Network, rounds: int = 5) -> HostBench:
    """Times a network on the image of its test vector.

    Time is that of the processor, so that other programs on the computer do not count; that they share caches and
    clocks with these does, which is why the contenders run in turn.

    Raises: ValueError if there are no rounds; MachineError or RuntimeError if a contender cannot run or if the C gives
        other bytes than golden.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; it must be at least 1")
    with tempfile.TemporaryDirectory() as folder:
        contenders = _contenders(network, Path(folder))
        seconds = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, run in contenders.items():
                seconds[name].append(run())
    return HostBench(network.graph.name, _processor(), {name: tuple(values) for name, values in seconds.items()})


def _contenders(network: Network, folder: Path) -> dict[str, Contender]:
    image = vector_image(network.graph)
    return {
        **{name: _compiled(network, image, machine, folder / machine.name) for name, machine in COMPILED.items()},
        PEER: _tflite(network, image),
        "tf.lite, reference kernels": _tflite(network, image, reference=True),
        "TensorFlow Lite Micro": _tflm(network, image),
    }


def _compiled(network: Network, image: np.ndarray, machine: Machine, folder: Path) -> Contender:
    built = Built(network.plan, machine, folder)
    expected = golden.run(network.graph, image, network.graph.outputs)
    made, first = built.run(image)
    for name, values in made.items():
        if not np.array_equal(values, expected[name]):
            raise RuntimeError(f"{machine.name}: {name} is not what golden makes of the test vector's image")
    count = 1 + int(SHORT / max(first.seconds, SHORT / 1000))
    images = np.repeat(image, count, axis=0)
    return lambda: built.run(images)[1].seconds / count


def _tflite(network: Network, image: np.ndarray, reference: bool = False) -> Contender:
    prepare_tensorflow()
    from tensorflow.lite.python.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this interpreter will move to another package
        interpreter = Interpreter(
            model_content=network.tflite.content, num_threads=1, experimental_op_resolver_type=resolver
        )
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], image.reshape(detail["shape"]))
    return lambda: _timed(interpreter.invoke)


def _tflm(network: Network, image: np.ndarray) -> Contender:
    from tflite_micro.python.tflite_micro import runtime

    with captured_stderr() as messages:
        try:
            interpreter = runtime.Interpreter.from_bytes(network.tflite.content, arena_size=ARENA_SIZE)
        except RuntimeError as error:
            raise RuntimeError(f"TFLM: {error} {messages()}".strip()) from None
    interpreter.set_input(image.reshape(interpreter.get_input_details(0)["shape"]), 0)
    return lambda: _timed(interpreter.invoke)


def _timed(invoke: Callable[[], object]) -> float:
    count, begin = 0, time.process_time()
    while (seconds := time.process_time() - begin) < SHORT or count == 0:
        invoke()
        count += 1
    return seconds / count


def _processor() -> str:
    """Its name, and which of the vector instructions that matter here it has."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = set((re.search(r"^flags\s*: (.+)$", text, re.MULTILINE) or [text, ""])[1].split())
    sets = [flag for flag in ("avx2", "avx_vnni", "avx512_vnni") if flag in flags]
    return " with ".join(filter(None, [name[1] if name else platform.machine(), ", ".join(sets)]))


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}
