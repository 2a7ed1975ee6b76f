"""Loads TensorFlow without its greetings."""

import importlib
import os
import sys
import tempfile


def load_tensorflow():
    """Imports TensorFlow and what is built on it; shows what that wrote to standard error only if it failed.

    TensorFlow's C++ writes there before it reads any log level: which CPU features it uses, which GPU it lacks.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as greetings:
        os.dup2(greetings.fileno(), 2)
        try:
            for module in "tensorflow", "tensorflow_model_optimization", "sfkeras.data.augment":
                importlib.import_module(module)
        except BaseException:
            greetings.seek(0)
            os.write(saved, greetings.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
