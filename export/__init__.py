"""From a trained SemifreddoNet, or any int8 .tflite, to what is deployed: integer graph, .tflite, C, proof and report.

    import export

    network = export.open("model_int8.tflite")
    print(network.plan)                 # rows, buffers and latency of line streaming
    codes = network.predict(images)     # by the compiled C, on this computer
    network.compile("out/")             # the C as a folder

Importing the package loads nothing else and changes nothing in the process.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from export.opening import OpenNetwork

__all__ = ["open"]


def open(path_or_model, size: str | None = None) -> OpenNetwork:  # noqa: A001, read as export.open
    """Open a network: a run folder, an int8 .tflite, a compiled folder, a .graph, or a Keras model in fixed8.

    Args:
        path_or_model: a path, or a Keras model of sfkeras after its fixed8 training.
        size: height and width of the images, such as "480x640", if not those of the training.
    Returns: OpenNetwork.
    Raises: ValueError that names the file and the reason; OSError.

    Example:
        >>> import export, numpy as np
        >>> network = export.open("model.tflite")
        >>> network.predict(np.zeros((1, 5, 6, 3), np.int8)).shape
        (1, 5, 6, 3)
        >>> network.verify(inputs=2, on=["gcc-O3"]).passed
        True
    """
    import os

    from export.opening import OpenNetwork, open_network

    if isinstance(path_or_model, (str, os.PathLike)):
        return open_network(path_or_model, size)
    from export.graph.passes.resize import parse_size
    from export.lower import lower

    network = OpenNetwork(lower(path_or_model, path_or_model.name, {}))
    return network.resized(parse_size(size)) if size else network
