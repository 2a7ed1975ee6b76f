"""The exported folder: the same bytes for the same network, valid C whatever the names, whole or not built."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.backends.programs.c_program import Built
from export.backends.programs.machines import MachineError, build
from export.c import project
from export.datapath.structure import wire_runs
from export.graph import golden, graph_file
from export.graph.golden import random_inputs
from export.graph.operators import AveragePool
from export.graph.tensor import GraphError
from export.streaming import line_plan
from sfkeras import atomic_file
from tests.support.networks.graphs import Builder
from tests.support.networks.tasks import every_operator, other_task
from tests.support.networks.tiny import tiny
from tests.support.targets import MACHINES, SANITIZERS

ROOT = Path(__file__).parents[3]


def files(graph):
    return project.files(line_plan.plan(graph))


def content_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- Bytes ------------------------------------------------------------------------------------------------------------


def test_the_same_network_gives_the_same_files(tmp_path):
    graph = every_operator()
    project.write_folder(line_plan.plan(graph), tmp_path / "here")
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(graph))
    program = (
        "from export.c import project; from export.graph import graph_file; from export.streaming import line_plan; import sys;"
        "project.write_folder(line_plan.plan(graph_file.load(sys.argv[1])), sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "net.graph"), str(tmp_path / "there")]
    subprocess.run(command, cwd=ROOT, env={"PYTHONHASHSEED": "7"}, check=True)
    assert content_of(tmp_path / "here") == content_of(tmp_path / "there")


def test_another_task_changes_its_task_image_and_the_test_vector():
    graph = every_operator()
    first, second = files(graph), files(other_task(graph))
    assert first.keys() == second.keys()
    changed = {name for name in first if first[name] != second[name]}
    assert {"net_task.c", "net_task.bin", "main.c"} <= changed
    for name in changed - {"net_task.c", "net_task.bin", "main.c"}:  # they name the image that they were made with
        assert re.sub("[0-9a-f]{64}", "", first[name]) == re.sub("[0-9a-f]{64}", "", second[name])


INTRINSICS = {
    "sf/sf_add_products_simd.c": {"wasm_simd128.h"},
    "sf/sf_avx.h": {"immintrin.h"},
    "sf/sf_dsp.h": {"arm_acle.h"},
    "sf/sf_mve.h": {"arm_mve.h"},
}


def test_each_include_is_in_the_folder_or_of_the_compiler():
    contents = files(every_operator())
    for name, content in contents.items():
        if not name.endswith((".c", ".h")):
            continue
        for include in re.findall(r'^#include "(.*)"$', content, re.MULTILINE):
            assert {include, f"sf/{include}"} & contents.keys(), name
        for include in re.findall(r"^#include <(.*)>$", content, re.MULTILINE):
            of_programs = {"stdio.h", "stdlib.h", "time.h"} if name in ("main.c", "sf/sf_measure.h") else set()
            of_the_compiler = {"limits.h", "stddef.h", "stdint.h", "string.h"} | INTRINSICS.get(name, set())
            assert include in of_the_compiler | of_programs, name


@given(st.data())
def test_runs_of_a_wire_move_each_channel_once(data):
    channels = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    every = [(i, channel) for i, count in enumerate(channels) for channel in range(count)]
    sources = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=40))
    moved = {}
    for input, begin, to, count, step in wire_runs(np.array(sources)):
        for i in range(count):
            assert to + step * i not in moved
            moved[to + step * i] = (input, begin + i)
    assert [moved[place] for place in range(len(sources))] == sources


def test_splits_concatenations_and_shuffles_are_few_runs():
    two = np.array([(i, channel) for i in range(2) for channel in range(32)])
    assert len(wire_runs(two[5:30])) == 1
    assert len(wire_runs(two)) == 2
    assert len(wire_runs(two.reshape(2, -1, 2).swapaxes(0, 1).reshape(-1, 2))) == 2


# --- Whole folders ----------------------------------------------------------------------------------------------------


def test_a_folder_that_was_left_half_written_is_not_built(tmp_path, monkeypatch):
    plan, other = (line_plan.plan(graph) for graph in (every_operator(), other_task(every_operator())))
    project.write_folder(plan, tmp_path / "whole")
    whole, folder = content_of(tmp_path / "whole"), tmp_path / "folder"
    for count in range(0, len(whole), 5):
        project.write_folder(other, folder)
        with monkeypatch.context() as patch, pytest.raises(OSError, match="no space left"):
            patch.setattr(atomic_file, "put", only_the_first(count))
            project.write_folder(plan, folder)
        with pytest.raises(MachineError, match="has no main.c"):
            build(MACHINES["c-gcc-O0"], folder, tmp_path / "out")
    project.write_folder(plan, folder)
    assert content_of(folder) == whole


def only_the_first(count):
    """atomic_file.put on a disk that is full after so many files."""
    put, left = atomic_file.put, iter(range(count))

    def put_some(path, content):
        if next(left, None) is None:
            raise OSError("no space left on device")
        put(path, content)

    return put_some


needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")


@pytest.mark.compiler
@needs_cmake
def test_cmake_builds_for_this_computer_if_asked(tmp_path):
    """As the backend c-native does."""
    project.write_folder(line_plan.plan(tiny()), tmp_path)
    command = ["cmake", "-B", "build", "-DNATIVE=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    compiled = json.loads((tmp_path / "build" / "compile_commands.json").read_text())
    assert compiled and all("-O3" in each["command"] and "-march=native" in each["command"] for each in compiled)


@pytest.mark.compiler
@needs_cmake
def test_a_copy_of_the_folder_builds_and_checks_itself_with_cmake(tmp_path):
    graph = replace(every_operator(), name="test")  # a name that CMake keeps for itself
    project.write_folder(line_plan.plan(graph), tmp_path / "made")
    (tmp_path / "made").rename(tmp_path / "copy")

    def run(*command):
        return subprocess.run(command, cwd=tmp_path / "copy", capture_output=True, text=True)

    def check():
        made = run("cmake", "--build", "build")
        assert made.returncode == 0, made.stdout + made.stderr
        return run("ctest", "--test-dir", "build").returncode

    assert run("cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Debug").returncode == 0
    assert check() == 0
    core = next((tmp_path / "copy").glob("core_*.h"))
    core.write_text(re.sub(r"= \{\n    -?\d+", "= {\n    99", core.read_text(), count=1))
    assert check() != 0


# --- Valid C ----------------------------------------------------------------------------------------------------------


NAMES = [
    "MobilenetV1/Conv2d_0/Relu6;MobilenetV1/Conv2d_0/BatchNorm;StatefulPartitionedCall:0",
    "a/b",
    "a;b",
    "a b",
    "A_B",
    "frozen.digest",
    "digest",
    "7 segments",
    "größe",
    "左右",
    "\u202ereversed",
    "two\nlines",
    "backslash\\",
    "trigraph??/",
    "*/ int broken; /*",
    "%d$name${name}",
    "int",
    "x" * 300,
    "x" * 299 + "y",
]


@pytest.mark.parametrize("machine", SANITIZERS)
def test_any_names_give_valid_c(machine, tmp_path):
    net = Builder()
    tensor = net.input((3, 2, 4), name="image\\")
    for i, name in enumerate(NAMES):
        kind = (net.convolution, net.depthwise)[i % 2]
        tensor = kind(name, tensor, **({"out": 4} if i % 2 == 0 else {}), frozen=i % 3 == 0)
    tensor = net.shuffle("//", tensor, NAMES[-2])
    graph = net.graph(NAMES[0], tensor, name="sf")
    images = random_inputs(graph, 2)["image\\"]
    made, _ = Built(line_plan.plan(graph), machine, tmp_path, dumping=True).run(images)
    expected = golden.run(graph, images)
    for name in (*NAMES, "//"):
        np.testing.assert_array_equal(made[name], expected[name], err_msg=name)


# --- What the tables cannot hold --------------------------------------------------------------------------------------


def convolved(shape, kernel=1, **options):
    net = Builder()
    net.input(shape)
    net.depthwise("layer", "image", kernel, **{"padding": "valid", **options})
    return net.graph("layer")


@pytest.mark.parametrize(
    "graph, message",
    [
        (convolved((256, 256, 1), 256), "layer: its window is 256; the C's tables hold up to 255"),
        (convolved((1, 300, 1), strides=(1, 256)), "layer: its stride is 256"),
        (convolved((300, 1, 1), 2, padding=((0, 0), (1, 0)), dilations=(256, 1)), "layer: its dilation is 256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_tables_cannot_hold_is_named(graph, message):
    with pytest.raises(GraphError, match=re.escape(message)):
        files(graph)


def test_an_output_that_is_the_input_is_refused():
    graph = replace(convolved((2, 2, 1)), outputs=("layer", "image"))
    with pytest.raises(GraphError, match="net: its output image is its input"):
        files(graph)


@pytest.mark.compiler
def test_a_pool_over_a_map_larger_than_any_window(tmp_path):
    net = Builder()
    net.input((300, 300, 1))
    pool = AveragePool(name="pool", inputs=["image"], window=(300, 300), strides=(300, 300))
    graph = net.graph(net.add(pool, 2.0**-7))
    images = random_inputs(graph, 1)["image"]
    made, _ = Built(line_plan.plan(graph), MACHINES["c-gcc-O3"], tmp_path).run(images)
    np.testing.assert_array_equal(made["pool"], golden.run(graph, images)["pool"])
