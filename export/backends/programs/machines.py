"""Building exported C and running it: on this computer, or on an emulated Cortex-M or RISC-V board.

An exported folder holds *.c, *.h and a main.c that is the program `prog INPUT... OUTPUT`. It is built and run alike
for each machine; main.c may measure the network with micro/boards/sf_measure.h.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from export.backends.programs import link_map, tools
from sfkeras import places

BOARDS = places.shipped("micro") / "boards"
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wvla", "-Werror")
PACKAGES = {  # of Debian 12, by tool
    "gcc": "gcc",
    "clang": "clang libclang-rt-dev",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-addr2line": "binutils-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "riscv64-unknown-elf-addr2line": "binutils-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
}
# Where picolibc puts a program: QEMU's virt has nothing but RAM, from 0x80000000 on.
VIRT = {"flash": "0x80000000", "flash_size": "4M", "ram": "0x80400000", "ram_size": "4M"}
REPORTED_LINES = 30  # of what a failed program said


class MachineError(RuntimeError):
    """C that does not compile, or a program that fails; says on which machine and why."""


@dataclass(frozen=True)
class Machine:
    """A compiler with its flags, and QEMU's board to run on, if it is not this computer."""

    name: str
    compiler: str
    flags: tuple[str, ...]
    board: str | None = None

    @property
    def series(self) -> str:
        """Which boards share memory map and counter: "mps2", "mps2-tz" (with TrustZone), "mps3" or "virt"."""
        assert self.board is not None, f"{self.name} is no board"
        return "mps2-tz" if self.board == "mps2-an505" else self.board.split("-")[0]

    @property
    def is_arm(self) -> bool:
        """Whether it is a Cortex-M board."""
        return self.board is not None and self.series != "virt"

    @property
    def emulator(self) -> str:
        """The program that emulates its board."""
        return "qemu-system-arm" if self.is_arm else "qemu-system-riscv32"

    @property
    def addr2line(self) -> str:
        """The program that knows which line of C an address of its programs comes from."""
        return self.binutil("addr2line")

    def binutil(self, name: str) -> str:
        """The program of that name, such as "objdump", for its programs."""
        return self.compiler.removesuffix("gcc") + name

    @property
    def tools(self) -> dict[str, str]:
        """Programs that it needs, each with its packages."""
        emulation = (self.addr2line, self.emulator) if self.board is not None else ()
        return {tool: PACKAGES[tool] for tool in (self.compiler, *emulation)}


@dataclass(frozen=True)
class Memory:
    """Bytes of a program for a board, as linked.

    flash: code, constants and initial values of the folder's objects but main.c's.
    ram: static data of the same objects. With Result.stack it is all the RAM that the network uses.
    program_flash, program_ram: the whole program, with main.c, start-up and the C library's files and printing.
    objects: (flash, ram) by source, such as "kernels/sf_convolve_row.c", main.c too.
    """

    flash: int
    ram: int
    program_flash: int
    program_ram: int
    objects: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Result:
    """What one run of a program gave. instructions, stack (bytes) and seconds are None where main.c printed none."""

    output: bytes = field(repr=False)
    stdout: str
    instructions: int | None
    stack: int | None
    seconds: float | None


