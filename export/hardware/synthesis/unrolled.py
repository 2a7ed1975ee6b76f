"""Hardwired matrices as Verilog: the adders that da4ml's optimiser finds, to measure what they cost.

Also what they are compared with: one multiplier by Booth's digits per weight, whose codes are inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.hardware.estimate.matrix import solution


@dataclass(frozen=True)
class _Value:
    """An integer signal, its range, and the power of two that it is counted in."""

    name: str
    low: int
    high: int
    exponent: int

    @property
    def bits(self) -> int:
        return max(self.high, -self.low - 1).bit_length() + 1

    def shifted(self, left: int) -> tuple[str, int, int]:
        """Return its text, lowest and highest value when it is shifted left."""
        return f"({self.name} <<< {left})" if left else self.name, self.low << left, self.high << left


def matrix(name: str, codes: npt.NDArray[np.int8]) -> str:
    """Return a module that multiplies int8 codes `x` by a constant matrix. It has no registers.

    Args:
        name: of the module.
        codes: int8 (outputs, inputs), without a row of zeros.
    Returns: Verilog; the output `y` has all sums side by side, as wide as `sum_bits` says.
    """
    outputs, inputs = codes.shape
    bits = sum_bits(codes)
    lines = [
        f"module {name} (input wire [{8 * inputs - 1}:0] x, output wire [{bits * outputs - 1}:0] y);",
        *(f"  wire signed [7:0] x{i} = x[{8 * i}+:8];" for i in range(inputs)),
    ]
    values = [_Value(f"x{i}", -128, 127, 0) for i in range(inputs)]
    for stage, solved in enumerate(solution(codes).solutions):
        values = [
            _Value(each.name, each.low, each.high, each.exponent + shift)
            for each, shift in zip(values, solved.inp_shifts, strict=True)
        ]
        made: list[_Value] = []
        for i, op in enumerate(solved.ops):
            if op.opcode == -1:
                made.append(values[op.id0])
                continue
            assert op.opcode in (0, 1)
            value, text = _sum(f"s{stage}_{i}", made[op.id0], made[op.id1], op.data, op.opcode == 1)
            lines.append(f"  wire signed [{value.bits - 1}:0] {value.name} = {text};")
            made.append(value)
        values, negated = [], []
        for i, shift, negative in zip(solved.out_idxs, solved.out_shifts, solved.out_negs):
            values.append(_Value(made[i].name, made[i].low, made[i].high, made[i].exponent + shift))
            negated.append(negative)
    for i, (value, negative) in enumerate(zip(values, negated, strict=True)):
        shift = f" <<< {value.exponent}" if value.exponent >= 0 else f" >>> {-value.exponent}"
        lines.append(f"  wire signed [{bits - 1}:0] y{i} = {'-' if negative else ''}(({bits})'({value.name}){shift});")
        lines.append(f"  assign y[{bits * i}+:{bits}] = y{i};")
    return "\n".join([*lines, "endmodule\n"])


def _sum(name: str, a: _Value, b: _Value, shift: int, subtracts: bool) -> tuple[_Value, str]:
    """Return a + (b << shift), or a - (b << shift), and its text."""
    exponent = min(a.exponent, b.exponent + shift)
    left, low, high = a.shifted(a.exponent - exponent)
    right, right_low, right_high = b.shifted(b.exponent + shift - exponent)
    low, high = (low - right_high, high - right_low) if subtracts else (low + right_low, high + right_high)
    return _Value(name, low, high, exponent), f"{left} {'-' if subtracts else '+'} {right}"


def booth(name: str, outputs: int, inputs: int, bits: int) -> str:
    """Return a module of the same sums with a multiplier per weight: codes are the input `codes`."""
    lines = [
        f"module {name} (input wire [{8 * inputs - 1}:0] x, input wire [{8 * inputs * outputs - 1}:0] codes,",
        f"    output wire [{bits * outputs - 1}:0] y);",
    ]
    for o in range(outputs):
        products = [
            f"({bits})'($signed(x[{8 * i}+:8])) * ({bits})'($signed(codes[{8 * (o * inputs + i)}+:8]))"
            for i in range(inputs)
        ]
        lines.append(f"  assign y[{bits * o}+:{bits}] = {' + '.join(products)};")
    return "\n".join([*lines, "endmodule\n"])


def sum_bits(codes: npt.NDArray[np.int8]) -> int:
    """Return the bits of the widest sum of a matrix (outputs, inputs)."""
    return (int(128 * np.abs(codes.astype(np.int64)).sum(axis=1).max())).bit_length() + 1
