"""Each form, unpacked elsewhere, is built by a cross compiler and gives golden's bytes in QEMU."""

import os
import pty
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from export.backends.programs import machines
from export.backends.programs.machines import Program
from export.datapath import task_image
from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.network import Network
from export.packages import folder, package
from export.streaming import line_plan
from tests.export.packages.conftest import GRAPH
from tests.support.networks.tasks import other_task
from tests.support.targets import MACHINES, MARKERS

OTHER = other_task(GRAPH)
IMAGES = random_inputs(GRAPH, 2)["image"]
PACKED = "platformio", "esp-idf"  # by their own tools
TARGETS = [  # one or two per form: every set of kernels, and RISC-V where a form is mostly for it
    ("arduino", MACHINES["m4"]),
    ("platformio", MACHINES["m55"]),
    ("esp-idf", MACHINES["rv32"]),
    ("zephyr", MACHINES["m33"]),
    ("cmsis-pack", MACHINES["m55"]),
    ("single-file", MACHINES["m4"]),
    ("single-file", MACHINES["m55"]),
    ("single-file", MACHINES["rv32"]),
]
TARGETS = [
    pytest.param(
        form,
        machine,
        marks=[MARKERS[machine.compiler], *([pytest.mark.packers] if form in PACKED else [])],
        id=f"{form}-{machine.name}",
    )
    for form, machine in TARGETS
]


def tool(name: str) -> str:
    """A program that is installed with this Python, or on the path."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{name} is not installed"
    return found


def unpacked(form: str, package: Path, place: Path) -> Path:
    """What a user has after unpacking the archive that the ecosystem's own tool makes, if it has one."""
    place.mkdir(exist_ok=True)
    if form == "platformio":
        home = {**os.environ, "PLATFORMIO_CORE_DIR": str(place / "home")}
        subprocess.run([tool("pio"), "pkg", "pack", package, "-o", place / "package.tar.gz"], env=home, check=True)
        with tarfile.open(place / "package.tar.gz") as archive:
            archive.extractall(place / "unpacked", filter="data")
    elif form == "esp-idf":
        words = ["component", "pack", "--name", "net", "--project-dir", package, "--dest-dir", place]
        subprocess.run([tool("compote"), *words], check=True)
        with tarfile.open(place / "net_1.2.3.tgz") as archive:
            archive.extractall(place / "unpacked", filter="data")
    elif form == "cmsis-pack":
        with zipfile.ZipFile(package / "sfkeras.net.1.2.3.pack") as archive:
            archive.extractall(place / "unpacked")
    else:
        shutil.copytree(package, place / "unpacked")
    return place / "unpacked"


def built(form: str, package: Path, machine, place: Path, main: str = "extras/check") -> Program:
    """The package's library with one of its programs."""
    if form == "single-file":
        (place / "c").mkdir(parents=True)
        for name in ("net.c", "net.h"):
            shutil.copy(package / name, place / "c")
    else:
        shutil.copytree(package / "src", place / "c")
    shutil.copytree(package / main, place / "c", dirs_exist_ok=True)
    return machines.build(machine, place / "c", place / "built")


def require_goldens_bytes(program: Program) -> None:
    """With the package's own task, and with another one that is loaded."""
    for graph, tasks in (GRAPH, ()), (OTHER, (task_image.write(line_plan.plan(OTHER)).content,)):
        expected = golden.run(graph, IMAGES, graph.outputs)
        bytes_of_images = [expected[name][i].tobytes() for i in range(len(IMAGES)) for name in graph.outputs]
        assert program.run(IMAGES.tobytes(), *tasks).output == b"".join(bytes_of_images)


@pytest.mark.parametrize("form, machine", TARGETS)
def test_an_unpacked_package_gives_goldens_bytes(form, machine, packages, tmp_path):
    require_goldens_bytes(built(form, unpacked(form, packages / form, tmp_path), machine, tmp_path))


