"""tflite-ref: tf.lite with its reference kernels (BUILTIN_REF).

Some of these kernels compute otherwise than TFLM's, which are deployed. Their tensors, and all that depend on them, prove
nothing.
"""

from __future__ import annotations

from export.backends import interpreted
from export.backends.backend import Backend, Cost, Maps, MapsUpTo, Run
from export.network import Network
from export.tflite.running.interpreters import tf_lite, without_unlike


def prepare(network: Network, every_tensor: bool) -> Run:
    content, tensors = network.tflite.content, network.tflite.tensors
    cut, unlike = without_unlike(content)
    rest = [name for name, place in tensors.items() if place.index in unlike]
    # To show every tensor, only what can be compared is run: tf.lite lacks some of the other operators.
    shown = [name for name in tensors if name not in rest] if every_tensor else network.graph.outputs
    run = interpreted.runner(network, tf_lite(cut if every_tensor else content, "BUILTIN_REF", every_tensor), shown)
    if not rest:
        return run

    def run_up_to(inputs: Maps, task: bytes | None = None) -> tuple[Maps, Cost]:
        maps, cost = run(inputs)
        return MapsUpTo(maps, rest, next(iter(unlike.values()))), cost

    return run_up_to


BACKEND = Backend(
    "tflite-ref",
    "the .tflite in tf.lite with its reference kernels (BUILTIN_REF)",
    prepare,
    aliases=("tflite", "builtin_ref"),
    modules=("tensorflow",),
    quick=True,
    measures=("seconds",),
)
