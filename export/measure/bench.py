"""`python -m export bench`: what one inference costs, on each backend that can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from export.backends.backend import Backend
from export.backends.programs.tools import MissingTool, may_be_missing
from export.measure import board, host
from export.measure.board import Bench
from export.measure.host import HostBench
from export.network import Network
from sfkeras import at_work


@dataclass(frozen=True)
class NotMeasured:
    """Why a backend has no figures. left_out: because a tool is not installed."""

    backend: str
    reason: str
    left_out: bool

    @property
    def passed(self) -> bool:
        return self.left_out and may_be_missing()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.backend}: {'LEFT OUT' if self.left_out else 'could not run'}: {self.reason}"


def measure(network: Network, on: Iterable[Backend]) -> Iterator[Bench | HostBench | NotMeasured]:
    """Yield a result as soon as it is there: a table of stages per board, then one of all backends that are timed.

    What keeps a backend from running is its result, not the end of the others.
    """
    contenders = {}
    for backend in on:
        if backend.count is not None:
            yield _attempt(board.measure, network, backend)
            continue
        contender = _attempt(host.contender, network, backend)
        if isinstance(contender, NotMeasured):
            yield contender
        else:
            contenders[backend.name] = contender
    if contenders:
        yield host.measure(network.graph.name, contenders)


def _attempt(run: Callable[[Network, Backend], Any], network: Network, backend: Backend) -> Any:
    at_work.on(backend.name)
    try:
        return run(network, backend)
    except MissingTool as error:
        return NotMeasured(backend.name, str(error), left_out=True)
    except Exception as error:
        return NotMeasured(backend.name, f"{type(error).__name__}: {error}", left_out=False)
