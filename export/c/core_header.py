"""The fixed-weight C header: what is taped out. The same bytes for every task of one frozen core.

Codes have TensorFlow Lite's layout, or are paired (export/datapath/weight_layout.py). Channels are
in the order of the paper, so they do not depend on the network around them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from export.c.text import c_array, c_comment, c_identifier
from export.datapath import weight_layout
from export.graph.graph import Graph, core_digest, kernel_name
from export.graph.operators import Convolution


def array_name(operator: Convolution, graph: Graph) -> str:
    """Return the name of the C array of a frozen convolution's codes."""
    return _array_names(graph.frozen_kernels())[kernel_name(operator)]


def _array_names(names: Iterable[str]) -> dict[str, str]:
    """Return a unique C identifier for each kernel."""
    arrays: dict[str, str] = {}
    for name in names:
        array = f"core_{c_identifier(name)}"
        while array in arrays.values():
            array += "_"
        arrays[name] = array
    return arrays


def file_name(graph: Graph) -> str:
    """Return the header's name, which begins with the core's digest."""
    return f"core_{core_digest(graph)[:8]}.h"


def write(graph: Graph) -> str:
    """Return the header's text."""
    codes = graph.frozen_kernels()
    arrays = _array_names(codes)
    count, zeros, digits = (sum(map(measure, codes.values())) for measure in (np.size, count_zeros, signed_digits))
    convolutions = [operator for operator in graph.operators if isinstance(operator, Convolution)]
    in_pairs = {kernel_name(each) for each in convolutions if weight_layout.is_paired(each, graph)}
    stored: dict[str, npt.NDArray[np.integer]] = {
        name: weight_layout.paired(kernel) if name in in_pairs else kernel for name, kernel in codes.items()
    }
    content = b"".join(map(np.ndarray.tobytes, stored.values()))
    lines = [
        "// The frozen core: the int8 codes that are taped out. Generated; do not edit.",
        f"// SHA-256 of the core's codes: {core_digest(graph)}",
        f"// SHA-256 of the bytes in this file: {hashlib.sha256(content).hexdigest()}",
        "//",
        "// A code's signed digits are those other than 0 in its canonical signed-digit form (7 = 8 - 1 has two): a",
        "// multiplication by it takes one adder less than it has digits.",
        "#ifndef SF_CORE_H_",
        "#define SF_CORE_H_",
        "",
        "#include <stdint.h>",
        "",
        f"#define SF_CORE_CONVOLUTIONS {len(codes)}",
        f"#define SF_CORE_CODES {count}",
        f"#define SF_CORE_ZEROS {zeros}",
        f"#define SF_CORE_SIGNED_DIGITS {digits}",
    ]
    for name, kernel in codes.items():
        shape = "x".join(map(str, kernel.shape))
        lines += [
            "",
            f"// {c_comment(name)}: {shape}, {count_zeros(kernel)} zeros, {signed_digits(kernel)} signed digits",
            f"static const {stored[name].dtype.name}_t {arrays[name]}[{stored[name].size}] = {c_array(stored[name])};",
        ]
    return "\n".join([*lines, "", "#endif  // SF_CORE_H_", ""])


def count_zeros(codes: npt.NDArray[np.int8]) -> int:
    """Return the number of codes that are 0."""
    return int(np.count_nonzero(codes == 0))


def signed_digits(codes: npt.NDArray[np.int8]) -> int:
    """Return the total number of nonzero digits in the codes' canonical signed-digit forms.

    The form of x has a digit wherever x and 3x differ: 3x ^ x has, one place higher, a bit for
    each.
    """
    magnitude = np.abs(codes.astype(np.int64))
    return int(np.bitwise_count(magnitude ^ 3 * magnitude).sum())
