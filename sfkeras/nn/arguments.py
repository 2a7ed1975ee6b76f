"""What a caller gives `quantise`, `freeze` and `export.open`: a float model of Keras 2, and images of its shape."""

import numpy as np

from sfkeras.tensorflow import tf

keras = tf.keras


def require_keras(model):
    """Refuse what is no model of Keras 2. Raises: ValueError."""
    if isinstance(model, keras.Model):
        return
    if any(kind.__module__.startswith("keras.") for kind in type(model).__mro__):
        raise ValueError(
            "the model is one of Keras 3, but sfkeras needs Keras 2. Make it with tf_keras, or convert it to an int8 "
            ".tflite, which export.open takes."
        )
    raise ValueError(f"got {type(model).__name__}. Expected a Keras model; sfkeras.load_model loads a saved one.")


def require_float(model):
    """Refuse what is no float model with inputs of known shape. Raises: ValueError."""
    require_keras(model)
    if not getattr(model, "inputs", None):
        raise ValueError(
            "the model has no inputs of known shape. Expected a functional model, or a Sequential one that begins with "
            "keras.Input."
        )
    if any(type(layer).__name__ == "Fixed8Layer" for layer in model.layers):
        raise ValueError(f"{model.name} is in fixed8 already, and export.open takes it. Expected a float model.")


def suitable(model, images):
    """Return a batch of images as it is. Raises: ValueError if a model of one input cannot take them, or its int8 form
    would clip them.
    """
    if len(model.inputs) != 1:
        return images
    shape, found = model.inputs[0].shape, np.asarray(images)
    if found.ndim != len(shape) or not all(size in (None, got) for size, got in zip(shape, found.shape)):
        expected = ", ".join("images" if size is None else str(size) for size in shape)
        raise ValueError(f"the images are {found.dtype} {found.shape}. Expected ({expected}).")
    least, most = (found.min(), found.max()) if found.size else (0, 0)
    if least < -1 or most > 1:
        raise ValueError(
            f"the images have values from {least:.4g} to {most:.4g}. Expected -1 to 1, which int8 codes stand for: "
            "(pixel - 128) / 128."
        )
    return images
