"""All backends. A new one is a file in this folder, and its entry here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from export.backends import boards, c_host, golden, rtl, stream, tflite_ref, tflm, xnnpack
from export.backends.backend import Backend

GOLDEN = golden.BACKEND  # the others are compared with it
ENTRIES: tuple[Backend, ...] = (
    GOLDEN,
    stream.BACKEND,
    tflite_ref.BACKEND,
    tflm.BACKEND,
    xnnpack.BACKEND,
    *c_host.BACKENDS,
    *boards.BACKENDS,
    rtl.BACKEND,
)
BACKENDS = {backend.name: backend for backend in ENTRIES}
ALIASES = {alias: backend for backend in ENTRIES for alias in backend.aliases}
HOST = "host"  # where it can be said, short for all backends that are timed on this computer


def provable() -> list[str]:
    """Names of the backends that are compared with golden."""
    return [backend.name for backend in ENTRIES if backend.exact and backend is not GOLDEN]


def benchable() -> list[str]:
    """Names of the backends whose cost says something about a deployment."""
    return [backend.name for backend in ENTRIES if backend.measures]


def find(name: str, among: Iterable[str] = tuple(BACKENDS)) -> Backend:
    """Return a backend by its name or an alias.

    Raises: ValueError if there is none or if it is not among these, in one line that lists them.
    """
    backend = BACKENDS.get(name) or ALIASES.get(name)
    if backend is None or backend.name not in among:
        raise ValueError(f"--on is {name!r}; it must be one of {', '.join(among)}")
    return backend


def select(words: str | Iterable[str] | None, among: Iterable[str]) -> list[Backend]:
    """Return the backends that a user names, in the order of the registry; if none are named, all of `among` but
    those that run on request.

    Args:
        words: names or aliases, with commas between them or one by one; "host" stands for all that measure seconds.
        among: names of those that can be chosen.
    Raises: ValueError as `find`.
    """
    among = list(among)
    always = [name for name in among if not BACKENDS[name].on_request]
    words = always if words is None else words.split(",") if isinstance(words, str) else list(words)
    chosen = set()
    for word in words:
        timed = [name for name in among if "seconds" in BACKENDS[name].measures]
        chosen |= set(timed) if word == HOST else {find(word, among).name}
    return [BACKENDS[name] for name in among if name in chosen]


def require_modules(backends: Iterable[Backend]) -> None:
    """Raise ModuleNotFoundError if a Python module that a backend needs is not installed."""
    for module in (module for backend in backends for module in backend.modules):
        if importlib.util.find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def table() -> str:
    """The backends as a table in Markdown, for docs/backends.md."""
    rows = [
        [
            "backend",
            "also",
            "what it is",
            "packages of Debian 12",
            "in the proof",
            "task images",
            "shows",
            "`bench` measures",
        ]
    ]
    rows.append(["---"] * len(rows[0]))
    rows += [_row(backend) for backend in ENTRIES]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(backend: Backend) -> list[str]:
    proof = "all inputs" if backend.quick else "the first few inputs"
    proof += ", if named" if backend.on_request else ""
    return [
        f"`{backend.name}`",
        ", ".join(f"`{alias}`" for alias in backend.aliases),
        backend.about,
        " ".join(dict.fromkeys(backend.tools.values())),
        "the reference" if backend is GOLDEN else proof if backend.exact else "no, it is not exact",
        "yes" if backend.takes_tasks else "",
        "every tensor" if backend.shows_every_tensor else "outputs",
        ", ".join(backend.measures),
    ]
