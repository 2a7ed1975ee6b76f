"""The kernels on an emulated board, where Python cannot call them: calls are put down, and then made all in one run."""

import ctypes
import shutil
import struct
from pathlib import Path

import numpy as np

from export.backends.programs.machines import Machine, build
from tests.micro.kernels import PROGRAMS, Kernels, Pointers, copy_kernels


class BoardKernels(Kernels):
    """Kernels of a machine.

    Whatever calls kernels is done twice: before `make_calls`, when all outputs are zeros, and the same after it.
    """

    def __init__(self, machine: Machine, folder: Path):
        copy_kernels(folder / "c")
        shutil.copy(PROGRAMS / "drive_kernels.c", folder / "c" / "main.c")
        self.program = build(machine, folder / "c", folder / machine.name)
        self.script, self.output, self.calls = [], None, 0

    def make_calls(self) -> None:
        self.output = memoryview(self.program.run(b"".join(self.script)).output)

    def call(self, kernel: str, *arguments) -> None:
        self.calls += 1
        if self.output is None:
            self.script += [kernel.encode(), b"\0", struct.pack("<I", len(arguments)), *map(self._packed, arguments)]
        else:
            written = arguments[-1]
            written[...] = np.frombuffer(self.output, written.dtype, written.size).reshape(written.shape)
            self.output = self.output[written.nbytes :]

    def _packed(self, argument) -> bytes:
        if argument is None:
            return b"0"
        if isinstance(argument, int):
            return b"N" + struct.pack("<i", argument)
        if isinstance(argument, Pointers):
            return b"P" + struct.pack("<I", len(argument)) + b"".join(map(self._packed, argument))
        content = (
            argument.tobytes()
            if isinstance(argument, np.ndarray)
            else ctypes.string_at(ctypes.addressof(argument), ctypes.sizeof(argument))
        )
        # Rows and codes may lie anywhere.
        anywhere = isinstance(argument, np.ndarray) and argument.itemsize == 1
        return b"B" + struct.pack("<II", len(content), self.calls % 4 if anywhere else 0) + content