@pytest.mark.compiler
def test_a_task_image_is_sent_over_a_serial_line(packages, tmp_path):
    """The demo at one end of a line, send_task.py at the other."""
    program = built("cmake", packages / "cmake", MACHINES["c-gcc-O3"], tmp_path, "examples/net_demo")
    image = task_image.write(line_plan.plan(OTHER)).content
    (tmp_path / "other.bin").write_bytes(image)
    (tmp_path / "damaged.bin").write_bytes(image[:-1] + bytes([image[-1] ^ 1]))
    host, device = pty.openpty()
    sender = [sys.executable, packages / "cmake" / "extras" / "send_task.py", os.ttyname(device)]
    with subprocess.Popen([program.path], stdin=host, stdout=host) as demo:
        sent = [
            subprocess.run([*sender, tmp_path / f"{name}.bin"], capture_output=True, text=True)
            for name in ("other", "damaged", "other")
        ]
        demo.kill()
    os.close(device)
    assert [each.stdout for each in sent] == [
        "loaded\n",
        "refused: the task image is damaged: its CRC-32 is wrong\n",
        "loaded\n",
    ]
    assert [each.returncode for each in sent] == [0, 1, 0]


@pytest.mark.cross
def test_cmake_builds_it_for_a_board_by_a_toolchain_file(packages, tmp_path):
    """The check, and the demo, to which nothing is sent."""
    toolchain = machines.BOARDS / "cortex-m4.cmake"
    configure = ["cmake", "-S", packages / "cmake", "-B", tmp_path, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"]
    subprocess.run(configure, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", tmp_path, "-j2"], check=True, capture_output=True)
    require_goldens_bytes(Program(MACHINES["m4"], tmp_path / "net_check", ()))
    demo = Program(MACHINES["m4"], tmp_path / "net_demo", ())
    said = subprocess.run(demo._command([], ()), capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    assert "check with kernels arm_dsp: " in said and ": ok\n" in said
    assert "largest of output 0: channel " in said


FOUND = """
cmake_minimum_required(VERSION 3.16)
project(firmware C)
find_package(net 1.2 REQUIRED)
add_executable(firmware ${PACKAGE}/examples/net_demo/main.c)
target_link_libraries(firmware net::net)
"""


@pytest.mark.compiler
def test_an_installed_library_is_found_by_cmake(packages, tmp_path):
    def cmake(*words):
        ended = subprocess.run(["cmake", *words], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr

    cmake("-S", packages / "cmake", "-B", tmp_path / "build", "-DCMAKE_BUILD_TYPE=Debug")
    cmake("--build", tmp_path / "build", "-j2")
    cmake("--install", tmp_path / "build", "--prefix", tmp_path / "installed")
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "CMakeLists.txt").write_text(FOUND)
    places = [f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}", f"-DPACKAGE={packages / 'cmake'}"]
    cmake("-S", tmp_path / "firmware", "-B", tmp_path / "made", *places)
    cmake("--build", tmp_path / "made")
    assert ": ok\n" in subprocess.run([tmp_path / "made" / "firmware"], input="", capture_output=True, text=True).stdout


@pytest.mark.compiler
def test_a_single_file_is_c_with_any_kernels(packages):
    for flags in ("-mavx2",), ("-mavx512vl", "-mavx512vnni", "-mavx512bw"), ("-std=c2x", "-Wconversion"):
        command = ["gcc", *machines.STRICT, "-O1", "-fsyntax-only", *flags, packages / "single-file" / "net.c"]
        subprocess.run(command, check=True)


@pytest.mark.compiler
def test_a_network_of_faces_brings_the_enrolment_of_people(tmp_path):
    faces = replace(meaning.attach(GRAPH, {"pool": Meaning("faces", threshold=0.5)}), name="faces")
    folder.write(package.of_network(Network(faces), "1.0.0"), "single-file", tmp_path)
    assert "int sf_people_enrol(" in (tmp_path / "faces.h").read_text()
    command = ["gcc", *machines.STRICT, "-fsyntax-only", tmp_path / "faces.c"]
    subprocess.run(command, check=True)
