"""Imported before any test: sfkeras chooses Keras 2 before TensorFlow loads."""

import sfkeras  # noqa: F401
