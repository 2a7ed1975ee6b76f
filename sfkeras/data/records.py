"""Images that stay in their TFRecord shards: an image is read and decoded when a batch needs it.

Memory holds only where each record begins, 16 bytes per image. So a set of any size can be read in
any order.
"""

import mmap
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sfkeras.data import pictures
from sfkeras.data.images import IMAGES_A_THREAD, LabelledImages, empty, release
from sfkeras.errors import RecipeError
from sfkeras.startup import prepare_tensorflow

DECODED_BYTES = 2**30  # a larger set stays in its shards
HEADER, FOOTER = 12, 4  # bytes around a record: its length with a CRC, and a CRC of the record


@dataclass(frozen=True)
class RecordedImages:
    """A set of images, like LabelledImages, in shards of tf.train.Example.

    Attributes:
        name: name of the set in errors and logs.
        shape: (height, width, channels) to resize images to.
        class_names: names of the classes.
        shards: the files.
        places: (images, 2), int64: the index of a record's shard, and the offset of its header
            there.
        image, label: names of the features: bytes of an image file, and int64.
    """

    name: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    shards: tuple[Path, ...]
    places: np.ndarray
    image: str = "image"
    label: str = "label"

    has_masks = False

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that decode images."""
        return ThreadPoolExecutor()  # Pillow decodes outside of Python's global lock

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and labels at some indices: (n, *shape) uint8, (n,) int32. Raises:
        RecipeError.
        """
        pixels, labels = zip(*self.pool.map(self.read, indices))
        return np.stack(pixels), np.array(labels, np.int32)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        """Return one image and its label. Raises: RecipeError that names the record."""
        prepare_tensorflow()  # late, so that a missing shard is reported at once
        from tensorflow.core.example.example_pb2 import Example
        from tensorflow.python.lib.io.tf_record import tf_record_random_reader

        shard, offset = self.places[index]
        path = self.shards[shard]
        origin = f"{path}, the record at byte {offset}"
        try:
            record, _ = tf_record_random_reader(str(path)).read(offset)  # compares both CRCs
        except Exception:  # errors of TensorFlow, IndexError if the shard became shorter
            raise RecipeError(f"{origin}, is damaged. Copy the file again.") from None
        try:
            features = Example.FromString(record).features.feature
            (image,), (label,) = features[self.image].bytes_list.value, features[self.label].int64_list.value
        except Exception:  # protobuf raises errors of its own for bytes that are not a message
            raise RecipeError(
                f"{origin}, is not a tf.train.Example with `{self.image}` (bytes of an image file) and `{self.label}` "
                "(int64). Write the shards with both."
            ) from None
        if not 0 <= label < len(self.class_names):
            raise RecipeError(f"{origin}, has label {label}. Expected 0 to {len(self.class_names) - 1}. Fix the label.")
        return pictures.read(image, origin, self.shape), label

    def counts(self):
        """Raise RecipeError: counting the images per person would mean reading them all."""
        raise RecipeError(
            f"{self.name} is too large for memory, so its images per person are not counted. Write task=classification "
            "data.min_images=null."
        )

    def with_min_images(self, min_images: int):
        """Raise RecipeError, as counts."""
        self.counts()


def places(shards: Sequence[Path]) -> np.ndarray:
    """Return the place of each record: (records, 2), int64, as in RecordedImages.

    Only headers are read.

    Raises: RecipeError if a shard is truncated.
    """
    found = []
    for number, path in enumerate(shards):
        offsets = offsets_in(path)
        found.append(np.stack([np.full(len(offsets), number), offsets], axis=1))
    return np.concatenate(found)


def offsets_in(path: Path) -> np.ndarray:
    """Return the offset of each record's header in a shard.

    Raises: RecipeError if the shard is truncated.
    """
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
    """Return whether the decoded images need more than DECODED_BYTES."""
    return len(images) * int(np.prod(images.shape)) > DECODED_BYTES


def decoded(images: RecordedImages) -> LabelledImages:
    """Decode all images of a set once.

    A large set is in a temporary file.

    Raises: RecipeError if one is unreadable.
    """
    pixels, labels = empty((len(images), *images.shape)), np.empty(len(images), np.int32)
    for start in range(0, len(images), IMAGES_A_THREAD):
        rows = np.arange(start, min(start + IMAGES_A_THREAD, len(images)))
        pixels[rows], labels[rows] = images.take(rows)
        release(pixels)
    return LabelledImages(images.name, pixels, labels, images.class_names)
