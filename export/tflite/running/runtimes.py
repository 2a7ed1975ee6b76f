"""TFLM and tf.lite in this process, which they may end: export/tflite/running/interpreters.py runs them in another one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from export.tflite.running.child import stderr_so_far


class Runtime:
    """A .tflite that runs image by image.

    Attributes:
        seconds: processor time of all inferences so far.
    """

    seconds = 0.0

    def run(self, inputs: list[np.ndarray], tensors: list[int], timed: bool) -> dict[int, np.ndarray]:
        """Run a batch; see Interpreter.run. timed: run the first image once before, so that caches are filled."""
        images = list(zip(*inputs))
        if timed:
            self._run(images[0])
            self.seconds = 0.0
        made = []
        for image in images:
            self._run(image)
            made.append([np.atleast_1d(self._get(tensor)) for tensor in tensors])
        return {tensor: np.concatenate(values) for tensor, values in zip(tensors, zip(*made))}

    def _run(self, image: Sequence[np.ndarray]) -> None:
        for index, value in enumerate(image):
            self._set(index, value)
        begin = time.process_time()
        self._invoke()
        self.seconds += time.process_time() - begin

    def _set(self, index: int, value: np.ndarray) -> None:
        raise NotImplementedError

    def _invoke(self) -> None:
        raise NotImplementedError

    def _get(self, tensor: int) -> np.ndarray:
        raise NotImplementedError


class Tflm(Runtime):
    """A .tflite in TFLM.

    Args:
        content: the .tflite.
        outputs: indices of the tensors that are its outputs; None keeps all tensors, so that each can be returned.
        arena_size: bytes.
    """

    def __init__(self, content: bytes, outputs: Sequence[int] | None, arena_size: int):
        from tflite_micro.python.tflite_micro import runtime

        kinds = runtime.InterpreterConfig
        config = kinds.kPreserveAllTensors if outputs is None else kinds.kAllocationRecording
        self.interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_size, intrepreter_config=config)
        self.content, self.outputs = content, outputs  # the interpreter reads from the content

    def _set(self, index, value):
        self.interpreter.set_input(value.reshape(self.interpreter.get_input_details(index)["shape"]), index)

    def _invoke(self):
        self.interpreter.invoke()

    def _get(self, tensor):
        if self.outputs is None:
            return self.interpreter.GetTensor(tensor, 0)["tensor_data"]
        return self.interpreter.get_output(self.outputs.index(tensor))


class TfLite(Runtime):
    """A .tflite in tf.lite, in one thread.

    Args:
        content: the .tflite.
        kernels: "BUILTIN_REF", or "AUTO" for those that tf.lite takes by default.
        every_tensor: whether intermediate tensors are kept, so that they can be returned.
    """

    def __init__(self, content: bytes, kernels: str, every_tensor: bool):
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


def run(kind: type[Runtime], settings: tuple[Any, ...], inputs, tensors, timed: bool):
    """Run a batch in a new runtime.

    Args:
        kind, settings: its class, and the arguments of that.
        inputs, tensors, timed: see Runtime.run.
    Returns: (batch, ...) by tensor index, and processor seconds.
    Raises: RuntimeError with what the runtime wrote to standard error; ValueError.
    """
    try:
        runtime = kind(*settings)
        return runtime.run(inputs, tensors, timed), runtime.seconds
    except RuntimeError as error:
        raise RuntimeError(" ".join(f"{error} {stderr_so_far()}".split())) from None
