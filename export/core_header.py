"""The fixed-weight C header: what is taped out. The same bytes for every task of one frozen core.

Codes keep TensorFlow Lite's layout, channels in the order of the paper, so they do not depend on the network around them.
"""

from __future__ import annotations

import hashlib

import numpy as np

from export import datapath
from export.c_text import c_array, c_identifier
from export.graph import Convolution, Graph


def frozen(graph: Graph) -> list[Convolution]:
    """The frozen convolutions of a graph, by name."""
    convolutions = (operator for operator in graph.operators if isinstance(operator, Convolution))
    return sorted((each for each in convolutions if each.frozen), key=lambda operator: operator.name)


def array_name(operator: Convolution) -> str:
    """The C array of a frozen convolution's codes."""
    return f"core_{c_identifier(operator.name)}"


def write(graph: Graph) -> str:
    """The header's text."""
    operators = frozen(graph)
    codes = [operator.codes for operator in operators]
    count, zeros, digits = (sum(map(measure, codes)) for measure in (np.size, count_zeros, signed_digits))
    lines = [
        "// The frozen core: the int8 codes that are taped out. Generated; do not edit.",
        f"// SHA-256 of the core's codes: {datapath.core_digest(graph)}",
        f"// SHA-256 of the bytes in this file: {hashlib.sha256(b''.join(map(np.ndarray.tobytes, codes))).hexdigest()}",
        "//",
        "// A code's signed digits are those other than 0 in its canonical signed-digit form (7 = 8 - 1 has two): a",
        "// multiplication by it takes one adder less than it has digits.",
        "#ifndef SF_CORE_H_",
        "#define SF_CORE_H_",
        "",
        "#include <stdint.h>",
        "",
        f"#define SF_CORE_CONVOLUTIONS {len(operators)}",
        f"#define SF_CORE_CODES {count}",
        f"#define SF_CORE_ZEROS {zeros}",
        f"#define SF_CORE_SIGNED_DIGITS {digits}",
    ]
    for operator in operators:
        shape = "x".join(map(str, operator.codes.shape))
        lines += [
            "",
            f"// {operator.name}: {shape}, {count_zeros(operator.codes)} zeros, "
            f"{signed_digits(operator.codes)} signed digits",
            f"static const int8_t {array_name(operator)}[{operator.codes.size}] = {c_array(operator.codes)};",
        ]
    return "\n".join([*lines, "", "#endif  // SF_CORE_H_", ""])


def count_zeros(codes: np.ndarray) -> int:
    return int(np.count_nonzero(codes == 0))


def signed_digits(codes: np.ndarray) -> int:
    """Number of digits other than 0 in the canonical signed-digit forms of all codes together.

    The form of x has a digit wherever x and 3x differ: 3x ^ x has, one place higher, a bit for each.
    """
    magnitude = np.abs(codes.astype(np.int64))
    return int(np.bitwise_count(magnitude ^ 3 * magnitude).sum())
