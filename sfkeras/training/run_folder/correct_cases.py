"""Which test cases a network gets right, as a text that fits into a line of a results file."""

import numpy as np


def pack(right: np.ndarray) -> str:
    """Return a (cases,) bool array as "cases:hexadecimal digits": four cases per digit, the first
    case is the highest bit.
    """
    return f"{len(right)}:{np.packbits(right).tobytes().hex()}"


def unpack(text: str) -> np.ndarray:
    """Return the (cases,) bool array of a text from pack. Raises: ValueError if it is no such text."""
    cases, _, digits = text.partition(":")
    packed = bytes.fromhex(digits)
    if not cases.isdecimal() or len(packed) != -(-int(cases) // 8):
        raise ValueError(f"answers have {len(packed)} bytes for {cases[:20]} cases")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=int(cases)).astype(bool)
