"""Python functions in a process that may die: TFLM and tf.lite end theirs where a file breaks an assumption.

There is one server process per library. It loads the library once and answers one request after the other; after a
death, the next request starts another one.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from sfkeras import startup

SIZE_BYTES = 8  # before each message
MOST_SAID = 1 << 16  # bytes of standard error that are looked at


class Died(RuntimeError):
    """A function ended its process. The message says how, and what was written to standard error."""


class Server:
    """A process that has loaded a library. It starts at the first call."""

    def __init__(self, library: str):
        self.library = library
        self.process: subprocess.Popen | None = None

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Return what a function of a module returns, run in the server.

        Raises: Died; ImportError if the library is not installed; RuntimeError or ValueError of the function.
        """
        if self.process is None or self.process.poll() is not None:
            self._start()
        try:
            reply = self._answer(pickle.dumps((function, arguments)))
        except BaseException:  # such as Ctrl-C: the reply to this request must not become that to the next
            self.process.kill()
            self.process = None
            raise
        if not reply:
            raise Died(f"died by {_name(self.process.wait())} {_one_line(self.said.fileno())}".strip())
        result, error = pickle.loads(reply)
        if error is not None:
            raise error
        return result

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OPENBLAS_NUM_THREADS": "1"}
        serving = (
            f"from export.tflite.running import child; child.serve({self.library!r})"  # -m would give Died two names
        )
        self.said, pipe = tempfile.TemporaryFile(), subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", serving], stdin=pipe, stdout=pipe, stderr=self.said, env=environment
        )

    def _answer(self, request: bytes) -> bytes:
        try:
            _send(self.process.stdin, request)
        except BrokenPipeError:
            return b""
        return _receive(self.process.stdout)


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(SIZE_BYTES, "little") + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """Return the next message; empty if the other side has ended."""
    return stream.read(int.from_bytes(stream.read(SIZE_BYTES), "little"))


def _name(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _one_line(file: int) -> str:
    return " ".join(os.pread(file, MOST_SAID, 0).decode(errors="replace").split())


# --- In the server ----------------------------------------------------------------------------------------------------


def serve(library: str) -> None:
    """Answer requests on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what C++ prints is no reply
    startup.prepare_tensorflow()
    missing = None
    try:
        importlib.import_module(library)
    except ImportError as error:
        missing = error
    while request := _receive(sys.stdin.buffer):
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)
        _send(replies, pickle.dumps((None, missing)) if missing else _reply(request))


def stderr_so_far() -> str:
    """Return what was written to standard error while this request is answered, as one line."""
    return _one_line(2)


def _reply(request: bytes) -> bytes:
    function, arguments = pickle.loads(request)
    try:
        return pickle.dumps((function(*arguments), None))
    except Exception as error:  # a damaged file fails anywhere in a library's own parsers
        known = type(error) in (RuntimeError, ValueError)
        return pickle.dumps((None, error if known else RuntimeError(f"{type(error).__name__}: {error}")))
