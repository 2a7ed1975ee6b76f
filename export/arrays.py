"""Images and outputs as files of NumPy."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from sfkeras import atomic_file


def load_images(path: str | os.PathLike) -> np.ndarray:
    """Reads a .npy. Raises: ValueError that names the file if it is none; OSError."""
    with open(path, "rb") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        except OSError:
            raise
        except Exception as error:  # of a damaged header, whatever Python's own parsers say about it
            raise ValueError(f"{path} is no .npy file of numbers: {error}") from None


def save_outputs(path: str | os.PathLike, outputs: dict[str, np.ndarray]) -> None:
    """Writes one output as .npy, or any number by name as .npz. Raises: ValueError if that does not suit the path."""
    suffix, content = Path(path).suffix, io.BytesIO()
    arrays: dict[str, Any] = dict(outputs)
    if suffix == ".npz":
        np.savez(content, **arrays)
    elif suffix == ".npy" and len(arrays) == 1:
        (only,) = arrays.values()
        np.save(content, only)
    else:
        expected = ".npy or .npz" if len(outputs) == 1 else f".npz, for the network has {len(outputs)} outputs"
        raise ValueError(f"the file for outputs is {path}; it must end in {expected}")
    atomic_file.write(path, content.getvalue())
