"""TensorFlow with Keras 2. Import `tf` from here, never TensorFlow itself: whoever imports it first chooses its Keras."""

from sfkeras import startup

startup.prepare_tensorflow()

import tensorflow as tf  # noqa: E402

if not tf.keras.layers.Layer.__module__.startswith("tf_keras"):
    raise ImportError(
        "TensorFlow chose Keras 3 before sfkeras was used; sfkeras needs Keras 2. Use a name of sfkeras before tf.keras, or "
        "start Python with TF_USE_LEGACY_KERAS=1."
    )

__all__ = ["require_float32", "tf"]


def require_float32() -> None:
    """Refuse a Keras policy other than float32. Raises: ValueError.

    Frozen codes and fixed8 are exact in float32. In float16 they would be rounded again.
    """
    policy = tf.keras.mixed_precision.global_policy().name
    if policy != "float32":
        raise ValueError(
            f"the Keras policy is {policy}, but frozen codes and fixed8 need float32. Write "
            "tf.keras.mixed_precision.set_global_policy('float32')."
        )
