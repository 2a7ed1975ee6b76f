"""Two networks in one program: they share the engine, and the codes of a core that both are built on."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from export.c import project
from export.c.test_vector import vector_image
from export.graph import golden
from export.network import Network
from tests.support.graphs import semifreddo
from tests.support.tasks import CORE, with_core_of

CHANNELS = (8, 8, 16, 16, 32)
FIRST = replace(semifreddo((32, 32), CHANNELS), name="first", metadata={"core": CORE})
OTHER_SIZE = replace(semifreddo((48, 64), CHANNELS, seed=2, classes=3), name="second")
OTHER_CORE = replace(OTHER_SIZE, metadata={"core": "aa" * 32})


@pytest.mark.compiler
@pytest.mark.parametrize(
    "second, cores", [(with_core_of(OTHER_SIZE, FIRST), 1), (OTHER_CORE, 2)], ids=["one core", "two cores"]
)
def test_they_are_compiled_into_one_folder(second, cores, tmp_path):
    folder = tmp_path / "both"
    for graph in FIRST, second:
        project.write_folder(Network(graph).plan, folder)
    assert len(list(folder.glob("core_*.c"))) == cores
    driver = shutil.copy(Path(__file__).with_name("drive_two.c"), folder / "main.c")
    sources = [driver, *sorted(folder.glob("*_*.c")), *sorted((folder / "sf").glob("*.c"))]
    command = [
        "gcc",
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O0",
        "-I",
        folder,
        *sources,
        "-o",
        tmp_path / "program",
    ]
    subprocess.run(command, check=True)
    subprocess.run([tmp_path / "program", tmp_path / "outputs"], check=True)
    made = [
        golden.run(graph, vector_image(graph), graph.outputs)[graph.outputs[0]].tobytes() for graph in (FIRST, second)
    ]
    assert (tmp_path / "outputs").read_bytes() == b"".join(made)

    symbols = subprocess.run(["nm", tmp_path / "program"], check=True, capture_output=True, text=True).stdout
    assert len(re.findall(r" R core_\w+_frozen_stem$", symbols, re.MULTILINE)) == cores
    assert symbols.count(" T sf_push_row\n") == 1
