"""The public object that `export.open` gives, and a network from wherever a user has it: a run folder, a .tflite, a
compiled folder or a graph file.

Each method imports what it needs, so that one who only plans or compiles waits for nothing else.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from export.graph import graph_file, limits
from export.graph.graph import Graph
from export.graph.passes import constant_channels
from export.graph.passes.joined_inputs import with_one_input
from export.graph.passes.resize import parse_size
from export.graph.tensor import INT8_MAX, INT8_MIN, Tensor
from export.network import Network, written
from export.tflite.placed import Tflite

if typing.TYPE_CHECKING:
    from export.proof.comparison import Verification

KERAS = (".keras", ".h5")  # suffixes of saved models


class OpenNetwork(Network):
    """A network with all that a user does with it."""

    def predict(self, x: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Return the outputs of a batch, by the compiled C on this computer; it is compiled at the first call.

        Args:
            x: int8 codes, or floats, (batch, height, width, channels). Floats become codes by the input's scale and zero
                point, and outputs become floats by theirs.
        Returns: int8 or float32, (batch, height, width, channels); by name if there are several outputs.
        Raises: ValueError if x does not suit; MachineError if there is no compiler.
        """
        image = self.graph.tensor(self.graph.inputs[0])
        real = np.issubdtype(x.dtype, np.floating)
        codes = _codes(image, x) if real else x
        if codes.dtype != np.int8 or codes.shape[1:] != image.shape or len(codes) == 0:
            raise ValueError(f"the images are {x.dtype} {x.shape}; they must be int8 or float {image.batch}")
        outputs = self._predict(codes)
        if real:
            outputs = {name: self.graph.tensor(name).real(values) for name, values in outputs.items()}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    @cached_property
    def _predict(self) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        """The compiled C on this computer, as a function of int8 codes."""
        from export.backends import registry

        run = registry.BACKENDS["c-native"].prepare(self, False)
        return lambda codes: run({self.graph.inputs[0]: codes})[0]

    def verify(self, inputs: int = 20, few: int = 4, on: str | list[str] | None = None) -> Verification:
        """Prove that all exact backends give the same bytes, on random images.

        Args:
            inputs: how many random images.
            few: how many of them for the slow backends.
            on: names of backends, such as "c-native,m4" or a list; None for all (docs/backends.md).
        Returns: Verification; `passed` is the answer and its text the table.
        """
        from export.backends import registry
        from export.graph.golden import random_inputs
        from export.proof.proof import Proof

        chosen = [backend.name for backend in registry.select(on, registry.provable())]
        return Proof(self, few, chosen).verify(random_inputs(self.graph, inputs))

    def compile(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write the line-streaming C into a folder, made if need be. Returns: the files written."""
        from export.c import project

        return project.write_folder(self.plan, folder, self.graph)

    def bench(self, on: str | None = None) -> list:
        """Measure one inference on backends, such as "m4,host"; None for all that measure (docs/backends.md).

        Returns: one result per table; its text is the table.
        """
        from export.backends import registry
        from export.measure import bench

        return list(bench.measure(self, registry.select(on, registry.benchable())))


def _codes(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """Real values as int8 codes, rounded to nearest."""
    return np.clip(np.rint(values / np.float32(tensor.scale)) + tensor.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)


def open_network(path: str | os.PathLike, size: str | None = None) -> OpenNetwork:
    """Opens a network as it is, or for images of another size such as "480x640". See read_network."""
    return _sized(read_network(path), size)


def quantised(path: str | os.PathLike, files: Sequence[Path], pixels: str, size: str | None = None) -> OpenNetwork:
    """Quantises a float Keras model, whose ranges are found on pictures. See export.tflite.convert; size as open_network."""
    from export.tflite import convert

    return _sized(of_tflite(convert.to_tflite(path, files, pixels), Path(path)), size)


def _sized(network: OpenNetwork, size: str | None) -> OpenNetwork:
    return network.resized(parse_size(size)) if size else network


def read_network(path: str | os.PathLike) -> OpenNetwork:
    """Opens a run folder (runs/face), a .tflite, a compiled folder, or a .graph.

    Raises: ValueError (of a kind that names the file and the reason) or OSError.
    """
    path = Path(path)
    if path.suffix == ".tflite":
        with open(path, "rb") as file:
            return of_tflite(file.read(limits.MOST_FILE_BYTES + 1), path)
    if path.suffix in KERAS:
        raise ValueError(
            f"{path} is a Keras model. `sfkeras compile {path} OUT --pictures=FOLDER` quantises it on pictures; "
            "sfkeras.quantise and export.open do it in Python"
        )
    graph = graph_file.load(graph_path(path))
    exported = path / "export" / f"{graph.name}.tflite"
    return OpenNetwork(graph, partial(_exported, exported.read_bytes())) if exported.exists() else OpenNetwork(graph)


def of_tflite(content: bytes, path: Path) -> OpenNetwork:
    """The network in the bytes of a .tflite, named as its file. Raises: ValueError."""
    from export.tflite.file import metadata
    from export.tflite.reading import reader

    try:
        graph, model = reader.read(content)
    except reader.TfliteError as error:
        raise ValueError(f"{path}: {error}") from None
    graph = replace(graph, name=path.stem)  # in the file it is called "main" or nothing at all
    graph, model = with_one_input(graph), replace(model, inputs=graph.inputs)
    graph = metadata.known_of(model.content, graph)
    return OpenNetwork(constant_channels.for_channels(graph, constant_channels.CHANGING), lambda _: model)


def _exported(content: bytes, graph: Graph) -> Tflite:
    """The file under test. Where its tensors are follows from the graph alone."""
    return replace(written(graph), content=content)


def graph_path(path: Path) -> Path:
    """The one graph file that a path names or a folder holds. Raises: ValueError."""
    if path.suffix == ".graph":
        return path
    found = sorted([*path.glob("*.graph"), *path.glob("export/*.graph")])
    if len(found) > 1:
        raise ValueError(f"{path} holds {len(found)} networks; give one of them, such as {found[0]}")
    if not found:
        raise ValueError(
            f"{path} is no run with an export, no compiled folder and no .tflite: no .graph file is in it or in its "
            "folder export"
        )
    return found[0]
