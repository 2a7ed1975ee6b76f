"""The interpreters of .tflite: TensorFlow Lite Micro (TFLM), and tf.lite.

TFLM and tf.lite's reference kernels decide what is right. tf.lite's default kernels (XNNPACK) do not: they round once
where the others round twice.
"""

from __future__ import annotations

import os
import tempfile
import time
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


class Interpreter:
    """A .tflite in an interpreter, which runs it image by image.

    Attributes:
        seconds: processor time of all inferences so far.
    """

    seconds = 0.0

    def run(self, inputs: list[np.ndarray], tensors: list[int]) -> dict[int, np.ndarray]:
        """Run a batch.

        Args:
            inputs: int8 (batch, height, width, channels) by input of the model, in its order; the model may have it flat.
            tensors: indices of the tensors to return.
        Returns: (batch, ...) by tensor index.
        """
        images = []
        for image in _images(inputs):
            for index, value in enumerate(image):
                self._set(index, value)
            begin = time.process_time()
            self._invoke()
            self.seconds += time.process_time() - begin
            images.append([self._get(tensor) for tensor in tensors])
        return _stacked(tensors, images)


class Tflm(Interpreter):
    """A .tflite in TFLM's interpreter.

    Args:
        content: the .tflite.
        every_tensor: whether intermediate tensors are kept, so that they can be returned.
    Raises: RuntimeError if TFLM refuses the model, here or at its first run; the reason is in TFLM's own message.
    """

    def __init__(self, content: bytes, every_tensor: bool = True):
        from tflite_micro.python.tflite_micro import runtime

        kinds = runtime.InterpreterConfig
        config = kinds.kPreserveAllTensors if every_tensor else kinds.kAllocationRecording
        with _tflm_messages():
            self.interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_SIZE, intrepreter_config=config)
        self.content = content  # which the interpreter reads from
        self.outputs = None if every_tensor else list(flatbuffer.parse(content).outputs)

    def run(self, inputs, tensors):
        with _tflm_messages():
            return super().run(inputs, tensors)

    def _set(self, index, value):
        self.interpreter.set_input(value.reshape(self.interpreter.get_input_details(index)["shape"]), index)

    def _invoke(self):
        self.interpreter.invoke()

    def _get(self, tensor):
        if self.outputs is None:
            return self.interpreter.GetTensor(tensor, 0)["tensor_data"]
        return self.interpreter.get_output(self.outputs.index(tensor))


class TfLite(Interpreter):
    """A .tflite in tf.lite's interpreter, in one thread.

    Args:
        content: the .tflite.
        kernels: "BUILTIN_REF", or "AUTO" for those that tf.lite takes by default.
        every_tensor: whether intermediate tensors are kept, so that they can be returned.
    Raises: RuntimeError or ValueError if tf.lite refuses the model.
    """

    def __init__(self, content: bytes, kernels: str, every_tensor: bool = True):
        prepare_tensorflow()
        from tensorflow.lite.python import interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this interpreter will move to another package
            self.interpreter = interpreter.Interpreter(
                model_content=content,
                num_threads=1,
                experimental_op_resolver_type=interpreter.OpResolverType[kernels],
                experimental_preserve_all_tensors=every_tensor,
            )
        self.content = content  # which the interpreter reads from
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()

    def _set(self, index, value):
        self.interpreter.set_tensor(self.inputs[index]["index"], value.reshape(self.inputs[index]["shape"]))

    def _invoke(self):
        self.interpreter.invoke()

    def _get(self, tensor):
        return self.interpreter.get_tensor(tensor)


def run_tflm(content: bytes, inputs: list[np.ndarray], tensors: list[int]) -> dict[int, np.ndarray]:
    """Runs a .tflite in TFLM once; see Tflm and Interpreter.run. Intermediate tensors can be returned too."""
    return Tflm(content).run(inputs, tensors)


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
def _tflm_messages():
    """Adds to a RuntimeError what TFLM said about it on standard error."""
    with captured_stderr() as messages:
        try:
            yield
        except RuntimeError as error:
            raise RuntimeError(f"TFLM: {error} {messages()}".strip()) from None


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
