"""The deepest stack that exported C can use, from gcc's call graph: of every path, not only of those that a run takes."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

LIBRARY_CALL = 64  # bytes that memset(), memcpy(), memcmp() or a function of the compiler may use
KERNELS = {"convolve": "sf_convolve_row", "convolve_widened": "sf_convolve_widened_row"}
KERNELS |= {"multiplied": "sf_multiplied_row", "depthwise": "sf_depthwise_row"}
OTHERS = "others"  # all kinds of stages but these
INDIRECT = "__indirect_call"


class CallGraph:
    """Frames and calls of the C in sf/ of an exported folder.

    Args:
        compiler: a gcc.
        flags: of the compiler.
        sources: the folder sf/.
        folder: where to write objects and call graphs.
    """

    def __init__(self, compiler: str, flags: Iterable[str], sources: Path, folder: Path):
        command = [compiler, "-std=c99", *flags, "-fcallgraph-info=su", "-c", *map(str, sorted(sources.glob("*.c")))]
        subprocess.run(command, cwd=folder, check=True)
        self.frames, self.files, self.calls = {}, {}, defaultdict(set)
        for path in folder.glob("*.ci"):
            self._read(path.stem, path.read_text())

    def _read(self, file: str, text: str) -> None:
        node = r'^node: \{ title: "([^"]*)" label: "[^"]*\\n(\d+) bytes \(([^)]*)\)'
        for title, frame, size in re.findall(node, text, re.MULTILINE):
            assert size != "dynamic", f"{title} has a frame without a bound"
            self.frames[name := _name(file, title)] = int(frame)
            self.files[name] = file
        for source, target in re.findall(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', text, re.MULTILINE):
            self.calls[_name(file, source)].add(_name(file, target))

    def bounds(self) -> dict[str, int]:
        """The most bytes below the caller of sf_push_row() and sf_load_task(), by kind of the stages of a network."""
        return {kind: max(map(self._depth(kind), ("sf_push_row", "sf_load_task"))) for kind in (*KERNELS, OTHERS)}

    def _depth(self, kind: str):
        under = {}

        def depth(function: str) -> int:
            if function not in self.frames:
                return LIBRARY_CALL
            if function not in under:
                under[function] = None  # until it is known
                below = [depth(each) for each in self._called(function, kind)]
                assert None not in below, f"{function} calls itself"
                under[function] = self.frames[function] + max(below, default=0)
            return under[function]

        return depth

    def _called(self, function: str, kind: str) -> set[str]:
        called = set(self.calls[function])
        if INDIRECT in called:
            called.remove(INDIRECT)
            called |= self._pointed_at(self.files[function], kind)
        return called

    def _pointed_at(self, file: str, kind: str) -> set[str]:
        """What a call by pointer in a file can reach."""
        if file == "sf_stages":  # a convolution's kernel
            return {KERNELS[kind]} if kind in KERNELS else set()
        if file == "sf_stream":  # a stage, or what a network with switches has
            convolutions = {f"sf_stages:run_{each}" for each in KERNELS}
            runs = {each for each in self.frames if each.startswith("sf_stages:run_")} - convolutions
            return ({f"sf_stages:run_{kind}"} if kind in KERNELS else runs) | {"sf_is_met", "sf_rest"}
        checks = {each for each in self.frames if each.startswith("sf_stages:check_")}
        if file == "sf_task":
            return checks | {"sf_check_switched"}
        if file == "sf_switches":
            return checks
        # In a kernel: one of the functions of its file that nobody calls by name.
        called = {target for targets in self.calls.values() for target in targets}
        own = {each for each in self.frames if each.startswith(f"{file}:")}
        return {each for each in own - called if INDIRECT not in self.calls[each]}


def _name(file: str, title: str) -> str:
    """A function's name, behind that of its file if others may have the same."""
    return f"{file}:{title.rpartition(':')[2]}" if ":" in title else title
