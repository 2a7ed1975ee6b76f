"""What a command is at: a line on standard error at least every ten seconds, so that nobody waits in silence."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

INTERVAL = 10  # seconds
_part = ""


def on(part: str) -> None:
    """Name the part of the work that begins, such as a backend."""
    global _part
    _part = part


def hush() -> None:
    """Say nothing more: from here on the command only waits for its user."""
    on("")


@contextlib.contextmanager
def every(seconds: float, say: Callable[[], object]) -> Iterator[None]:
    """Call a function again and again, from a thread of its own, until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(seconds):
            say()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def said(name: str) -> contextlib.AbstractContextManager[None]:
    """Say how long a command has been at work, and on which part, until the block ends."""
    start = time.monotonic()
    on("work")

    def say() -> None:
        if _part:
            print(f"{name}: at {_part}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    return every(INTERVAL, say)
