"""The C sources: they compile without a warning, hold the model to the byte, and add exactly its operators."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tflite_micro.python.tflite_micro import _runtime

from export import arena
from export.tflite import operator_counts, write
from export.tflm_sources import resolver_method, sources, write_sources
from tests.export.networks import Builder, semifreddo

ROOT = Path(__file__).parents[2]
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
    strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *strict, "main.c", "tiny_face_model.c", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout == model


def test_the_sources_are_formatted_as_the_repository(tmp_path):
    net = Builder()
    small = net.graph(net.convolution("head", net.input((4, 4, 3)), 8))
    paths = write_sources(tmp_path, "tiny_face", write(small).content)
    assert [path.name for path in paths] == ["tiny_face_model.c", "tiny_face_model.h", "tiny_face_ops.h"]
    clang_format = Path(sys.executable).with_name("clang-format")
    style = f"--style=file:{ROOT / '.clang-format'}"
    subprocess.run([clang_format, "--dry-run", "--Werror", style, *paths], check=True)


def test_the_header_adds_exactly_the_operators_of_the_model(model, texts):
    header = texts["tiny_face_ops.h"]
    added = re.findall(r"resolver\.(\w+)\(\)", header)
    assert sorted(added) == sorted(resolver_method(operator) for operator in operator_counts(model))
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
    }
    assert {operator: resolver_method(operator) for operator in names} == names


def test_the_header_tells_arena_inputs_and_outputs(model, texts):
    header = texts["tiny_face_ops.h"]
    assert f"constexpr int kTinyFaceArenaBytes = {arena.measure(model).total};" in header
    assert "constexpr int kTinyFaceInput0Shape[] = {1, 32, 32, 3};" in header
    assert "constexpr float kTinyFaceInput0Scale = 7.8125e-03f;" in header
    assert "constexpr int kTinyFaceOutput0Shape[] = {1, 1, 1, 10};" in header
    assert "constexpr int kTinyFaceOutput0ZeroPoint = 0;" in header


def test_sources_say_from_what_they_were_made_and_never_when(model, texts):
    assert texts == sources("tiny_face", model)
    assert all(hashlib.sha256(model).hexdigest() in text for text in texts.values())


def test_a_name_that_is_no_identifier_is_refused(model):
    with pytest.raises(ValueError, match="model name is 'Tiny Face'"):
        sources("Tiny Face", model)
