"""Images of the MNIST family in its own files: train-images-idx3-ubyte, train-labels-idx1-ubyte, and
t10k-* for testing, compressed with gzip or not.

MNIST, Fashion-MNIST and KMNIST are given out so; Debian's package dataset-fashion-mnist has the
second in /usr/share/datasets/fashion-mnist.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras import costs
from sfkeras.data.images import LabelledImages, empty, folder_at
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

UINT8 = 8  # the third byte of a file: what its numbers are
PARTS = {"train": "train", "test": "t10k"}


def load(root: str | Path, shape: tuple[int, int, int]) -> Split:
    """Return the images of both parts. Training images that are smaller than the input keep their size.

    Args:
        root: folder of the four files.
        shape: (height, width, channels) of the network's input. 3 channels are the grey one three times.
    Returns: Split without pairs. The files name no classes: a class has its number as its name.
    Raises: RecipeError if a file is missing or broken, or the files do not fit each other.
    """
    root = folder_at(root)
    (train, train_labels), (test, test_labels) = (arrays(root, part) for part in PARTS)
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    if classes < 2:
        raise RecipeError(f"data.root {root} has one class. Expected 2 or more.")
    names = tuple(map(str, range(classes)))
    small = train.shape[1] <= shape[0] and train.shape[2] <= shape[1]
    own_shape = (*train.shape[1:], shape[2]) if small else shape
    return Split(
        LabelledImages("idx train", resized(train, own_shape), train_labels, names),
        LabelledImages("idx test", resized(test, shape), test_labels, names),
        None,
    )


def files(root: Path, part: str) -> tuple[Path, Path]:
    """Return the files of the images and the labels of "train" or "test". Raises: RecipeError if one is missing."""
    found = []
    for content in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        plain = root / f"{PARTS[part]}-{content}"
        given = [path for path in (plain, plain.with_name(f"{plain.name}.gz")) if path.is_file()]
        if not given:
            raise RecipeError(f"data.root {root} has no {plain.name}, nor {plain.name}.gz. Put it there.")
        found.append(given[0])
    return found[0], found[1]


def arrays(root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, (count, height, width) uint8, and the labels, (count,) int32, of a part. Raises: RecipeError."""
    of_images, of_labels = files(root, part)
    images, labels = read(of_images, 3), read(of_labels, 1)
    if len(images) != len(labels) or not images.size:
        raise RecipeError(
            f"{of_images} has {len(images)} images of {'x'.join(map(str, images.shape[1:]))}, and {of_labels} "
            f"{len(labels)} labels. Expected one label per image, and some of both. Replace the file that is wrong."
        )
    return images, labels.astype(np.int32)


def read(path: Path, dimensions: int) -> np.ndarray:
    """Return the numbers of a file: big-endian sizes after 00 00 08 and the number of dimensions, then a byte each.

    Raises: RecipeError if it is something else, too large, or has fewer or more bytes than it says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(costs.IDX_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise RecipeError(f"{path} is damaged, or is no gzip file. Replace it.") from None
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes((0, 0, UINT8, dimensions)):
        raise RecipeError(f"{path} is no IDX file of bytes with {dimensions} dimensions. Replace it.")
    sizes = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = start + int(np.prod([int(size) for size in sizes], dtype=object))
    if expected > costs.IDX_BYTES:
        raise RecipeError(f"{path} says that it has {expected:,} bytes. Expected at most {costs.IDX_BYTES:,}.")
    if len(content) != expected:
        raise RecipeError(f"{path} has {len(content):,} bytes, but its sizes say {expected:,}. Replace it.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def resized(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return images (count, height, width) as (count, *shape), bilinear as pictures.read."""
    height, width, channels = shape
    pixels = empty((len(images), *shape))
    for index, image in enumerate(images):
        if image.shape != (height, width):
            image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        pixels[index] = np.repeat(image[..., None], channels, axis=-1)
    return pixels
