"""How much memory TensorFlow Lite Micro (TFLM) needs for a model, as TFLM itself says.

Measured in a process of its own: TFLM prints what it used to standard error (the wheel binds no arena_used_bytes()),
and it may crash in an arena that is too small.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from export.tflite.running.child import Died, stderr_so_far
from export.tflite.running.interpreters import ARENA_SIZE, SERVERS

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
    """The arena for a .tflite. Raises RuntimeError with TFLM's message if TFLM refuses the model or dies of it."""
    try:
        return SERVERS["TFLM"].call(_measured, content)
    except Died as error:
        raise RuntimeError(f"TFLM {error}; it was asked for its arena") from None
    except RuntimeError as error:
        raise RuntimeError(f"TFLM refuses the model: {error}") from None


def _measured(content: bytes) -> Arena:
    """The same, in a process that TFLM may end."""
    try:
        _interpreter(content, ARENA_SIZE).print_allocations()
    except RuntimeError as error:
        raise RuntimeError(f"{error} {stderr_so_far()}") from None
    report = dict(re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", stderr_so_far()))
    total = _smallest_accepted(content, int(report["total"]))
    return Arena(total, int(report["head"]), int(report["tail"]))


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
