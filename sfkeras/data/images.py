"""Images as the network sees them: decoded once, 8 bits a pixel, with a label each."""

import io
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data.pairs import Pairs
from sfkeras.errors import RecipeError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# More than this lives in a temporary file mapped into memory, so that a large set does not crowd out the training.
IN_MEMORY_BYTES = 2**30

IMAGES_A_THREAD = 64


@dataclass(frozen=True)
class LabelledImages:
    """A set of images.

    Attributes:
        called: what errors and logs call the set, for example "att train".
        pixels: (images, height, width, channels), uint8; 1 channel is grey, 3 are RGB.
        labels: (images,), int32, an index into names; or a mask each, (images, height, width), uint8, where len(names)
            is void.
        names: the people or classes.
    """

    called: str
    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return self.pixels.shape[1:]

    @property
    def has_masks(self) -> bool:
        """Whether each pixel has a label of its own."""
        return self.labels.ndim > 1

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pixels and labels of the images at some indices."""
        return self.pixels[indices], self.labels[indices]

    def counts(self) -> np.ndarray:
        """(people,), how many images each has."""
        return np.bincount(self.labels, minlength=len(self.names))

    def of_people_with(self, min_images: int) -> "LabelledImages":
        """The images of those people who have at least so many, with labels counted anew from 0.

        Raises: RecipeError if fewer than two people remain.
        """
        staying = np.flatnonzero(self.counts() >= min_images)
        if len(staying) < 2:
            raise RecipeError(
                f"data.min_images is {min_images}, but {len(staying)} of {len(self.names)} people in {self.called} "
                f"have so many, wanted 2 or more people. Lower min_images to at most {np.sort(self.counts())[-2:][0]}."
            )
        if len(staying) == len(self.names):
            return self
        rows = np.flatnonzero(np.isin(self.labels, staying))
        labels = np.searchsorted(staying, self.labels[rows]).astype(np.int32)
        return LabelledImages(self.called, self.pixels[rows], labels, tuple(self.names[person] for person in staying))


@dataclass(frozen=True)
class Split:
    """Images to train on, images to test on, and the pairs of test images that verification compares.

    The test images have the shape of the network's input. The training images may be smaller (see `decode`). `pairs` is
    None where training and test images are of the same classes.
    """

    train: LabelledImages
    test: LabelledImages
    pairs: Pairs | None


def to_input(pixels):
    """Pixels 0..255 as the network's float32 input: the int8 code pixel - 128 times 2^-7 (scale 2^-7, zero point 0).

    Args:
        pixels: a uint8 or float32 array, or a float32 tensor.
    """
    return (pixels - np.float32(128)) / np.float32(128)


def to_codes(pixels: np.ndarray) -> np.ndarray:
    """Pixels, uint8, as the int8 codes that the deployed network reads."""
    return (pixels.astype(np.int16) - 128).astype(np.int8)


def folder_at(root: str | Path) -> Path:
    """The folder that data.root names. Raises: RecipeError if there is none."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise RecipeError(f"data.root is {root}, and there is no such folder. Write data.root=FOLDER.")
    return root


def image_files(folder: Path) -> list[Path]:
    """The images right inside a folder, by name."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def decode_files(
    called: str,
    files: Sequence[Sequence[Path]],
    names: Sequence[str],
    shape: tuple[int, int, int],
    keep_small: bool = False,
    crop: Callable[[Image.Image], Image.Image] | None = None,
) -> LabelledImages:
    """Reads image files: `files` holds one list for each of `names`. The rest is as in `decode`."""
    paths = [path for group in files for path in group]
    labels = np.repeat(np.arange(len(files), dtype=np.int32), [len(group) for group in files])
    return LabelledImages(called, decode(paths, paths, shape, keep_small, crop), labels, tuple(names))


def decode(
    encoded: Sequence[Path | bytes],
    called: Sequence,
    shape: tuple[int, int, int],
    keep_small: bool = False,
    crop: Callable[[Image.Image], Image.Image] | None = None,
) -> np.ndarray:
    """Decodes images and resizes them to one shape: bilinear, and area-weighted where they shrink (no aliasing).

    The aspect ratio is not kept. Everything is decoded here, so that a broken file is named before training begins.

    Args:
        encoded: paths, or the bytes of image files.
        called: what an error calls each of them.
        shape: (height, width, channels) wanted.
        keep_small: images that all have one size, smaller than `shape`, keep it: they cost less to hold and to augment,
            and `batches.stream` enlarges them.
        crop: what to cut out of each image before it is resized.
    Returns: (images, height, width, channels), uint8.
    Raises: RecipeError that names the first image that cannot be read.
    """
    if keep_small:
        shape = smaller(encoded, called, shape)
    pixels = empty((len(encoded), *shape))

    def fill(start):
        for index in range(start, min(start + IMAGES_A_THREAD, len(encoded))):
            pixels[index] = decode_one(encoded[index], called[index], shape, crop)

    with ThreadPoolExecutor() as pool:  # Pillow decodes outside of Python's global lock
        list(pool.map(fill, range(0, len(encoded), IMAGES_A_THREAD)))
    return pixels


def smaller(encoded: Sequence[Path | bytes], called: Sequence, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The shape of all images, if they share one that is not larger than `shape`, else `shape`. Raises: RecipeError."""
    width, height = size(encoded[0], called[0])
    if height <= shape[0] and width <= shape[1] and set(map(size, encoded, called)) == {(width, height)}:
        return height, width, shape[2]
    return shape


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """A uint8 array, in a nameless temporary file if it is large."""
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)


def size(encoded: Path | bytes, called) -> tuple[int, int]:
    """(width, height) as the image's header says. Raises: RecipeError."""
    with readable(called), opened(encoded) as image:
        return image.size


def decode_one(encoded: Path | bytes, called, shape: tuple[int, int, int], crop=None) -> np.ndarray:
    """One image, (height, width, channels), uint8. Raises: RecipeError."""
    height, width, channels = shape
    with readable(called), opened(encoded) as image:
        image = image.convert("L" if channels == 1 else "RGB")
    image = crop(image) if crop else image
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.uint8).reshape(shape)


def opened(encoded: Path | bytes) -> Image.Image:
    """An image whose header is read."""
    return Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded)


class readable:  # noqa: N801, reads as a sentence after `with`
    """Turns what Pillow raises for a broken image into one line that names it."""

    def __init__(self, called):
        self.called = called

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, (OSError, SyntaxError, ValueError)):
            raise RecipeError(f"{self.called} is no readable image. Replace it or take it out.") from error
