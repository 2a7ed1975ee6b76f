"""Several networks in one program: they share the engine, and the codes of a core; instances of one share all but memory."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from export.backends.programs.machines import build
from export.c import project
from export.c.test_vector import vector_image
from export.datapath import task_image
from export.graph import golden
from export.network import Network
from tests.micro.scripts import PROGRAMS
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import CORE, other_task, with_core_of
from tests.support.targets import MACHINES

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
    shutil.copy(PROGRAMS / "drive_two.c", folder / "main.c")
    program = build(MACHINES["c-gcc-O0"], folder, tmp_path)
    output = program.run(b"".join(vector_image(graph).tobytes() for graph in (FIRST, second))).output
    made = [
        golden.run(graph, vector_image(graph), graph.outputs)[graph.outputs[0]].tobytes() for graph in (FIRST, second)
    ]
    assert output == b"".join(made)

    symbols = subprocess.run(["nm", program.path], check=True, capture_output=True, text=True).stdout
    assert len(re.findall(r" R core_\w+_frozen_stem$", symbols, re.MULTILINE)) == cores
    assert symbols.count(" T sf_push_row\n") == 1


@pytest.mark.clang
def test_instances_have_their_own_rows_and_tasks(tmp_path):
    graph = replace(FIRST, name="net")
    other = other_task(graph)
    project.write_folder(Network(graph).plan, tmp_path / "c")
    images = golden.random_inputs(graph, 3)[graph.inputs[0]]
    shutil.copy(PROGRAMS / "drive_instances.c", tmp_path / "c" / "main.c")
    section = 'SF_MEMORY_SECTION=__attribute__((section(".fast")))'
    program = build(MACHINES["c-clang-sanitizers"], tmp_path / "c", tmp_path, [section])
    output = program.run(images.tobytes(), task_image.write(Network(other).plan).content).output
    made = [
        golden.run(each, {"image": images[i : i + 1]}, each.outputs)[each.outputs[0]].tobytes()
        for i, each in enumerate((graph, graph, other))
    ]
    assert output == b"".join(made)
    sections = subprocess.run(["objdump", "-h", program.path], check=True, capture_output=True, text=True).stdout
    assert " .fast " in sections
