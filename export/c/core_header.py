"""The fixed-weight C header: what is taped out. The same bytes for every task of one frozen core.

One C file of a program defines the codes; every network of this core reads them.

Codes have TensorFlow Lite's layout, or are paired (export/datapath/weight_layout.py). Channels are
in the order of the paper, so they do not depend on the network around them.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from export.c.text import c_array, c_comment, c_identifier
from export.datapath import weight_layout
from export.graph.graph import Graph, core_digest, kernel_name
from export.graph.operators import Convolution


def array_name(operator: Convolution, graph: Graph) -> str:
    """Return the name of the C array of a frozen convolution's codes."""
    return _array_names(graph)[kernel_name(operator)]


def _array_names(graph: Graph) -> dict[str, str]:
    """Return a C identifier for each kernel that is unique among all cores."""
    arrays: dict[str, str] = {}
    prefix = _prefix(graph)
    for name in graph.frozen_kernels():
        array = f"{prefix}_{c_identifier(name)}"
        while array in arrays.values():
            array += "_"
        arrays[name] = array
    return arrays


def _prefix(graph: Graph) -> str:
    """Return what names begin with: codes in pairs are another file than the same codes one by one."""
    return f"core_{core_digest(graph)[:8]}" + ("_pairs" if _in_pairs(graph) else "")


def _in_pairs(graph: Graph) -> set[str]:
    convolutions = [operator for operator in graph.operators if isinstance(operator, Convolution) and operator.frozen]
    return {kernel_name(each) for each in convolutions if weight_layout.is_paired(each, graph)}


def files(graph: Graph) -> dict[str, str]:
    """Return the header and the C file that defines its codes, by name."""
    header = file_name(graph)
    return {
        header: write(graph),
        source_name(graph): f'#define SF_CORE_DEFINES_CODES\n#include "{header}"\n',
    }


def file_name(graph: Graph) -> str:
    """Return the header's name, which begins with the core's digest."""
    return f"{_prefix(graph)}.h"


def source_name(graph: Graph) -> str:
    """Return the name of the C file that defines the codes."""
    return f"{_prefix(graph)}.c"


def write(graph: Graph) -> str:
    """Return the header's text."""
    codes, in_pairs = graph.frozen_kernels(), _in_pairs(graph)
    arrays, guard = _array_names(graph), f"{_prefix(graph).upper()}_H_"
    count, zeros, digits = (sum(map(measure, codes.values())) for measure in (np.size, count_zeros, signed_digits))
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
        "//",
        "// Networks that share the core include this; the C file of the same name defines the codes.",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdint.h>",
        "",
        f"#define SF_CORE_CONVOLUTIONS {len(codes)}",
        f"#define SF_CORE_CODES {count}",
        f"#define SF_CORE_ZEROS {zeros}",
        f"#define SF_CORE_SIGNED_DIGITS {digits}",
    ]
    declared = {name: f"const {kernel.dtype.name}_t {arrays[name]}[{kernel.size}]" for name, kernel in stored.items()}
    lines += ["", *(f"extern {each};" for each in declared.values()), "", "#ifdef SF_CORE_DEFINES_CODES"]
    for name, kernel in codes.items():
        shape = "x".join(map(str, kernel.shape))
        lines += [
            "",
            f"// {c_comment(name)}: {shape}, {count_zeros(kernel)} zeros, {signed_digits(kernel)} signed digits",
            f"{declared[name]} = {c_array(stored[name])};",
        ]
    return "\n".join([*lines, "", "#endif  // SF_CORE_DEFINES_CODES", "", f"#endif  // {guard}", ""])


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
