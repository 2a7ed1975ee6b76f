"""Compiles the C of a network to WebAssembly, by clang and lld; no C library is needed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from export.backends.programs import tools
from export.backends.programs.machines import MachineError
from export.c import project
from export.datapath import task_image
from export.live.described import output_of_faces
from export.streaming.line_plan import LinePlan

FLAGS = (
    "--target=wasm32",
    "-std=c99",
    "-O3",
    "-ffreestanding",
    "-mbulk-memory",
    "-Wall",
    "-Wextra",
    "-Wvla",
    "-Werror",
)
SIMD = ("-msimd128",)  # kernels of micro/kernels/wasm_simd
LINKED = ("--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-Wl,--gc-sections", "-Wl,-z,stack-size=65536")
PACKAGES = {"clang": "clang", "wasm-ld": "lld"}


def build(plan: LinePlan, flags: tuple[str, ...] = SIMD) -> bytes:
    """Return a module with the exports of micro/live/wasm/NAME_live.c.in, and for faces of people/NAME_people.c.in.

    It holds no task: tasks of one datapath share it. flags: of clang, such as SIMD.

    Raises: MachineError with the compiler's message; MissingTool.
    """
    compiler, _ = (tools.find(tool, package, "live") for tool, package in PACKAGES.items())
    image = task_image.write(plan)
    values = project.placeholders(plan, image)
    live = project.filled_in("live/wasm", values)
    if (faces := output_of_faces(plan.graph)) is not None:
        live |= project.filled_in("live/people", {**values, "faces": faces})
    with tempfile.TemporaryDirectory() as folder:
        sources = {**project.files_of(plan, image, values), **live}
        for path, content in sources.items():
            place = Path(folder, path)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        left_out = project.PROGRAM, f"{values['name']}_task.c"
        c_files = sorted(path for path in sources if path.endswith(".c") and path not in left_out)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(lambda path: _compile(compiler, flags, folder, path), c_files))
        _run([compiler, *LINKED, *objects, "-o", "network.wasm"], folder)
        return Path(folder, "network.wasm").read_bytes()


def _compile(compiler: str, flags: tuple[str, ...], folder: str, path: str) -> str:
    target = f"{path}.o"
    _run([compiler, *FLAGS, *flags, "-I.", "-c", path, "-o", target], folder)
    return target


def _run(command: list[str], folder: str) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if ended.returncode != 0:
        raise MachineError(f"live: the C cannot be built for WebAssembly:\n{ended.stderr.strip()}")
