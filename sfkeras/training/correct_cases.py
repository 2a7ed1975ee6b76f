"""Which test cases a network gets right, as a text that fits into a line of a results file."""

import numpy as np


def pack(right: np.ndarray) -> str:
    """Return a (cases,) bool array as "cases:hexadecimal digits": four cases per digit, the first
    case is the highest bit.
    """
    return f"{len(right)}:{np.packbits(right).tobytes().hex()}"


def unpack(text: str) -> np.ndarray:
    """Return the (cases,) bool array of a text from pack."""
    cases, digits = text.split(":")
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=int(cases)).astype(bool)
