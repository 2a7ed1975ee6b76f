"""A Keras model as an int8 .tflite, by TensorFlow's converter, with ranges found on pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sfkeras.data import pictures

RANGE = "-1..1"  # what a pixel from 0 to 255 becomes: (pixel - 128) / 128
RANGES = {RANGE: (128, 128), "0..1": (0, 255), "0..255": (0, 1)}  # what is subtracted, then what divides
MOST = 500  # pictures


def require_known(name: str) -> None:
    """Raise ValueError if a range of pixels is none of RANGES."""
    if name not in RANGES:
        raise ValueError(f"--pixels is {name!r}; expected one of {', '.join(RANGES)}")


def to_tflite(path: str | os.PathLike[str], files: Sequence[Path], pixels: str = RANGE) -> bytes:
    """Return a saved float model in int8: weights, activations, input and output.

    Args:
        path: .keras or .h5 file.
        files: pictures like those that the network will see; up to MOST, evenly spread, are used.
        pixels: the range in which the model takes pixels, one of RANGES.
    Raises: ValueError if the model does not take one image, or the converter refuses it.
    """
    from sfkeras.startup import load_tensorflow

    require_known(pixels)
    if not os.path.exists(path):  # before TensorFlow is loaded
        raise ValueError(f"{path} does not exist; give a file that model.save has written")
    load_tensorflow()
    from sfkeras.nn.arguments import require_float
    from sfkeras.nn.saved import load_model
    from sfkeras.tensorflow import tf

    model, (offset, scale) = load_model(path), RANGES[pixels]
    try:
        require_float(model)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    shape = tuple(model.inputs[0].shape[1:])
    if len(model.inputs) != 1 or len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        raise ValueError(f"{path} takes {model.input_shape}; expected one image of fixed size with 1 or 3 channels")
    some = files[:: -(-len(files) // MOST)]

    def batches():
        for number, file in enumerate(some):
            image = pictures.read(file, file, shape).astype(np.float32)
            if number == 0:  # so that the input has its whole range, and a code is a pixel - 128
                image[0, 0], image[0, 1] = 0, 255
            yield [(image[None] - offset) / scale]

    @tf.function(input_signature=[tf.TensorSpec((1, *shape), tf.float32)])
    def one(image):
        return model(image, training=False)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([one.get_concrete_function()], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = batches
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    try:
        return converter.convert()
    except Exception as error:  # noqa: BLE001, the converter's own kinds are not public
        reason = str(error).strip().splitlines()[0][:200]
        raise ValueError(f"{path}: TensorFlow's converter refuses it: {reason}") from error
