"""xnnpack: tf.lite as it runs by default. Its kernels round once where TFLM rounds twice, so it proves nothing."""

from __future__ import annotations

from export.backends import interpreted
from export.backends.backend import Backend, Run
from export.network import Network
from export.tflite.running.interpreters import tf_lite


def prepare(network: Network, every_tensor: bool) -> Run:
    return interpreted.runner(network, tf_lite(network.tflite.content, "AUTO", False), network.graph.outputs)


BACKEND = Backend(
    "xnnpack",
    "the .tflite in tf.lite as it runs by default, one thread; it rounds once where the others round twice",
    prepare,
    exact=False,
    modules=("tensorflow",),
    quick=True,
    shows_every_tensor=False,
    measures=("seconds",),
)
