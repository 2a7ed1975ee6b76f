"""Proofs of a .tflite that a test has made or changed."""

from export.network import Network
from export.proof.proof import Proof

INTERPRETERS = ["tflite-ref", "tflm"]


def prove_tflite(graph, tflite, inputs, on=INTERPRETERS):
    """Compares golden with both interpreters of .tflite, or with one."""
    return Proof(Network(graph, lambda _: tflite), few=None, on=on).verify(inputs)
