"""Several networks in one program: they share the engine, and the codes of a core; instances of one share all but memory."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from export.c import project
from export.c.test_vector import vector_image
from export.datapath import task_image
from export.graph import golden
from export.network import Network
from tests.micro.scripts import PROGRAMS
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import CORE, other_task, with_core_of

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
    driver = shutil.copy(PROGRAMS / "drive_two.c", folder / "main.c")
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
    (tmp_path / "images").write_bytes(b"".join(vector_image(graph).tobytes() for graph in (FIRST, second)))
    subprocess.run([tmp_path / "program", tmp_path / "images", tmp_path / "outputs"], check=True)
    made = [
        golden.run(graph, vector_image(graph), graph.outputs)[graph.outputs[0]].tobytes() for graph in (FIRST, second)
    ]
    assert (tmp_path / "outputs").read_bytes() == b"".join(made)

    symbols = subprocess.run(["nm", tmp_path / "program"], check=True, capture_output=True, text=True).stdout
    assert len(re.findall(r" R core_\w+_frozen_stem$", symbols, re.MULTILINE)) == cores
    assert symbols.count(" T sf_push_row\n") == 1


@pytest.mark.clang
def test_instances_have_their_own_rows_and_tasks(tmp_path):
    graph = replace(FIRST, name="net")
    other = other_task(graph)
    project.write_folder(Network(graph).plan, tmp_path)
    images = golden.random_inputs(graph, 3)[graph.inputs[0]]
    (tmp_path / "images").write_bytes(images.tobytes())
    (tmp_path / "task").write_bytes(task_image.write(Network(other).plan).content)
    driver = shutil.copy(PROGRAMS / "drive_instances.c", tmp_path / "main.c")
    sources = [driver, *sorted(tmp_path.glob("*_*.c")), *sorted((tmp_path / "sf").glob("*.c"))]
    strict = "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-fsanitize=address,undefined"
    section = '-DSF_MEMORY_SECTION=__attribute__((section(".fast")))'
    subprocess.run(["clang", *strict, section, "-I", tmp_path, *sources, "-o", tmp_path / "program"], check=True)
    subprocess.run([tmp_path / "program", "images", "task", "outputs"], cwd=tmp_path, check=True)
    made = [
        golden.run(each, {"image": images[i : i + 1]}, each.outputs)[each.outputs[0]].tobytes()
        for i, each in enumerate((graph, graph, other))
    ]
    assert (tmp_path / "outputs").read_bytes() == b"".join(made)
    sections = subprocess.run(
        ["objdump", "-h", tmp_path / "program"], check=True, capture_output=True, text=True
    ).stdout
    assert " .fast " in sections
