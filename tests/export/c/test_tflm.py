"""The TFLM application: it compiles without a warning, holds the model to the byte, and adds exactly its operators.

TFLM's headers and library are not part of the tests. What needs them was tried by hand, with TFLM of August 2026: the face
recipe's network, an int8 MobileNet and a network of two inputs and two heads, built by the generated CMake for this
computer and, by micro/boards/cortex-m4.cmake, for QEMU's Cortex-M4, with TFLM's reference kernels and with CMSIS-NN's. Their
outputs were the bytes of golden and of the line-streaming C; an arena too small, a missing input and an input that ends
within an image each ended with a message; networks of one layer had room for the scratch that CMSIS-NN asks for, on M4 and M55.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import _runtime

from export.c import test_vector
from export.c.tflm import resolver_method, sources, write_sources
from export.graph import golden
from export.graph.operators import Add, MaxPool, ReadState, WriteState
from export.tflite.file import flatbuffer
from export.tflite.running import arena
from export.tflite.writing.writer import operator_counts, write
from tests.support.networks.graphs import Builder, semifreddo

ROOT = Path(__file__).parents[3]
INTERFACE = ROOT / "tests" / "support" / "tflm_interface"
FILES = ["CMakeLists.txt", "tiny_face_app.h", "tiny_face_model.c", "tiny_face_model.h", "tiny_face_ops.h", "main.cc"]
LIBRARY = ["sf/sf_measure.h", "sf/sf_crc32.c", "sf/sf_crc32.h"]
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
PRINT_MODEL = """
#include <stdint.h>
#include <stdio.h>

#include "tiny_face_model.h"

