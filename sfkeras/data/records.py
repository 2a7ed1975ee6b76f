"""Images that stay in their TFRecord shards: an image is read and decoded when a batch asks for it.

What is held in memory is where each record begins: 16 bytes an image. So any order that a training wants can be had of a
set of any size.
"""

import mmap
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sfkeras.data.images import IMAGES_A_THREAD, IN_MEMORY_BYTES, LabelledImages, decode_one, empty
from sfkeras.errors import RecipeError
from sfkeras.startup import prepare_tensorflow

HEADER, FOOTER = 12, 4  # bytes around a record: its length with a CRC, and a CRC of the record


@dataclass(frozen=True)
class RecordedImages:
    """A set of images, like LabelledImages, in shards of tf.train.Example.

    Attributes:
        called: what errors and logs call the set.
        shape: (height, width, channels) that images are resized to.
        names: the classes.
        shards: the files.
        places: (images, 2), int64: the number of a record's shard, and the offset of its header there.
        image, label: the names of the features: bytes of an image file, and int64.
    """

    called: str
    shape: tuple[int, int, int]
    names: tuple[str, ...]
    shards: tuple[Path, ...]
    places: np.ndarray
    image: str = "image"
    label: str = "label"

    has_masks = False

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor()  # Pillow decodes outside of Python's global lock

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The images and labels at some indices: (n, *shape) uint8, (n,) int32. Raises: RecipeError."""
        pixels, labels = zip(*self.pool.map(self.read, indices))
        return np.stack(pixels), np.array(labels, np.int32)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        """One image and its label. Raises: RecipeError that names the record."""
        prepare_tensorflow()
        from tensorflow.core.example.example_pb2 import Example  # late: a missing shard is told without TensorFlow

        shard, offset = self.places[index]
        path = self.shards[shard]
        called = f"{path}, the record at byte {offset}"
        with open(path, "rb") as file:
            file.seek(offset)
            record = file.read(HEADER + struct.unpack("<Q", file.read(8))[0] - 8)[HEADER - 8 :]
        try:
            features = Example.FromString(record).features.feature
            (image,), (label,) = features[self.image].bytes_list.value, features[self.label].int64_list.value
        except Exception:  # protobuf has its own kinds of errors for bytes that are no message
            raise RecipeError(
                f"{called}, is no tf.train.Example with `{self.image}` (bytes of an image file) and `{self.label}` "
                "(int64). Write the shards with both."
            ) from None
        if not 0 <= label < len(self.names):
            raise RecipeError(f"{called}, has label {label}, wanted 0 to {len(self.names) - 1}. Mend it.")
        return decode_one(image, called, self.shape), label

    def counts(self):
        """Raises: RecipeError, for to count the images of a person would be to read them all."""
        raise RecipeError(
            f"{self.called} stays in its shards, where the images of each person are not counted. Write "
            "task=classification or task=arc, without data.min_images."
        )

    def of_people_with(self, min_images: int):
        """Raises: RecipeError, as counts."""
        self.counts()


def places(shards: Sequence[Path]) -> np.ndarray:
    """Where each record is: (records, 2), int64, as in RecordedImages. Reads the headers only.

    Raises: RecipeError if a shard breaks off.
    """
    found = []
    for number, path in enumerate(shards):
        offsets = offsets_in(path)
        found.append(np.stack([np.full(len(offsets), number), offsets], axis=1))
    return np.concatenate(found)


def offsets_in(path: Path) -> np.ndarray:
    """The offset of each record's header in a shard. Raises: RecipeError."""
    size, offset, offsets = path.stat().st_size, 0, []
    if size:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            while offset + HEADER <= size:
                offsets.append(offset)
                offset += HEADER + struct.unpack_from("<Q", content, offset)[0] + FOOTER
    if offset != size:
        raise RecipeError(f"{path} is truncated or damaged. Copy it again.")
    return np.array(offsets, np.int64)


def is_large(images: RecordedImages) -> bool:
    """Whether the decoded images would crowd out the training."""
    return len(images) * int(np.prod(images.shape)) > IN_MEMORY_BYTES


def decoded(images: RecordedImages) -> LabelledImages:
    """All images of a set, decoded once; a large set lies in a temporary file. Raises: RecipeError."""
    pixels, labels = empty((len(images), *images.shape)), np.empty(len(images), np.int32)
    for start in range(0, len(images), IMAGES_A_THREAD):
        rows = np.arange(start, min(start + IMAGES_A_THREAD, len(images)))
        pixels[rows], labels[rows] = images.take(rows)
    return LabelledImages(images.called, pixels, labels, images.names)
