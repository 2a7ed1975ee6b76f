"""Makes tests/rounding_vectors.json from the definitions of rounding in exact integers, as TFLite's C++ writes them.

Every language that requantises is tested with these vectors. python tests/make_rounding_vectors.py writes them again.
"""

import json
import math
import random
from fractions import Fraction
from pathlib import Path

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
FILE = Path(__file__).with_name("rounding_vectors.json")


def quantize_multiplier(factor):
    fraction, shift = math.frexp(factor)
    multiplier = math.floor(Fraction(fraction) * 2**31 + Fraction(1, 2))
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def saturating_rounding_doubling_high_mul(a, b):
    if a == b == INT32_MIN:
        return INT32_MAX
    product = a * b
    nudged = product + (2**30 if product >= 0 else 1 - 2**30)
    return nudged // 2**31 if nudged >= 0 else -(-nudged // 2**31)  # C++ divides towards zero


def rounding_divide_by_pot(x, exponent):
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def requantise(accumulator, multiplier, shift):
    shifted = (accumulator << max(shift, 0)) + 2**31
    shifted = shifted % 2**32 - 2**31
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), max(-shift, 0))


def vectors():
    """The content of the file: for each function a list of [arguments..., results...]; factors in hexadecimal."""
    rng = random.Random(0)
    edges = [0, 1, -1, 2, -2, 2**30, -(2**30), 2**30 - 1, INT32_MAX, INT32_MIN, INT32_MIN + 1]
    numbers = edges + [rng.randint(INT32_MIN, INT32_MAX) >> rng.randint(0, 24) for _ in range(60)]
    multipliers = [2**30, 2**30 + 1, INT32_MAX, *(rng.randint(2**30, INT32_MAX) for _ in range(8))]
    factors = [
        1.0,
        0.5,
        0.25,
        1 - 2**-33,
        1 - 2**-32,
        0.75,
        3.0,
        2**-31,
        2**-32,
        1.9 * 2**-32,
        2**-33,
        1e-3,
        1 / 3,
        123.456,
    ]
    factors += [rng.uniform(0.5, 1) * 2.0 ** rng.randint(-31, 4) for _ in range(20)]
    pairs = [(a, b) for a in edges for b in edges] + [(rng.choice(numbers), rng.choice(numbers)) for _ in range(60)]
    halves = [
        (sign * (half << e) + off, e) for sign in (1, -1) for half in (1, 3, 5) for e in (1, 7, 20) for off in (0, 1)
    ]
    divisions = [(x >> 1, e + 1) for x, e in halves] + [(rng.choice(numbers), rng.randint(0, 31)) for _ in range(80)]
    scalings = [(rng.choice(numbers), rng.choice(multipliers), rng.randint(-31, 3)) for _ in range(150)]
    return {
        "quantize_multiplier": [[factor.hex(), *quantize_multiplier(factor)] for factor in factors],
        "saturating_rounding_doubling_high_mul": [
            [a, b, saturating_rounding_doubling_high_mul(a, b)] for a, b in pairs
        ],
        "rounding_divide_by_pot": [[x, e, rounding_divide_by_pot(x, e)] for x, e in divisions],
        "requantise": [[*arguments, requantise(*arguments)] for arguments in scalings],
    }


def as_text():
    """The file, one vector a line."""
    lists = []
    for name, rows in vectors().items():
        lists.append(f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]")
    return "{\n" + ",\n".join(lists) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(as_text())
