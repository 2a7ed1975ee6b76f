"""Models that are saved and loaded by Keras, in any process."""

import json
import os
import zipfile

from sfkeras.errors import RecipeError
from sfkeras.tensorflow import tf

keras = tf.keras


@keras.utils.register_keras_serializable("sfkeras")
class SfkerasModel(keras.Model):
    """A functional model whose .keras file names this module.

    So Keras imports the layers when it loads the file, in a process that has not used them before.
    """

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from sfkeras.nn import blocks, layers  # noqa: F401, which registers their layers
        from sfkeras.nn.freezing import schemes  # noqa: F401, which registers their layers
        from sfkeras.nn.quantisation import piecewise  # noqa: F401, which registers their layers

        if any(layer["class_name"] == "Fixed8Layer" for layer in config["layers"]):
            from sfkeras.nn.quantisation import fixed8  # noqa: F401, and this its quantizers; tfmot takes long to load
        return super().from_config(config, custom_objects)


def load_model(path):
    """Return a saved model, float or fixed8: a .keras or .h5 file, or a SavedModel folder.

    A .keras file can also be loaded with tf.keras.models.load_model. A .h5 file does not say where
    its layers come from, so Keras alone cannot load it.

    Args:
        path: file or folder that `model.save` has written.
    Returns: tf.keras.Model.
    Raises: RecipeError if there is no such file, or it is not a saved model.

    Example:
        >>> import os, tempfile, sfkeras
        >>> model = sfkeras.SemifreddoNet((32, 32, 3), cores=1, frozen=False, width=0.25)
        >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
        >>> model.save(path)
        >>> sfkeras.load_model(path).count_params() == model.count_params()
        True
    """
    from sfkeras.nn import blocks, layers  # noqa: F401, which registers their layers
    from sfkeras.nn.freezing import schemes  # noqa: F401, which registers their layers
    from sfkeras.nn.quantisation import fixed8, piecewise  # noqa: F401, which registers their layers

    known = keras.utils.get_custom_objects()
    names = {name.removeprefix("sfkeras>"): known[name] for name in known}  # a .h5 file has the names without sfkeras
    if not os.path.exists(path):
        raise RecipeError(f"{path} does not exist. Give a file or folder that model.save has written.")
    try:
        return keras.models.load_model(path, names)
    except (OSError, ValueError, TypeError, KeyError) as error:
        if (version := _keras_of(path)).startswith("3."):
            raise RecipeError(
                f"{path} was saved by Keras {version}, but sfkeras needs Keras 2. Make it with tf_keras and save it "
                "again, or convert it to an int8 .tflite."
            ) from error
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(
            f"{path} is not a model that Keras 2 can load: {reason}. Save it again with model.save."
        ) from error


def _keras_of(path):
    """Return the version of the Keras that saved a .keras or .h5 file; nothing if it does not say."""
    import h5py  # which TensorFlow brings

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as parts:
                return json.loads(parts.read("metadata.json"))["keras_version"]
        with h5py.File(path) as file:
            return str(file.attrs["keras_version"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""