@dataclass(frozen=True)
class Program:
    """A built program. sources: of the folder, relative to it."""

    machine: Machine
    path: Path
    sources: tuple[Path, ...]

    def run(self, *inputs: bytes, timeout: float = 600, options: Sequence[str] = ()) -> Result:
        """Runs `prog INPUT... OUTPUT` with each input as a file.

        Args:
            timeout: seconds after which the program is ended.
            options: more options of the emulator of a board.
        Raises: MachineError if it fails, takes longer, or writes no output.
        """
        with tempfile.TemporaryDirectory() as folder:
            names = [f"input{index}" for index in range(len(inputs))]
            for name, content in zip(names, inputs):
                Path(folder, name).write_bytes(content)
            stdout = self._execute(folder, [*names, "output"], timeout, options)
            output = Path(folder, "output")
            if not output.exists():
                raise MachineError(f"{self.machine.name}: the program ended well but wrote no output")
            printed = dict(re.findall(r"^(instructions|stack|seconds) ([\d.]+)$", stdout, re.MULTILINE))
            return Result(
                output.read_bytes(),
                stdout,
                int(printed["instructions"]) if "instructions" in printed else None,
                int(printed["stack"]) if "stack" in printed else None,
                float(printed["seconds"]) if "seconds" in printed else None,
            )

    def memory(self) -> Memory:
        """Flash and static RAM, from the linker's map. Raises MachineError for a program of this computer."""
        if self.machine.board is None:
            raise MachineError(f"{self.machine.name}: memory is measured only on emulated boards")
        text = self.path.with_suffix(".map").read_text()
        sections, pieces = link_map.section_sizes(text), link_map.object_sizes(text)
        objects = {}
        for source in self.sources:
            name = str(source.with_suffix(".o"))
            objects[str(source)] = _flash_and_ram({section: pieces[section, name] for section in sections})
        library = [sizes for source, sizes in objects.items() if source != "main.c"]
        flash, ram = (sum(sizes) for sizes in zip((0, 0), *library))
        return Memory(flash, ram, *_flash_and_ram(sections), objects)

    def _execute(self, folder: str, arguments: list[str], timeout: float, options: Sequence[str]) -> str:
        """The program's standard output."""
        name = self.machine.name
        try:
            # Bytes, decoded by hand: a program gone wild may print anything.
            ended = subprocess.run(
                self._command(arguments, options),
                cwd=folder,
                capture_output=True,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise MachineError(f"{name}: the program did not end within {timeout} s") from None
        stdout, stderr = (stream.decode(errors="replace") for stream in (ended.stdout, ended.stderr))
        if ended.returncode != 0:
            said = "\n".join((stdout + stderr + self._place_of_fault(stdout + stderr)).splitlines()[:REPORTED_LINES])
            raise MachineError(f"{name}: the program {_ending(ended.returncode)}:\n{said}")
        return stdout

    def _command(self, arguments: list[str], options: Sequence[str]) -> list[str]:
        if self.machine.board is None:
            return [str(self.path), *arguments]
        quiet = ("-display", "none", "-serial", "none", "-monitor", "none")
        # shift=0: an instruction takes a nanosecond of the board's time, so that its timers count instructions.
        # sleep=off: and nothing else takes any; else they run on a little while QEMU starts, in every run another.
        counting = ("-icount", "shift=0,sleep=off")
        words = ("prog", *arguments) if self.machine.is_arm else arguments  # picolibc adds a name by itself
        console = "" if self.machine.is_arm else "chardev=console,"
        files = f"enable=on,target=native,{console}" + ",".join(f"arg={argument}" for argument in words)
        # picolibc prints to QEMU's console; newlib to this process's standard output.
        bare = () if self.machine.is_arm else ("-bios", "none", "-chardev", "stdio,id=console")
        return [
            _tool(self.machine, self.machine.emulator),
            "-M",
            self.machine.board,
            *bare,
            *quiet,
            *counting,
            *options,
            "-semihosting-config",
            files,
            "-kernel",
            str(self.path),
        ]

    def _place_of_fault(self, printed: str) -> str:
        """The line of C at which a board's program faulted (see startup.c), if it did."""
        if self.machine.board is None or not (fault := re.search(r"^fault: pc (0x[0-9a-f]+)", printed, re.MULTILINE)):
            return ""
        command = [_tool(self.machine, self.machine.addr2line), "-e", self.path, fault[1]]
        return "at " + subprocess.run(command, capture_output=True, text=True, check=True).stdout


def build(
    machine: Machine, folder: str | os.PathLike[str], out: str | os.PathLike[str], defines: Sequence[str] = ()
) -> Program:
    """Compiles and links every C file of a folder, with strict warnings as errors.

    Args:
        machine: where it is to run.
        folder: the exported C.
        out: a folder for objects, program and map; made if need be.
        defines: preprocessor symbols, such as "SF_STACK_WATCHED=32768".
    Raises: MachineError with the compiler's or linker's message; MissingTool.
    """
    folder, out = Path(folder).resolve(), Path(out).resolve()
    compiler = _tool(machine, machine.compiler)
    sources = tuple(sorted(path.relative_to(folder) for path in folder.rglob("*.c")))
    if Path("main.c") not in sources:
        raise MachineError(f"{machine.name}: {folder} has no main.c, so it is not an exported folder")
    todo = {source.with_suffix(".o"): source for source in sources}
    if machine.board is not None:
        defines = [f"SF_BOARD_{machine.series.upper().replace('-', '_')}", *defines]
        todo[Path("boards/startup.o")] = BOARDS / ("startup.c" if machine.is_arm else "startup_riscv.c")
    for target in todo:
        (out / target).parent.mkdir(parents=True, exist_ok=True)
    flags = [*STRICT, *machine.flags, *(f"-D{define}" for define in defines), "-I.", f"-I{BOARDS}"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # By names within the folder: then ccache knows a file again, wherever the folder and `out` are.
        commands = [[compiler, *flags, "-c", str(source), "-o", str(out / target)] for target, source in todo.items()]
        list(pool.map(lambda command: _check(machine, command, folder), commands))
    program = Program(machine, out / "program", sources)
    _check(machine, [compiler, *machine.flags, *map(str, todo), "-o", program.path.name, *_linking(machine)], out)
    return program


def _linking(machine: Machine) -> list[str]:
    if machine.board is None:
        return ["-lm"]
    if not machine.is_arm:
        sizes = [f"-Wl,--defsym=__{name}={value}" for name, value in VIRT.items()]
        return ["--oslib=semihost", "--crt0=semihost", *sizes, "-Wl,--gc-sections", "-Wl,-Map=program.map", "-lm"]
    script = [f"-L{BOARDS}", f"-T{machine.series}.ld", "-Wl,--gc-sections", "-Wl,-Map=program.map"]
    return ["--specs=rdimon.specs", "-nostartfiles", *script, "-lm"]


def _check(machine: Machine, command: list[str], folder: Path) -> None:
    english = {**os.environ, "LC_ALL": "C"}
    ended = subprocess.run(command, cwd=folder, env=english, capture_output=True, text=True, errors="replace")
    if ended.returncode != 0:
        raise MachineError(f"{machine.name}: the C cannot be built:\n{ended.stderr.strip()}")


def _tool(machine: Machine, tool: str) -> str:
    return find_tool(machine.name, tool)


def find_tool(backend: str, tool: str) -> str:
    """Return the path of a tool of PACKAGES. Raises: MissingTool."""
    return tools.find(tool, PACKAGES[tool], backend)


def _flash_and_ram(sections: dict[str, int]) -> tuple[int, int]:
    """From bytes by section; the initial values of .data lie in flash as well (see sections.ld)."""
    flash = (".vectors", ".init", ".text", ".ARM.exidx", ".data")
    return sum(sections.get(name, 0) for name in flash), sections.get(".data", 0) + sections.get(".bss", 0)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
