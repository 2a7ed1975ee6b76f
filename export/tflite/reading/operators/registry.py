"""The readers by operator, and what several of them read of an operator's options."""

from __future__ import annotations

from collections.abc import Callable

from export.tflite.file import schema
from export.tflite.file.flatbuffer import name_of
from export.tflite.kinds import ACTIVATIONS, activation_range

READERS: dict[str, Callable] = {}  # the function that reads an operator, by TFLite's name of it


def reads(*kinds: str):
    """Register the function that reads operators of these kinds."""

    def register(reader: Callable) -> Callable:
        READERS.update({kind: reader for kind in kinds})
        return reader

    return register


def clamp(step, options) -> dict[str, int]:
    """The fields that hold the fused activation."""
    minimum, maximum = clamp_codes(step, options)
    return {"minimum": minimum, "maximum": maximum}


def clamp_codes(step, options) -> tuple[int, int]:
    """Smallest and largest code that the fused activation lets through."""
    name = name_of(schema.ActivationFunctionType, options.fusedActivationFunction)
    step.require(name in ACTIVATIONS, f"its activation is {name}; it must be one of {', '.join(ACTIVATIONS)}")
    return activation_range(name, *step.coding(step.output()))


def require_no_clamp(step, options) -> None:
    """Refuse a fused activation."""
    name = name_of(schema.ActivationFunctionType, options.fusedActivationFunction)
    step.require(name == "NONE", f"its activation is {name}; it must be NONE")


def one_number(step, n: int, what: str, type: str = "INT32") -> int:
    """The one value of a constant."""
    values = step.constant(n, what, type)
    step.require(values.size == 1, f"{what} has {values.size} values; expected one")
    return int(values.ravel()[0])