int main(void) {
  if ((uintptr_t)tiny_face_model % 16 != 0) return 1;
  return fwrite(tiny_face_model, 1, sizeof tiny_face_model, stdout) != TINY_FACE_MODEL_LENGTH;
}
"""


@pytest.fixture(scope="module")
def model():
    return write(semifreddo()).content


@pytest.fixture(scope="module")
def texts(model):
    return sources("tiny_face", model)


@pytest.mark.compiler
def test_the_array_compiles_and_is_the_model(model, texts, tmp_path):
    for name in ("tiny_face_model.h", "tiny_face_model.c"):
        (tmp_path / name).write_text(texts[name])
    (tmp_path / "main.c").write_text(PRINT_MODEL)
    subprocess.run(["gcc", "-std=c99", *STRICT, "main.c", "tiny_face_model.c", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout == model


@pytest.fixture(scope="module")
def two_heads():
    """A .tflite of two inputs and two heads, and its graph."""
    net = Builder()
    first, second = net.input((6, 5, 3)), net.input((4, 4, 2), name="second")
    heads = [net.convolution("one", first, 8, 3), net.convolution("two", second, 4)]
    graph = net.graph(*heads)
    return write(graph).content, graph


def with_a_state():
    """A .tflite that keeps a map from one call to the next."""
    net = Builder()
    shape = net.tensors[net.input((4, 3, 2))].shape
    net.add(ReadState(name="before", inputs=["image"], shape=shape, initial=0), 2.0**-4)
    net.add(Add(name="sum", inputs=["image", "before"]), 2.0**-4)
    net.add(WriteState(name="kept", inputs=["sum", "before"]), 2.0**-4)
    return write(net.graph("sum")).content


def test_the_application_is_these_files(model, tmp_path):
    paths = write_sources(tmp_path / "made", "tiny_face", model)
    assert [str(path.relative_to(tmp_path / "made")) for path in paths] == FILES + LIBRARY
    assert all(path.exists() for path in paths)


def test_the_sources_are_formatted_as_the_repository(two_heads, tmp_path):
    paths = write_sources(tmp_path, "face", two_heads[0])  # a name by which the includes of main.cc are sorted
    clang_format = Path(sys.executable).with_name("clang-format")
    style = f"--style=file:{ROOT / '.clang-format'}"
    paths = [path for path in paths if path.suffix in (".c", ".h", ".cc")]
    subprocess.run([clang_format, "--dry-run", "--Werror", style, *paths], check=True)


@pytest.mark.clang
@pytest.mark.parametrize("network", ["semifreddo", "two_heads", "states"])
def test_the_application_keeps_to_the_interface_of_tflm(network, model, two_heads, tmp_path):
    """Against declarations only (see tflm_interface); what was run, the docstring of this file says."""
    models = {"semifreddo": model, "two_heads": two_heads[0], "states": with_a_state()}
    write_sources(tmp_path, "tiny_face", models[network])
    assert ("MicroResourceVariables::Create(allocator_, 1)" in (tmp_path / "tiny_face_app.h").read_text()) == (
        network == "states"
    )
    cplusplus = ["clang++", "-std=c++17", "-fno-rtti", "-fno-exceptions", *STRICT, "-fsyntax-only", f"-I{INTERFACE}"]
    subprocess.run([*cplusplus, "main.cc"], cwd=tmp_path, check=True)


def test_the_header_adds_exactly_the_operators_of_the_model(model, texts):
    header = texts["tiny_face_ops.h"]
    added = re.findall(r"resolver\.(\w+)\(\)", header)
    assert sorted(added) == sorted(resolver_method(operator) for operator in operator_counts(model))
    assert len(added) == len(set(added))
    assert f"using TinyFaceOpResolver = tflite::MicroMutableOpResolver<{len(added)}>;" in header


def test_tflm_has_the_operators(model):
    library = Path(_runtime.__file__).read_bytes()
    for operator in operator_counts(model):
        assert f"Register_{operator}".encode() in library


def test_names_of_the_resolvers_methods():
    names = {
        "CONV_2D": "AddConv2D",
        "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
        "SPLIT_V": "AddSplitV",
        "RELU6": "AddRelu6",
        "PADV2": "AddPadV2",
    }
    assert {operator: resolver_method(operator) for operator in names} == names


def test_the_header_tells_arena_inputs_and_outputs(model, texts):
    header = texts["tiny_face_ops.h"]
    assert f"constexpr int kTinyFaceArenaBytes = {arena.measure(model).total};" in header
    assert "constexpr int kTinyFaceInput0Shape[] = {1, 32, 32, 3};" in header
    assert "constexpr float kTinyFaceInput0Scale = 7.8125e-03f;" in header
    assert "constexpr int kTinyFaceOutput0Shape[] = {1, 1, 1, 10};" in header
    assert "constexpr int kTinyFaceOutput0ZeroPoint = 0;" in header


def test_the_program_expects_what_golden_makes_of_the_test_vector(two_heads):
    content, graph = two_heads
    codes = np.split(test_vector.codes(6 * 5 * 3 + 4 * 4 * 2), [6 * 5 * 3])
    images = {name: values.reshape(1, *graph.tensor(name).shape) for name, values in zip(graph.inputs, codes)}
    made = golden.run(graph, images, graph.outputs)
    lines = [f'    {{"{name}", 0x{zlib.crc32(made[name].tobytes()):08x}}},' for name in ("one", "two")]
    assert "constexpr Expected kExpected[] = {\n" + "\n".join(lines) + "\n};" in sources("net", content)["main.cc"]


def test_the_test_vector_is_that_of_the_line_streaming_c(texts):
    streaming = (ROOT / "micro" / "project" / "main.c.in").read_text()
    hashes = [re.findall(r"x = .*;|\(x \^ \(x >> 13\)\).*- 128", text) for text in (texts["main.cc"], streaming)]
    assert len(hashes[0]) == 3 and hashes[0] == hashes[1]


@pytest.mark.parametrize("type", ["UINT8", "FLOAT32"])
def test_inputs_that_are_not_int8_are_refused(type, two_heads):
    file = flatbuffer.parse(two_heads[0])
    tensors = [replace(tensor, type=type) if tensor.name == "image" else tensor for tensor in file.tensors]
    content = flatbuffer.to_bytes(replace(file, tensors=tuple(tensors)))
    with pytest.raises(ValueError, match=f"face: image is {type}; inputs and outputs must be INT8 with a scale"):
        sources("face", content)


@pytest.mark.parametrize(
    "layer, scratch",
    [  # those of convolutions are what TFLM with CMSIS-NN asked for on a Cortex-M4
        (lambda net, image: net.convolution("layer", image, 8, 3), 4 * 3 * 3 * 64),
        (lambda net, image: net.convolution("layer", image, 8, 8, padding="valid"), 4 * 8 * 8 * 64),
        (lambda net, image: net.depthwise("layer", image), 4 * 3 * 3 * 128),
        (lambda net, image: net.add(MaxPool(name="layer", inputs=[image], window=(2, 2)), 2.0**-7), 4 * 64),
    ],
)
def test_the_arena_has_room_for_the_scratch_of_optimised_kernels(layer, scratch):
    net = Builder()
    texts = sources("net", write(net.graph(layer(net, net.input((8, 8, 64))))).content)
    assert f"constexpr int kNetScratchBytes = {scratch};" in texts["net_ops.h"]
    assert "arena_[kNetArenaBytes + kNetScratchBytes]" in texts["net_app.h"]


def test_sources_say_from_what_they_were_made_and_never_when(model, texts):
    assert texts == sources("tiny_face", model)
    digest = hashlib.sha256(model).hexdigest()
    assert {name for name, text in texts.items() if digest in text} == {name for name in FILES if "tiny_face" in name}


def test_a_name_that_is_no_identifier_is_refused(model):
    with pytest.raises(ValueError, match="model name is 'Tiny Face'"):
        sources("Tiny Face", model)


# --- CMake ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def configure(two_heads, tmp_path):
    """Runs CMake on an application with definitions; gives its status, and its messages on one line."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    write_sources(tmp_path / "application", "net", two_heads[0])

    def run(*definitions):
        folders = ["-S", tmp_path / "application", "-B", tmp_path / "build"]
        compilers = ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"]
        ended = subprocess.run(["cmake", *folders, *compilers, *definitions], capture_output=True, text=True)
        return ended.returncode, " ".join((ended.stdout + ended.stderr).split())

    return run


