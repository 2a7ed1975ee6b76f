"""Mutations of files: each is read and used as a command would, or refused in one line.

`python -m tests.support.fuzz tflite 20000` runs many, each within seconds and memory; a mutation that breaks this is
kept as a file. Tests run a few.
"""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

MOST_SECONDS, MOST_BYTES = 10, 1 << 30  # of one mutation; seconds of the processor, whatever else it does
MOST_WAITED = 120  # seconds
LONGEST_MESSAGE = 1000
INTERESTING = (0, 1, 2, 3, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Use = Callable[[Path], None]  # of a file; raises ValueError or OSError with one line if the file is refused


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return a content with one to eight changes: bits, bytes, words, runs that are copied, removed or put in, an end."""
    changed = bytearray(content)
    for _ in range(1 + int(random.integers(8)) * int(random.integers(2))):
        place, kind = int(random.integers(max(len(changed), 1))), random.integers(8)
        length = 1 + int(random.integers(16))
        if kind == 0 and changed:
            changed[place % len(changed)] ^= 1 << int(random.integers(8))
        elif kind == 1:
            changed[place : place + 1] = bytes([int(random.integers(256))])
        elif kind == 2:
            changed[place : place + 4] = int(random.choice(INTERESTING)).to_bytes(4, "little")
        elif kind == 3:
            word = int.from_bytes(changed[place : place + 4], "little") + int(random.integers(-16, 17))
            changed[place : place + 4] = (word % 2**32).to_bytes(4, "little")
        elif kind == 4:
            other = int(random.integers(max(len(changed), 1)))
            changed[place : place + length] = changed[other : other + length]
        elif kind == 5:
            del changed[place : place + length]
        elif kind == 6:
            changed[place:place] = random.integers(0, 256, length).astype(np.uint8).tobytes()
        elif random.integers(8) == 0:
            del changed[place:]
    return bytes(changed)


def try_mutations(
    contents: list[bytes], suffix: str, use: Use, count: int, seed: int = 0, mutate=mutated, kept: Path | None = None
) -> Counter[str]:
    """Use many mutations of some files.

    Args:
        contents: the whole files.
        suffix: of a file's name.
        use: see Use.
        count, seed: how many mutations, and which.
        mutate: returns another content; see mutated.
        kept: where mutations that break a rule are written; None raises at the first.
    Returns: how many were used, refused, and broke a rule, by what they did.
    """
    random, found = np.random.default_rng(seed), Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder, f"mutated{suffix}")
            path.write_bytes(mutate(contents[number % len(contents)], random))
            try:
                with within_bounds():
                    found[_outcome(path, use)] += 1
            except Exception as error:
                if kept is None:
                    raise
                found[f"{type(error).__name__}: {str(error)[:80]}"] += 1
                (kept / f"{seed}-{number}{suffix}").write_bytes(path.read_bytes())
    return found


def _outcome(path: Path, use: Use) -> str:
    try:
        use(path)
    except (ValueError, OSError) as error:
        if type(error) in (ValueError, OSError) or type(error).__module__.startswith(("export.", "sfkeras.")):
            text = str(error)
            assert text and "\n" not in text and len(text) < LONGEST_MESSAGE, f"{len(text)} letters: {text[:300]!r}"
            return "refused"
        raise
    return "used"


@contextmanager
def within_bounds():
    """Raise TimeoutError after MOST_SECONDS of the processor, MemoryError beyond MOST_BYTES more than now, and each
    RuntimeWarning."""

    def stop(*_):
        raise TimeoutError(f"more than {MOST_SECONDS} s of the processor, or {MOST_WAITED} s in all")

    soft = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    timers = ((signal.SIGPROF, signal.ITIMER_PROF, MOST_SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, MOST_WAITED))
    before = [signal.signal(number, stop) for number, _, _ in timers]
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, soft[1]))
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # NumPy's, which would be more than one line
            yield
    finally:
        for (number, timer, _), handler in zip(timers, before):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_AS, soft)


def compile_network(path: Path) -> None:
    """Read a network, plan it and write its C."""
    from export.c import project
    from export.opening import open_network

    network = open_network(path)
    project.files(network.plan)


def main(words: list[str]) -> int:
    """Run mutations of one kind of file. Returns: 1 if one broke a rule."""
    from tests.export.test_fuzz import FILES

    kind, count, seed = words[0], int(words[1]), int(words[2]) if len(words) > 2 else 0
    contents, mutate = FILES[kind]
    kept, begin = Path(tempfile.mkdtemp()), time.monotonic()
    found = try_mutations(contents(), f".{kind}", compile_network, count, seed, mutate, kept)
    print(f"{kind}: {count} mutations in {time.monotonic() - begin:.0f} s: {dict(found)}")
    failed = sum(found.values()) - found["used"] - found["refused"]
    if failed:
        print(f"{failed} broke a rule; they are in {kept}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
