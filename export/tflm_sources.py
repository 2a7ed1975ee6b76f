"""A .tflite as sources for a TensorFlow Lite Micro application: a C array of it and a C++ header of its operators."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from string import Template

import numpy as np

from export import arena
from export.tflite import operator_counts
from sfkeras import atomic

TEMPLATES = Path(__file__).parents[1] / "micro" / "tflm"
BYTES_A_LINE = 16


def write_sources(directory: str | os.PathLike, name: str, content: bytes) -> list[Path]:
    """Writes NAME_model.h, NAME_model.c and NAME_ops.h into an existing directory. See sources."""
    paths = []
    for file, text in sources(name, content).items():
        paths.append(Path(directory) / file)
        atomic.write(paths[-1], text)
    return paths


def sources(name: str, content: bytes) -> dict[str, str]:
    """The text of each file, by file name.

    Args:
        name: a C identifier in lower case, such as "face".
        content: the .tflite.
    Raises: ValueError if name is none; RuntimeError if TFLM refuses the model.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"model name is {name!r}; it must be a C identifier in lower case, such as 'face'")
    operators = sorted(operator_counts(content))
    values = {
        "name": name,
        "NAME": name.upper(),
        "Name": "".join(word.capitalize() for word in name.split("_")),
        "digest": hashlib.sha256(content).hexdigest(),
        "length": len(content),
        "bytes": _bytes(content),
        "arena": arena.measure(content).total,
        "count": len(operators),
        "operators": "\n".join(f"  TF_LITE_ENSURE_STATUS(resolver.{resolver_method(each)}());" for each in operators),
    }
    values["tensors"] = "\n".join(_tensors(values["Name"], content))
    return {
        template.name.replace("NAME", name).removesuffix(".in"): Template(template.read_text()).substitute(values)
        for template in sorted(TEMPLATES.glob("NAME_*.in"))
    }


def resolver_method(operator: str) -> str:
    """The method of MicroMutableOpResolver that adds a builtin operator: "CONV_2D" -> "AddConv2D"."""
    return "Add" + operator.title().replace("_", "")


def _bytes(content: bytes) -> str:
    lines = (content[i : i + BYTES_A_LINE] for i in range(0, len(content), BYTES_A_LINE))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines)


def _tensors(prefix: str, content: bytes):
    """Lines of C++ that describe the inputs and outputs."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content)).subgraphs[0]
    for role, indices in (("Input", graph.inputs), ("Output", graph.outputs)):
        for i, tensor in enumerate(graph.tensors[index] for index in indices):
            constant = f"k{prefix}{role}{i}"
            yield f"// {role} {i}: {tensor.name.decode()}"
            yield f"constexpr int {constant}Shape[] = {{{', '.join(map(str, tensor.shape))}}};"
            yield f"constexpr float {constant}Scale = {_float(tensor.quantization.scale[0])};"
            yield f"constexpr int {constant}ZeroPoint = {tensor.quantization.zeroPoint[0]};"


def _float(value) -> str:
    """A float32 as a C literal that is exactly it."""
    return f"{np.format_float_scientific(np.float32(value), trim='0')}f"
