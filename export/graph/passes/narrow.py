"""A network whose hardware is cheaper, with other numbers that every backend shares: short factors and positive blends.

- Factors have few significant bits, because the scales of the weights have. A judge computes the same factors from the
  .tflite's scales: all other scales are powers of two.
- A blend of maps that are never negative has a clamp at 0. Alphas are at least 0, so that no value changes; but now the
  datapath says so, and memories keep a bit less of each value.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from export.graph import ranges
from export.graph.graph import Graph
from export.graph.operators import Add, ChannelScale, Convolution, Operator
from export.graph.tensor import GraphError

FACTOR_BITS = "factor_bits"  # in a graph's metadata, if it is narrow
FULL, FEWEST = 24, 4  # bits of the factors of fixed8


def factor_bits(graph: Graph) -> int:
    """Return how many significant bits factors have at most."""
    return int(graph.metadata.get(FACTOR_BITS, FULL))


def narrowed(graph: Graph, bits: int) -> Graph:
    """Return a network in fixed8 with factors of at most `bits` significant bits, and blends with a clamp at 0.

    Raises: ValueError for bits that are not possible; GraphError if a scale is no power of two, or an alpha is negative.
    """
    if not FEWEST <= bits <= FULL:
        raise ValueError(f"--factor-bits is {bits}; expected {FEWEST} to {FULL}")
    for tensor in graph.tensors:
        tensor.exponent  # noqa: B018 (raises GraphError if it has none)
    found, operators = ranges.code_ranges(graph), list[Operator]()
    for operator in graph.operators:
        if isinstance(operator, Convolution):
            operator = _with_short_scales(operator, bits)
        elif isinstance(operator, ChannelScale | Add) and all(found[name][0] >= 0 for name in operator.inputs):
            operator = _clamped(operator)
            found[operator.output] = (operator.minimum, operator.maximum)
        else:
            found[operator.output] = ranges.codes_of(operator, found)
        operators.append(operator)
    return replace(graph, operators=tuple(operators), metadata={**graph.metadata, FACTOR_BITS: str(bits)})


def like(task: Graph, network: Graph) -> Graph:
    """Return a task as narrow as the network that it runs on."""
    alike = network.metadata.get(FACTOR_BITS) == task.metadata.get(FACTOR_BITS)
    return task if alike else narrowed(task, factor_bits(network))


def short(scales: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.float32]:
    """Return the nearest numbers with at most so many significant bits."""
    mantissas, exponents = np.frexp(scales.astype(np.float64))
    made: npt.NDArray[np.float32] = np.ldexp(np.rint(mantissas * 2.0**bits), exponents - bits).astype(np.float32)
    return made


def _with_short_scales(operator: Convolution, bits: int) -> Convolution:
    """Return a convolution with short scales. Its bias counts in the new ones."""
    scales = short(operator.scales, bits)
    bias = np.rint(operator.bias * (operator.scales.astype(np.float64) / scales)).astype(np.int32)
    return replace(operator, scales=scales, bias=bias)


def _clamped(operator: ChannelScale | Add) -> ChannelScale | Add:
    if isinstance(operator, ChannelScale) and operator.codes.min() < 0:
        least = operator.codes.min()
        raise GraphError(f"{operator.name}: an alpha is negative (code {least}); blends of a narrow datapath have none")
    return replace(operator, minimum=max(operator.minimum, 0))
