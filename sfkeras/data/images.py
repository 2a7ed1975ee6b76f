"""Images as the network sees them: decoded once, 8 bits per channel, each with a label."""

import contextlib
import mmap
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sfkeras.data import pictures
from sfkeras.errors import RecipeError

SUFFIXES = {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# A larger array is a temporary file mapped into memory, so that a training's memory does not grow with its pictures.
IN_MEMORY_BYTES = 2**26

IMAGES_A_THREAD = 64
MOST_SHOWN = 20  # pictures in an error


@dataclass(frozen=True)
class LabelledImages:
    """A set of images.

    Attributes:
        name: name of the set in errors and logs, for example "att train".
        pixels: (images, height, width, channels), uint8. 1 channel is grey, 3 channels are RGB.
        labels: (images,), int32, indices of class_names. Or masks, (images, height, width), uint8,
            in which len(class_names) is void.
        class_names: names of the people or classes.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return self.pixels.shape[1:]

    @property
    def has_masks(self) -> bool:
        """Whether each pixel has its own label."""
        return self.labels.ndim > 1

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels and labels of the images at some indices."""
        taken = self.pixels[indices], self.labels[indices]
        release(self.pixels)
        return taken

    def counts(self) -> np.ndarray:
        """Return the number of images per person, (people,)."""
        return np.bincount(self.labels, minlength=len(self.class_names))

    def with_min_images(self, min_images: int) -> "LabelledImages":
        """Return the images of the people who have at least `min_images`, with labels renumbered
        from 0.

        Raises: RecipeError if fewer than two people remain.
        """
        staying = np.flatnonzero(self.counts() >= min_images)
        if len(staying) < 2:
            raise RecipeError(
                f"data.min_images is {min_images}, but {len(staying)} of {len(self.class_names)} people in {self.name} "
                "have that many images. Expected 2 or more people. "
                f"Set data.min_images to at most {np.sort(self.counts())[-2:][0]}."
            )
        if len(staying) == len(self.class_names):
            return self
        rows = np.flatnonzero(np.isin(self.labels, staying))
        labels = np.searchsorted(staying, self.labels[rows]).astype(np.int32)
        pixels = empty((len(rows), *self.shape))
        for start in range(0, len(rows), IMAGES_A_THREAD):
            some = rows[start : start + IMAGES_A_THREAD]
            pixels[start : start + len(some)], _ = self.take(some)
            release(pixels)
        return LabelledImages(self.name, pixels, labels, tuple(self.class_names[person] for person in staying))


def to_input(pixels):
    """Return pixels 0..255 as the network's float32 input: the int8 code pixel - 128 times 2^-7
    (zero point 0).

    Args:
        pixels: uint8 or float32 array, or float32 tensor.
    """
    return (pixels - np.float32(128)) / np.float32(128)


def to_codes(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 pixels as the int8 codes that the deployed network reads."""
    return (pixels.astype(np.int16) - 128).astype(np.int8)


def folder_at(root: str | Path) -> Path:
    """Return the folder that data.root names. Raises: RecipeError if it does not exist."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise RecipeError(f"data.root is {root}, which does not exist. Write data.root=FOLDER.")
    return root


def image_files(folder: Path) -> list[Path]:
    """Return the image files directly inside a folder, sorted by name.

    Other things with such a name are passed over: a named pipe would be waited for for ever.
    """
    named = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    return sorted(filter(Path.is_file, named))


def decode_files(
    name: str,
    files: Sequence[Sequence[Path]],
    class_names: Sequence[str],
    shape: tuple[int, int, int],
    keep_small: bool = False,
    crop: pictures.Crop | None = None,
) -> LabelledImages:
    """Return the decoded images of files.

    `files` has one list per class; the rest is as in `decode`.
    """
    paths = [path for group in files for path in group]
    labels = np.repeat(np.arange(len(files), dtype=np.int32), [len(group) for group in files])
    return LabelledImages(name, decode(paths, paths, shape, keep_small, crop), labels, tuple(class_names))


def decode(
    encoded: Sequence[Path | bytes],
    origins: Sequence,
    shape: tuple[int, int, int],
    keep_small: bool = False,
    crop: pictures.Crop | None = None,
) -> np.ndarray:
    """Decode images and resize them to one shape, as pictures.read does.

    The aspect ratio is not kept. All images are decoded here, so that a broken file is found before
    training begins.

    Args:
        encoded: paths, or the bytes of image files.
        origins: name of each image in errors.
        shape: (height, width, channels) to resize to.
        keep_small: keep the size of images that all have one size, smaller than `shape`. Small
            images need less memory and time, and `batches.stream` enlarges them.
        crop: function that crops each image before it is resized, or None.
    Returns: (images, height, width, channels), uint8.
    Raises: RecipeError that names the unreadable images.
    """
    if keep_small and crop is None:
        shape = common_shape(encoded, origins, shape)
    pixels = empty((len(encoded), *shape))

    def fill(start):
        errors = []
        for index in range(start, min(start + IMAGES_A_THREAD, len(encoded))):
            try:
                pixels[index] = pictures.read(encoded[index], origins[index], shape, crop)
            except RecipeError as error:
                errors.append(str(error))
        release(pixels)
        return errors

    with ThreadPoolExecutor() as pool:  # Pillow decodes outside of Python's global lock
        errors = [error for some in pool.map(fill, range(0, len(encoded), IMAGES_A_THREAD)) for error in some]
    require_none(errors)
    return pixels


class UnreadablePictures(RecipeError):
    """Pictures that cannot be read. Its text names them; `errors` has a sentence for each."""

    def __init__(self, errors: Sequence[str]):
        self.errors = list(errors)
        if len(self.errors) == 1:
            super().__init__(self.errors[0])
            return
        shown = "; ".join(error.rstrip(".") for error in self.errors[:MOST_SHOWN])
        more = f"; and {len(self.errors) - MOST_SHOWN} more" if len(self.errors) > MOST_SHOWN else ""
        super().__init__(f"{len(self.errors)} pictures cannot be read: {shown}{more}.")


def require_none(errors: Sequence[str]) -> None:
    """Raise UnreadablePictures with what is wrong with pictures, all of it at once, if there is any."""
    if errors:
        raise UnreadablePictures(errors)


def together(*readings: Callable[[], LabelledImages]) -> list[LabelledImages]:
    """Return what each reading returns. Raises: UnreadablePictures that names those of all readings."""
    made, errors = [], []
    for reading in readings:
        try:
            made.append(reading())
        except UnreadablePictures as error:
            errors += error.errors
    require_none(errors)
    return made


def common_shape(
    encoded: Sequence[Path | bytes], origins: Sequence, shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Return the shape of all images if they share one that is not larger than `shape`, else
    `shape`. Images that cannot be read are passed over: `decode` names them, all at once.
    """

    def size(image, origin):
        with contextlib.suppress(RecipeError):
            return pictures.size(image, origin)

    sizes = filter(None, map(size, encoded, origins))
    width, height = first = next(sizes, (shape[1], shape[0]))
    if height <= shape[0] and width <= shape[1] and all(each == first for each in sizes):
        return height, width, shape[2]
    return shape


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised uint8 array. A large one is in a temporary file."""
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)


def release(array: np.ndarray) -> None:
    """Give the memory back that holds what was read or written of a mapped file; the file keeps it."""
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)
