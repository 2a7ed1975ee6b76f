"""tflm: TensorFlow Lite Micro's interpreter, whose kernels decide what the bytes of a .tflite are."""

from __future__ import annotations

from export.backends import interpreted
from export.backends.backend import Backend, Run
from export.network import Network
from export.tflite.running import arena
from export.tflite.running.interpreters import tflm


def prepare(network: Network, every_tensor: bool) -> Run:
    content = network.tflite.content
    interpreter = tflm(content, every_tensor)
    cost = {} if every_tensor else {"arena": arena.measure(content).total}  # takes a process of its own
    return interpreted.runner(network, interpreter, interpreted.shown(network, every_tensor), **cost)


BACKEND = Backend(
    "tflm",
    "the .tflite in TensorFlow Lite Micro, its wheel's kernels",
    prepare,
    modules=("tflite_micro",),
    quick=True,
    measures=("seconds",),
)
