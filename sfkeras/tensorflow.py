"""TensorFlow with Keras 2. Import `tf` from here, never TensorFlow itself: whoever imports it first chooses its Keras."""

from sfkeras import startup

startup.prepare_tensorflow()

import tensorflow as tf  # noqa: E402

__all__ = ["tf"]
