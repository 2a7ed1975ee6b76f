"""The interpreters of .tflite: TensorFlow Lite Micro (TFLM), and tf.lite.

TFLM and tf.lite's reference kernels decide what is right. tf.lite's default kernels (XNNPACK) do not: they round once
where the others round twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from export.tflite.file import flatbuffer
from export.tflite.file.flatbuffer import TfliteError
from export.tflite.running import runtimes
from export.tflite.running.child import Died, Server
from export.tflite.running.runtimes import Runtime

SERVERS = {
    "TFLM": Server("tflite_micro.python.tflite_micro.runtime"),
    "tf.lite": Server("tensorflow.lite.python.interpreter"),
}

# Operators whose kernel in BUILTIN_REF does not decide, because TFLM's does something else, and TFLM is deployed.
UNLIKE_TFLM = {
    "SUM": "lets a sum overflow where TFLM clamps it",
    "FULLY_CONNECTED": "rounds once where TFLM rounds twice",
    "RELU6": "changes the scale where TFLM only clamps",
    "ELU": "is missing",
    "ZEROS_LIKE": "knows no int8",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "has other numbers between its steps",
    "LOGISTIC": "rounds values next to a half otherwise",
}

# Operators at which TFLM ends its process although the file is sound, and what to do.
WHERE_TFLM_STOPS = {
    "SOFTMAX": ", which stops at 512 or more nearly equal classes: train the network first, or leave the SOFTMAX out"
}

ARENA_SIZE = 1 << 30  # address space, not memory: pages that TFLM does not touch cost nothing


class Interpreter:
    """A .tflite in an interpreter, which runs in another process because it may end it.

    Args:
        library: "TFLM" or "tf.lite".
        content: the .tflite.
        runtime, settings: class of export.tflite.running.runtimes, and its arguments after the content.

    Attributes:
        seconds: processor time of all inferences so far.
    """

    def __init__(self, library: str, content: bytes, runtime: type[Runtime], *settings: Any):
        self.library, self.content, self.runtime, self.settings = library, content, runtime, settings
        self.seconds = 0.0

    def run(self, inputs: list[np.ndarray], tensors: list[int], timed: bool = False) -> dict[int, np.ndarray]:
        """Run a batch.

        Args:
            inputs: int8 (batch, height, width, channels) by input of the model, in its order; the model may have it flat.
            tensors: indices of the tensors to return.
            timed: run the first image once before the others, so that caches are filled.
        Returns: (batch, ...) by tensor index.
        Raises: RuntimeError or ValueError if the interpreter refuses the model, with its own message; RuntimeError that
            names the operator if it dies.
        """
        try:
            made, seconds = self._call(self.content, inputs, tensors, timed)
        except Died as error:
            raise RuntimeError(f"{self.library} {error}{self._place_of_death(inputs)}") from None
        except RuntimeError as error:
            raise RuntimeError(f"{self.library}: {error}") from None
        self.seconds += seconds
        return made

    def _call(self, content: bytes, *arguments: Any):
        return SERVERS[self.library].call(runtimes.run, self.runtime, (content, *self.settings), *arguments)

    def _place_of_death(self, inputs: list[np.ndarray]) -> str:
        """Return which operator it was given when it died: the first n operators live, the first n + 1 do not."""
        image = [value[:1] for value in inputs]
        try:
            model = flatbuffer.parse(self.content)
            operators = range(len(model.operators))
            index = bisect_left(operators, True, key=lambda index: self._dies(_up_to(model, index), image))
        except (TfliteError, AttributeError):  # a file that is not read or cannot be written again
            return ""
        if index not in operators:
            return ""
        kind = model.operators[index].kind
        return f"; it was given operator {index} ({kind}){WHERE_TFLM_STOPS.get(kind, '')}"

    def _dies(self, content: bytes, image: list[np.ndarray]) -> bool:
        try:
            self._call(content, image, [], False)
        except Died:
            return True
        except (RuntimeError, ValueError):
            pass
        return False


def _up_to(model: flatbuffer.Model, index: int) -> bytes:
    """Return the .tflite that ends with an operator."""
    operators = model.operators[: index + 1]
    return flatbuffer.to_bytes(replace(model, operators=operators, outputs=operators[-1].outputs))


def tflm(content: bytes, every_tensor: bool = True) -> Interpreter:
    """Return a .tflite in TFLM. every_tensor: whether intermediate tensors can be returned too."""
    outputs = None if every_tensor else flatbuffer.parse(content).outputs
    return Interpreter("TFLM", content, runtimes.Tflm, outputs, ARENA_SIZE)


def tf_lite(content: bytes, kernels: str, every_tensor: bool = True) -> Interpreter:
    """Return a .tflite in tf.lite, with kernels "BUILTIN_REF", or "AUTO" for those that it takes by default."""
    return Interpreter("tf.lite", content, runtimes.TfLite, kernels, every_tensor)


def run_tflm(content: bytes, inputs: list[np.ndarray], tensors: list[int]) -> dict[int, np.ndarray]:
    """Runs a .tflite in TFLM once; see Interpreter.run. Intermediate tensors can be returned too."""
    return tflm(content).run(inputs, tensors)


def without_unlike(content: bytes) -> tuple[bytes, dict[int, str]]:
    """What of a .tflite BUILTIN_REF can prove.

    Returns: (content without the operators that it computes otherwise than TFLM and all that depends on them, why: by
        tensor that is left out, in the order of data flow). The content is the given one if that is all of it.
    """
    model = flatbuffer.parse(content)
    states: dict[Hashable, str] = {}
    known = -1
    while known < len(states):  # a state that is unlike makes what reads it unlike, in the next call
        known = len(states)
        unlike, kept = _unlike(model, states)
    if not unlike:
        return content, {}
    outputs = kept[-1].outputs if kept else model.inputs
    return flatbuffer.to_bytes(replace(model, operators=tuple(kept), outputs=outputs)), unlike


def _unlike(
    model: flatbuffer.Model, states: dict[Hashable, str]
) -> tuple[dict[int, str], list[flatbuffer.FileOperator]]:
    """Return why tensors are unlike, and the operators that are not; add the states that these keep to `states`."""
    unlike: dict[int, str] = {}
    kept, handles = [], {}
    for operator in model.operators:
        reasons = [unlike[index] for index in operator.inputs if index in unlike]
        state = handles.get(operator.inputs[0]) if operator.inputs else None
        if operator.kind == "VAR_HANDLE":
            handles[operator.outputs[0]] = operator.options.container, operator.options.sharedName
        elif state in states:
            reasons.append(states[state])
        elif state and reasons:
            states[state] = reasons[0]
        if reason := _why_unlike(operator, model):
            reasons.append(f"BUILTIN_REF's {operator.kind} {reason}")
        if reasons:
            unlike |= dict.fromkeys(operator.outputs, reasons[0])
        else:
            kept.append(operator)
    return unlike, kept


def _why_unlike(operator: flatbuffer.FileOperator, model: flatbuffer.Model) -> str | None:
    """What BUILTIN_REF's kernel of an operator does otherwise than TFLM's, or None."""
    if operator.kind in ("MUL", "ABS", "RELU", "LEAKY_RELU"):
        codings = [model.tensors[index].quantization for index in (*operator.inputs, *operator.outputs)]
        if all(coding is not None and len(coding.scales) == 1 for coding in codings):
            *inputs, output = (np.float32(coding.scales[0]) for coding in codings)
            if np.float64(np.prod(inputs) / output) != np.prod(np.float64(inputs)) / np.float64(output):
                return "computes its factor in float32 where TFLM takes float64"
    if operator.kind == "SVDF" and model.tensors[operator.inputs[2]].type == "INT8":
        return "has int16 states where TFLM has int8"
    return UNLIKE_TFLM.get(operator.kind)
