"""From a trained SemifreddoNet to what is deployed: integer graph, .tflite, C sources, proof and report."""

import os

import sfkeras  # noqa: F401, chooses Keras 2 before TensorFlow loads

# Set before numpy loads: on few cores BLAS threads mostly wait for each other in the golden's many small products.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