@pytest.fixture
def tflm(tmp_path):
    """A folder with TFLM's interface; libraries, all empty, can be put where TFLM's own build puts them."""

    class Tree:
        path = tmp_path / "tflm"

        def add_library(self, target):
            library = self.path / "gen" / target / "lib" / "libtensorflow-microlite.a"
            library.parent.mkdir(parents=True)
            library.write_bytes(b"!<arch>\n")
            return library

    shutil.copytree(INTERFACE, Tree.path)
    return Tree()


@pytest.mark.clang
def test_cmake_asks_for_tflm(configure):
    status, said = configure()
    assert status != 0 and "TFLM_DIR is ''; it must be a source tree of TensorFlow Lite Micro: -DTFLM_DIR=DIR" in said


@pytest.mark.clang
def test_cmake_asks_which_of_several_libraries_to_link_and_takes_the_answer(configure, tflm):
    status, said = configure(f"-DTFLM_DIR={tflm.path}")
    assert status != 0 and "holds 0 libraries; name the one to link: -DTFLM_LIBRARY=FILE." in said
    first = tflm.add_library("linux_x86_64_default_gcc")
    assert configure(f"-DTFLM_DIR={tflm.path}")[0] == 0
    second = tflm.add_library("cortex_m_generic_cortex-m4_default_gcc")
    status, said = configure(f"-DTFLM_DIR={tflm.path}")
    assert status != 0 and "holds 2 libraries" in said and first.parent.parent.name in said.replace(" ", "")
    assert configure(f"-DTFLM_DIR={tflm.path}", f"-DTFLM_LIBRARY={second}")[0] == 0
