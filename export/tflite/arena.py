"""How much memory TensorFlow Lite Micro (TFLM) needs for a model, as TFLM itself says.

Measured in a process of its own: TFLM prints what it used to standard error (the wheel binds no arena_used_bytes()),
and it may crash in an arena that is too small.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from export.tflite.interpreters import ARENA_SIZE, captured_stderr

ALIGNMENT = 16  # bytes, of everything in TFLM's arena


@dataclass(frozen=True)
class Arena:
    """Bytes of TFLM's tensor arena.

    total: the smallest arena that TFLM accepts. It can be larger than what TFLM uses in the end: the plan of where maps
        lie is made in the free part of the arena, and with many small maps it takes more room than they do.
    maps: activations, alike on every machine.
    persistent: what TFLM keeps about tensors and operators; on this 64-bit machine more than on a 32-bit one.
    """

    total: int
    maps: int
    persistent: int


def measure(content: bytes) -> Arena:
    """The arena for a .tflite. Raises RuntimeError with TFLM's message if TFLM refuses the model."""
    child = subprocess.run(
        [sys.executable, "-m", "export.tflite.arena"],
        input=content,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    if child.returncode != 0:
        raise RuntimeError(f"TFLM refuses the model: {child.stderr.decode(errors='replace').strip()}")
    return Arena(**json.loads(child.stdout))


def _main() -> None:
    """Reads a .tflite from standard input and prints its Arena as JSON."""
    content = sys.stdin.buffer.read()
    with captured_stderr() as messages:
        try:
            _interpreter(content, ARENA_SIZE).print_allocations()
        except Exception as error:  # a broken file fails anywhere in TFLM's reader
            sys.exit(f"{error} {messages()}")
        report = dict(re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", messages()))
        total = _smallest_accepted(content, int(report["total"]))
    print(json.dumps({"total": total, "maps": int(report["head"]), "persistent": int(report["tail"])}))


def _smallest_accepted(content: bytes, used: int) -> int:
    """The smallest arena, not below what is used in the end, in which TFLM starts."""
    refused, accepted = used - ALIGNMENT, used
    while not _accepts(content, accepted):
        refused, accepted = accepted, accepted + 2 * (accepted - refused)
    while accepted - refused > ALIGNMENT:
        middle = refused + (accepted - refused) // (2 * ALIGNMENT) * ALIGNMENT
        refused, accepted = (refused, middle) if _accepts(content, middle) else (middle, accepted)
    return accepted


def _accepts(content: bytes, size: int) -> bool:
    """Whether TFLM starts in an arena of that size; in a fork, because it may crash."""
    child = os.fork()
    if child == 0:
        try:
            _interpreter(content, size)
        except RuntimeError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _interpreter(content: bytes, size: int):
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(content, arena_size=size)


if __name__ == "__main__":
    _main()
