"""A .tflite as an application for TensorFlow Lite Micro (TFLM).

It is a C array of the .tflite, a C++ header of its operators, a class that runs it in an arena, and
a program that checks it, with CMake. TFLM itself is not included (-DTFLM_DIR names it).
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt

from export.c import test_vector
from export.c.text import c_bytes, c_comment
from export.tflite.file import flatbuffer
from export.tflite.file.flatbuffer import FileTensor
from export.tflite.running import arena
from export.tflite.running.interpreters import run_tflm
from export.tflite.writing.writer import operator_counts
from sfkeras import atomic_file, places

MICRO = places.shipped("micro")
PROGRAM = "main.cc"
LIBRARY = ("boards/sf_measure.h", "stream/sf_crc32.c", "stream/sf_crc32.h")  # of MICRO, which the program needs, in sf/
SPELT_OTHERWISE = {  # by TFLM's resolver
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}


def write_sources(directory: str | os.PathLike[str], name: str, content: bytes) -> list[Path]:
    """Write the files of `sources` into a directory, which is created if it does not exist.

    They are NAME_model.h, NAME_model.c, NAME_ops.h, NAME_app.h, main.cc, CMakeLists.txt and sf/.

    Returns: the files written.
    """
    texts = sources(name, content)
    return atomic_file.write_all(Path(directory), texts, PROGRAM)


def sources(name: str, content: bytes) -> dict[str, str]:
    """Return the text of each file, by file name.

    Args:
        name: a C identifier in lower case, such as "face".
        content: the .tflite.
    Raises: ValueError if name is no such identifier, or if the .tflite is broken or has inputs or
        outputs that are not int8; RuntimeError if TFLM refuses the model.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"model name is {name!r}; it must be a C identifier in lower case, such as 'face'")
    values = placeholders(name, content)
    return {
        **{
            template.name.replace("NAME", name).removesuffix(".in"): Template(template.read_text()).substitute(values)
            for template in sorted((MICRO / "tflm").glob("*.in"))
        },
        **{f"sf/{Path(file).name}": (MICRO / file).read_text() for file in LIBRARY},
    }


def resolver_method(operator: str) -> str:
    """Return MicroMutableOpResolver's method for an operator: "CONV_2D" -> "AddConv2D"."""
    return "Add" + SPELT_OTHERWISE.get(operator, operator.title().replace("_", ""))


# What the class of a model with tf.Variables has more.
INTERPRETER_OF_VARIABLES = (
    "allocator_,\n                     tflite::MicroResourceVariables::Create(allocator_, {count})"
)
ALLOCATOR = "  tflite::MicroAllocator *allocator_ = tflite::MicroAllocator::Create(arena_, sizeof arena_);\n"


def placeholders(name: str, content: bytes) -> dict[str, object]:
    """Return the value of each placeholder of the templates in micro/tflm. Raises: as `sources`."""
    model, operators = flatbuffer.parse(content), sorted(operator_counts(content))
    inputs, outputs = ([model.tensors[index] for index in indices] for indices in (model.inputs, model.outputs))
    for tensor in inputs + outputs:
        if tensor.type != "INT8" or tensor.quantization is None:
            raise ValueError(f"{name}: {tensor.name} is {tensor.type}; inputs and outputs must be INT8 with a scale")
    variables = len({each.options.sharedName for each in model.operators if each.kind == "VAR_HANDLE"})
    prefix = "".join(word.capitalize() for word in name.split("_"))
    made = run_tflm(content, _test_vector(inputs), list(model.outputs))
    return {
        "name": name,
        "NAME": name.upper(),
        "Name": prefix,
        "digest": hashlib.sha256(content).hexdigest(),
        "length": len(content),
        "bytes": c_bytes(content),
        "arena": arena.measure(content).total,
        "scratch": _scratch(model),
        "interpreter": INTERPRETER_OF_VARIABLES.format(count=variables) if variables else "arena_, sizeof arena_",
        "allocator": ALLOCATOR if variables else "",
        "count": len(operators),
        "operators": "\n".join(f"  TF_LITE_ENSURE_STATUS(resolver.{resolver_method(each)}());" for each in operators),
        "tensors": "\n".join([*_tensors(prefix, "Input", inputs), *_tensors(prefix, "Output", outputs)]),
        "expected_crcs": ", ".join(f"0x{zlib.crc32(made[index].tobytes()):08x}" for index in model.outputs),
        "expected": "\n".join(
            f'    {{"{_string(tensor.name)}", 0x{zlib.crc32(made[index].tobytes()):08x}}},'
            for index, tensor in zip(model.outputs, outputs)
        ),
    }


def _scratch(model: flatbuffer.Model) -> int:
    """Return the bytes of scratch that the kernels of CMSIS-NN may need on any Cortex-M.

    TFLM's own need none.
    """
    most = 0
    for operator in model.operators:
        if not operator.inputs or not operator.outputs:  # of a variable
            continue
        input, output = (model.tensors[indices[0]].shape for indices in (operator.inputs, operator.outputs))
        if operator.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            _, height, width, _ = model.tensors[operator.inputs[1]].shape
            block = 128 if operator.kind == "DEPTHWISE_CONV_2D" else 16  # channels or taps that MVE takes at least
            most = max(most, -(-height * width * max(input[-1], block) // 16) * 16)  # a window, in whole vectors
        elif output:
            most = max(most, output[-1])  # an int32 per channel: running sums of pools, of weights
    return 4 * most  # four windows of int8, or two of int16


def _test_vector(inputs: list[FileTensor]) -> list[npt.NDArray[np.int8]]:
    """Return a batch of one per input.

    The codes continue from input to input, as main.cc computes them.
    """
    sizes = [int(np.prod(tensor.shape)) for tensor in inputs]
    codes = np.split(test_vector.codes(sum(sizes)), np.cumsum(sizes)[:-1])
    return [values.reshape(1, -1) for values in codes]


def _tensors(prefix: str, role: str, tensors: list[FileTensor]) -> Iterator[str]:
    """Yield lines of C++ that describe the inputs or the outputs."""
    yield f"constexpr int k{prefix}{role}s = {len(tensors)};"
    for i, tensor in enumerate(tensors):
        if tensor.quantization is None:
            raise ValueError(f"{tensor.name} has no scale; inputs and outputs must be INT8 with a scale")
        constant = f"k{prefix}{role}{i}"
        yield f"// {role} {i}: {c_comment(tensor.name)}"
        yield f"constexpr int {constant}Shape[] = {{{', '.join(map(str, tensor.shape))}}};"
        yield f"constexpr float {constant}Scale = {_float(tensor.quantization.scales[0])};"
        yield f"constexpr int {constant}ZeroPoint = {tensor.quantization.zero_points[0]};"


def _float(value: float) -> str:
    """Return a float32 as a C literal of exactly this value."""
    return f"{np.format_float_scientific(np.float32(value), trim='0')}f"


def _string(text: str) -> str:
    """Return text for between the quotes of a C string, on one line."""
    return c_comment(text).replace('"', "'")
