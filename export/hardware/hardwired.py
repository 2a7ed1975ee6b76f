"""Hardwired matrices as Verilog: the adders that da4ml's optimiser finds for the codes of a frozen convolution."""

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

    def shifted(self, left: int, bits: int) -> str:
        """Return its text in so many bits, shifted left; or right, if less than 0."""
        text = f"{bits}'({self.name})"
        return f"({text} {'<<<' if left > 0 else '>>>'} {abs(left)})" if left else text


def matrix(name: str, codes: npt.NDArray[np.int8], bits: int | None = None) -> str:
    """Return a module that multiplies int8 codes `x` by a constant matrix. It has no registers.

    Args:
        name: of the module.
        codes: int8 (outputs, inputs).
        bits: of a sum; as wide as `sum_bits` says if not given.
    Returns: Verilog; the output `y` has all sums side by side.
    """
    outputs, inputs = codes.shape
    bits = bits or sum_bits(codes)
    lines = [
        "`default_nettype none",
        f"module {name} (",
        f"    input wire [{8 * inputs - 1}:0] x,",
        f"    output wire [{bits * outputs - 1}:0] y",
        ");",
        *(f"  wire signed [7:0] x{i} = x[{8 * i}+:8];" for i in range(inputs)),
    ]
    rows = np.flatnonzero(codes.any(axis=1))
    made, sums = _adders(codes[rows], inputs, bits) if len(rows) else ([], [])
    lines += made
    texts = dict.fromkeys(range(outputs), f"{bits}'d0") | dict(zip(rows.tolist(), sums, strict=True))
    for i, text in texts.items():
        lines.append(f"  wire signed [{bits - 1}:0] y{i} = {text};")
        lines.append(f"  assign y[{bits * i}+:{bits}] = y{i};")
    return "\n".join([*lines, "endmodule", "`default_nettype wire\n"])


def _adders(codes: npt.NDArray[np.int8], inputs: int, bits: int) -> tuple[list[str], list[str]]:
    """Return the adders of a matrix without a row of zeros, and the text of each sum of so many bits."""
    lines: list[str] = []
    values = [_Value(f"x{i}", -128, 127, 0) for i in range(inputs)]
    negated: list[bool] = []
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
    signs = ("-" if negative else "" for negative in negated)
    return lines, [f"{sign}{value.shifted(value.exponent, bits)}" for sign, value in zip(signs, values, strict=True)]


def _sum(name: str, a: _Value, b: _Value, shift: int, subtracts: bool) -> tuple[_Value, str]:
    """Return a + (b << shift), or a - (b << shift), and its text."""
    exponent = min(a.exponent, b.exponent + shift)
    left, right = a.exponent - exponent, b.exponent + shift - exponent
    low, high = b.low << right, b.high << right
    if subtracts:
        low, high = -high, -low
    value = _Value(name, (a.low << left) + low, (a.high << left) + high, exponent)
    return value, f"{a.shifted(left, value.bits)} {'-' if subtracts else '+'} {b.shifted(right, value.bits)}"


def sum_bits(codes: npt.NDArray[np.int8]) -> int:
    """Return the bits of the widest sum of a matrix (outputs, inputs)."""
    return (int(128 * np.abs(codes.astype(np.int64)).sum(axis=1).max())).bit_length() + 1
