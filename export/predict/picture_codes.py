"""Pictures as the int8 codes of a network's input, prepared as in training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.graph import meaning
from export.graph.graph import Graph
from sfkeras.data import images, pictures


def read(graph: Graph, paths: Sequence[Path]) -> npt.NDArray[np.int8]:
    """Return pictures as codes of the input, (pictures, height, width, channels): code = pixel - 128.

    A network that was quantised on whole pixel ranges, 0..1 as well as -1..1, has the same codes.

    Raises: ValueError if the input is no picture, or a file is none.
    """
    height, width, channels = graph.tensor(graph.inputs[0]).shape
    if channels not in (1, 3):
        raise ValueError(f"the input of {graph.name} is {height}x{width}x{channels}; a picture has 1 channel or 3")
    shape = (height, width, channels)
    crop = pictures.fitting(meaning.fit_of(graph), shape)
    return images.to_codes(np.stack([pictures.read(path, path, shape, crop) for path in paths]))


def found(paths: Sequence[str]) -> list[Path]:
    """Return the pictures that words of a command name: files, and all pictures inside folders, by name.

    Raises: ValueError if there is no such file, or a folder has no picture.
    """
    files: list[Path] = []
    if not paths:
        raise ValueError("PICTURE is missing; give a picture, or a folder of pictures")
    for path in map(Path, paths):
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"{path} holds no picture; these are read: {', '.join(sorted(images.SUFFIXES))}")
        if not path.exists():
            raise ValueError(f"{path} does not exist; give a picture, or a folder of pictures")
        files += inside
    return files


def _inside(folder: Path) -> list[Path]:
    """Return the pictures in a folder and in the folders inside it."""
    folders = sorted(path for path in folder.rglob("*") if path.is_dir() and not path.name.startswith("."))
    return [file for each in [folder, *folders] for file in images.image_files(each)]
