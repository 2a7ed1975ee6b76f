"""What has to be set in a process before NumPy and TensorFlow load, and TensorFlow without its greetings."""

import gc
import importlib
import os
import sys
import tempfile
import warnings


def prepare_command():
    """Sets what a command's own process should have. Call it before NumPy loads."""
    # On few cores BLAS threads mostly wait for each other in the golden's many small products.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A network and its traces are a million objects of Python that stay: looking for garbage among them as often as
    # Python does by default takes a seventh of the time to the first training step.
    gc.set_threshold(200_000, 20, 20)
    # A picture with too many pixels is an error of ours, in one line.
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")
    prepare_tensorflow()


def prepare_tensorflow():
    """Chooses Keras 2 and faster kernels for the TensorFlow that loads next.

    TensorFlow reads the first when tf.keras is used for the first time; sfkeras.tensorflow checks it.
    """
    # tensorflow-model-optimization and keras-cv are built on Keras 2, which TensorFlow hands out only when asked.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow leaves oneDNN off on processors without AVX512-VNNI, where a training step takes twice as long without.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def load_tensorflow():
    """Imports TensorFlow and what is built on it; shows what that wrote to standard error only if it failed.

    TensorFlow's C++ writes there before it reads any log level: which CPU features it uses, which GPU it lacks.
    """
    prepare_tensorflow()
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as greetings:
        os.dup2(greetings.fileno(), 2)
        try:
            for module in ("tensorflow", "tensorflow_model_optimization", "sfkeras.data.augment"):
                importlib.import_module(module)
            # To rewrite the graphs of a training takes seconds, and its steps are no faster for it.
            sys.modules["tensorflow"].config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        except BaseException:
            greetings.seek(0)
            os.write(saved, greetings.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
