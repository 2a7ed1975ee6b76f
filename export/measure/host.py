"""`python -m export bench --on=host`: frames per second of one thread on this computer, by backend."""

from __future__ import annotations

import platform
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.backends.backend import Backend, Maps, MapsUpTo
from export.c.test_vector import vector_image
from export.graph import golden
from export.network import Network

OURS = "c-native"
ROUNDS = 5
SHORT = 0.2  # seconds that a backend is run for at least, in each round

Contender = Callable[[], float]  # runs some images; returns processor seconds of one


@dataclass(frozen=True)
class HostBench:
    """Processor seconds of an image, by backend and round. The backends run in turn in each round, one thread each."""

    network: str
    processor: str
    seconds: dict[str, tuple[float, ...]]
    passed = True

    @property
    def first(self) -> str:
        """The backend with which the others are compared: c-native, or the first if that is not there."""
        return OURS if OURS in self.seconds else next(iter(self.seconds))

    def ratios(self, backend: str) -> list[float]:
        """Frames per second of `first` over those of a backend, round by round."""
        return [theirs / ours for theirs, ours in zip(self.seconds[backend], self.seconds[self.first], strict=True)]

    def to_json(self) -> dict[str, Any]:
        """As plain lists and dicts, for json.dump."""
        backends = {
            name: {
                "frames_a_second": _spread([1 / value for value in seconds]),
                "ratio": _spread(self.ratios(name)),
                "seconds": list(seconds),
            }
            for name, seconds in self.seconds.items()
        }
        return {"network": self.network, "processor": self.processor, "backends": backends}

    def __str__(self) -> str:
        rows = [f"{self.network} on {self.processor}, one thread, {len(self.seconds[self.first])} rounds"]
        rows.append(f"{'':12} {'frames per second':>22}   {self.first} is faster by")
        for name, described in self.to_json()["backends"].items():
            rate, ratio = (
                "{median:.2f} ({least:.2f} to {most:.2f})".format(**described[key])
                for key in ("frames_a_second", "ratio")
            )
            rows.append(f"{name:12} {rate:>22}   {ratio}")
        return "\n".join(rows)


def measure(name: str, contenders: dict[str, Contender], rounds: int = ROUNDS) -> HostBench:
    """Time backends in turn.

    Time is that of the processor, so that other programs on the computer do not count; that they share caches and
    clocks with these does, which is why the backends run in turn.

    Args:
        name: the network's.
        contenders: by backend; see `contender`.
        rounds: how often each runs.
    Raises: ValueError if there are no rounds.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; it must be at least 1")
    seconds: dict[str, list[float]] = {backend: [] for backend in contenders}
    for _ in range(rounds):
        for backend, run in contenders.items():
            seconds[backend].append(run())
    return HostBench(name, _processor(), {backend: tuple(values) for backend, values in seconds.items()})


def contender(network: Network, backend: Backend) -> Contender:
    """Make a network ready to be timed on the image of its test vector.

    Raises: MissingTool; MachineError or RuntimeError if the backend cannot run or is exact but gives other bytes than
        golden.
    """
    run, image = backend.prepare(network, False), vector_image(network.graph)
    name = network.graph.inputs[0]
    maps, first = run({name: image})
    if backend.exact:
        _compare(network, backend, image, maps)
    count = 1 + int(SHORT / max(first["seconds"], SHORT / 1000))
    images = {name: np.repeat(image, count, axis=0)}
    return lambda: run(images)[1]["seconds"] / count


def _compare(network: Network, backend: Backend, image: np.ndarray, maps: Maps) -> None:
    expected = golden.run(network.graph, image, network.graph.outputs)
    rest = maps.rest if isinstance(maps, MapsUpTo) else ()
    for name, values in maps.items():
        if name not in rest and not np.array_equal(values, expected[name]):
            raise RuntimeError(f"{backend.name}: {name} is not what golden makes of the test vector's image")


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
