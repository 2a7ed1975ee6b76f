"""Which test cases a network answers rightly, as a text that fits into a line of results."""

import numpy as np


def pack(right: np.ndarray) -> str:
    """(cases,) bool as "cases:hexadecimal digits", four cases a digit, the first one highest."""
    return f"{len(right)}:{np.packbits(right).tobytes().hex()}"


def unpack(text: str) -> np.ndarray:
    """The (cases,) bool that pack made a text of."""
    cases, digits = text.split(":")
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=int(cases)).astype(bool)
