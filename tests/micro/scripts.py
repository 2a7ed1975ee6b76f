"""Drives an exported network from Python: a script of task images and rows for tests/micro/drive_stream.c."""

import re
import shutil
import struct
import zlib
from enum import IntEnum
from pathlib import Path

import numpy as np

from export.backends.programs.machines import Machine, Program, build
from export.c import project
from export.datapath.task_image import CHECKED
from export.graph.graph import Graph
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan

PROGRAMS = Path(__file__).parent / "programs"
HEADER = PROGRAMS.parents[2] / "micro" / "stream" / "sf_stream.h"
Status = IntEnum("Status", re.findall(r"^  SF_(\w+)", HEADER.read_text(), re.MULTILINE), start=0)


def build_with(main: str, network: Graph | LinePlan, machine: Machine, folder: Path, defines=()) -> Program:
    """Builds the C of a network, which must be named net, with a program of this folder in place of its main.c."""
    project.write_folder(line_plan.plan(network) if isinstance(network, Graph) else network, folder / "c")
    shutil.copy(PROGRAMS / main, folder / "c" / "main.c")
    return build(machine, folder / "c", folder / machine.name, defines)


def checked(image: bytes) -> bytes:
    """A task image with the size and the CRC-32 that its header should have."""
    return image[:8] + struct.pack("<II", len(image), zlib.crc32(image[CHECKED:])) + image[CHECKED:]


class Script:
    """What to do to a network, one thing after the other; `run` gives a list of what became of each."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.content, self.readers = [], []

    def load(self, image: bytes, offset: int = 0) -> "Script":
        """Loads a task image that lies `offset` bytes behind a multiple of 16. Result: its Status."""
        return self._add(b"T" + struct.pack("<II", offset, len(image)) + image, _read_status)

    def push(self, rows: np.ndarray) -> "Script":
        """Pushes rows, int8 (rows, width, channels). Result of each: its Status, or the outputs of a complete image."""
        for row in rows:
            self._add(b"R" + row.tobytes(), self._read_row)
        return self

    def begin(self) -> "Script":
        """Begins a new image. Result: None."""
        return self._add(b"B", lambda output, place: (None, place))

    def ask(self, status: int) -> "Script":
        """Asks for the text of a status. Result: the text."""
        return self._add(b"S" + bytes([status]), _read_text)

    def run(self, program: Program) -> list:
        """Results of all that was to be done."""
        output, place, results = program.run(b"".join(self.content)).output, 0, []
        for read in self.readers:
            result, place = read(output, place)
            results.append(result)
        assert place == len(output)
        return results

    def _add(self, command: bytes, reader) -> "Script":
        self.content.append(command)
        self.readers.append(reader)
        return self

    def _read_row(self, output: bytes, place: int):
        status, place = _read_status(output, place)
        if status != Status.IMAGE_COMPLETE:
            return status, place
        outputs = {}
        for name in self.graph.outputs:
            tensor = self.graph.tensor(name)
            outputs[name] = np.frombuffer(output, np.int8, tensor.size, place).reshape(tensor.shape)
            place += tensor.size
        return outputs, place


def _read_status(output: bytes, place: int):
    return Status(output[place]), place + 1


def _read_text(output: bytes, place: int):
    end = output.index(b"\0", place)
    return output[place:end].decode(), end + 1
