"""The two interpreters that decide what is right: TensorFlow Lite Micro (TFLM), and tf.lite's reference kernels.

Never tf.lite's default interpreter: its XNNPACK kernels round once where these round twice.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from export.tflite import flatbuffer
from sfkeras.startup import prepare_tensorflow

# Operators whose kernel in BUILTIN_REF does not decide, because TFLM's does something else, and TFLM is deployed.
UNLIKE_TFLM = {
    "FULLY_CONNECTED": "rounds once where TFLM rounds twice",
    "RELU6": "changes the scale where TFLM only clamps",
    "ELU": "is missing",
    "LOGISTIC": "rounds values next to a half otherwise",
}

ARENA_SIZE = 1 << 30  # address space, not memory: pages that TFLM does not touch cost nothing


def run_tflm(content: bytes, inputs: list[np.ndarray], tensors: list[int]) -> dict[int, np.ndarray]:
    """Runs a .tflite image by image in TFLM's interpreter.

    Args:
        content: the .tflite.
        inputs: one int8 (batch, height, width, channels) an input of the model, in its order; the model may have it flat.
        tensors: indices of the tensors to return, also intermediate ones.
    Returns: (batch, ...) by tensor index.
    Raises: RuntimeError if TFLM refuses the model; the reason is in TFLM's own message.
    """
    from tflite_micro.python.tflite_micro import runtime

    with captured_stderr() as messages:
        try:
            interpreter = runtime.Interpreter.from_bytes(
                content, arena_size=ARENA_SIZE, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
            )
            images = []
            for image in _images(inputs):
                for index, value in enumerate(image):
                    interpreter.set_input(value.reshape(interpreter.get_input_details(index)["shape"]), index)
                interpreter.invoke()
                images.append([interpreter.GetTensor(tensor, 0)["tensor_data"] for tensor in tensors])
        except RuntimeError as error:
            raise RuntimeError(f"TFLM: {error} {messages()}".strip()) from None
    return _stacked(tensors, images)


def run_builtin_ref(content: bytes, inputs: list[np.ndarray], tensors: list[int]) -> dict[int, np.ndarray]:
    """Runs a .tflite image by image in tf.lite with the resolver BUILTIN_REF. Arguments and result as in run_tflm.

    Raises: RuntimeError or ValueError if tf.lite refuses the model.
    """
    prepare_tensorflow()
    from tensorflow.lite.python.interpreter import Interpreter, OpResolverType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this interpreter will move to another package
        interpreter = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    images = []
    for image in _images(inputs):
        for detail, value in zip(details, image):
            interpreter.set_tensor(detail["index"], value.reshape(detail["shape"]))
        interpreter.invoke()
        images.append([interpreter.get_tensor(tensor) for tensor in tensors])
    return _stacked(tensors, images)


def without_unlike(content: bytes) -> tuple[bytes, dict[int, str]]:
    """What of a .tflite BUILTIN_REF can prove.

    Returns: (content without the operators that it computes otherwise than TFLM and all that depends on them, why: by
        tensor that is left out, in the order of data flow). The content is the given one if that is all of it.
    """
    model = flatbuffer.parse(content)
    unlike, kept = {}, []
    for operator in model.operators:
        reasons = [unlike[index] for index in operator.inputs if index in unlike]
        if reason := _why_unlike(operator, model):
            reasons.append(f"BUILTIN_REF's {operator.kind} {reason}")
        if reasons:
            unlike |= dict.fromkeys(operator.outputs, reasons[0])
        else:
            kept.append(operator)
    if not unlike:
        return content, {}
    outputs = kept[-1].outputs if kept else model.inputs
    return flatbuffer.to_bytes(replace(model, operators=tuple(kept), outputs=outputs)), unlike


def _why_unlike(operator: flatbuffer.FileOperator, model: flatbuffer.Model) -> str | None:
    """What BUILTIN_REF's kernel of an operator does otherwise than TFLM's, or None."""
    if operator.kind in ("MUL", "ABS", "RELU", "LEAKY_RELU"):
        codings = [model.tensors[index].quantization for index in (*operator.inputs, *operator.outputs)]
        if all(coding is not None and len(coding.scales) == 1 for coding in codings):
            *inputs, output = (np.float32(coding.scales[0]) for coding in codings)
            if np.float64(np.prod(inputs) / output) != np.prod(np.float64(inputs)) / np.float64(output):
                return "computes its factor in float32 where TFLM takes float64"
    return UNLIKE_TFLM.get(operator.kind)


def _images(inputs: list[np.ndarray]):
    """The inputs of one image after the other, each with a batch of one."""
    return ([value[i : i + 1] for value in inputs] for i in range(len(inputs[0])))


def _stacked(tensors: list[int], images) -> dict[int, np.ndarray]:
    return {tensor: np.concatenate(values) for tensor, values in zip(tensors, zip(*images))}


@contextmanager
def captured_stderr():
    """Catches what C++ writes to standard error; gives a function that returns it so far."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: file.seek(0) or " ".join(file.read().decode(errors="replace").split("\n"))
        finally:
            os.dup2(saved, 2)
            os.close(saved)
