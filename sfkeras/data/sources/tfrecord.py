"""Shards of tf.train.Example with `image` (the bytes of an image file) and `label` (int64).

The files are ROOT/train-*.tfrecord and ROOT/val-*.tfrecord. An optional ROOT/classes.txt names the
classes, one per line in the order of labels.
"""

from pathlib import Path

import numpy as np

from sfkeras.data import records
from sfkeras.data.images import LabelledImages, decode, folder_at
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

RECORDS_A_READ = 4096


def load(root: str | Path, shape: tuple[int, int, int]) -> Split:
    """Return the decoded images of all shards (100,000 of 32x32x3 need 307 MB).

    A large training set stays in its shards.

    Args:
        root: folder of the shards.
        shape: (height, width, channels) of the network's input.
    Raises: RecipeError if shards are missing, truncated or without `image` and `label`, a label is
        out of range, or an image is unreadable.
    """
    root = folder_at(root)
    train_shards, test_shards = shards(root, "train"), shards(root, "val")
    if is_large(train_shards):
        return streamed(root, train_shards, test_shards, shape)
    train, train_labels, train_origins = read(train_shards)
    test, test_labels, test_origins = read(test_shards)
    names = class_names(root, train_labels)
    check(train_labels, train_origins, names)
    check(test_labels, test_origins, names)
    return Split(
        LabelledImages(
            f"{root} train", decode(train, train_origins, shape, keep_small=True), train_labels.astype(np.int32), names
        ),
        LabelledImages(f"{root} val", decode(test, test_origins, shape), test_labels.astype(np.int32), names),
        None,
    )


def is_large(files: list[Path]) -> bool:
    """Return whether the encoded images alone need more than records.DECODED_BYTES."""
    return sum(path.stat().st_size for path in files) > records.DECODED_BYTES


def streamed(root: Path, train_shards: list[Path], test_shards: list[Path], shape) -> Split:
    """Return training images that are read when a batch needs them.

    Raises: RecipeError if classes.txt is missing.
    """
    if not (root / "classes.txt").is_file():
        raise RecipeError(
            f"{root} has no classes.txt, and its shards are too large to search them for classes. Write classes.txt: one "
            "class per line, in the order of labels."
        )
    names = class_names(root, np.array([]))
    train, test = (
        records.RecordedImages(f"{root} {part}", shape, names, tuple(files), records.places(files))
        for part, files in (("train", train_shards), ("val", test_shards))
    )
    return Split(train, records.decoded(test), None)


def shards(root: Path, part: str) -> list[Path]:
    """Return the files of one part, in order. Raises: RecipeError if there are none."""
    found = sorted(path for path in root.glob(f"{part}-*") if path.is_file())
    if not found:
        raise RecipeError(f"data.root {root} has no {part}-* shards. Name the shards {part}-00000-of-00001.tfrecord.")
    return found


def read(files: list[Path]) -> tuple[list[bytes], np.ndarray, list[str]]:
    """Return the encoded images, the labels, and the name of each record in errors."""
    images, labels, origins = [], [], []
    for path in files:
        shard_images, shard_labels = read_shard(path)
        images += shard_images
        labels += shard_labels
        origins += [f"{path}, record {number}" for number in range(len(shard_labels))]
    return images, np.array(labels, np.int64), origins


def read_shard(path: Path) -> tuple[list[bytes], list[int]]:
    """Return the encoded images and the labels of one shard. Raises: RecipeError if it is broken."""
    from sfkeras.tensorflow import tf  # late, so that a missing shard is reported at once

    features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
    images, labels = [], []
    try:
        for serialized in tf.data.TFRecordDataset(str(path)).batch(RECORDS_A_READ):
            parsed = tf.io.parse_example(serialized, features)
            images += parsed["image"].numpy().tolist()
            labels += parsed["label"].numpy().tolist()
    except tf.errors.DataLossError:
        raise RecipeError(f"{path} is truncated or damaged. Copy it again.") from None
    except tf.errors.InvalidArgumentError:
        raise RecipeError(
            f"{path} has records that are not a tf.train.Example with `image` (bytes of an image file) and `label` "
            "(int64). Write the shards with both."
        ) from None
    return images, labels


def class_names(root: Path, train_labels: np.ndarray) -> tuple[str, ...]:
    """Return the lines of classes.txt, or else the training labels as texts."""
    path = root / "classes.txt"
    if path.is_file():
        return tuple(path.read_text(encoding="utf-8").splitlines())
    return tuple(str(label) for label in range(max(train_labels, default=-1) + 1))


def check(labels: np.ndarray, origins: list[str], names: tuple[str, ...]) -> None:
    """Refuse labels that are not indices of the classes, and a set without images.

    Raises: RecipeError.
    """
    if not len(labels):
        raise RecipeError("the shards have no records. Expected one per image. Write the shards again.")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(names)))
    if len(wrong):
        raise RecipeError(
            f"{origins[wrong[0]]} has label {labels[wrong[0]]}. Expected 0 to {len(names) - 1}, the classes of "
            "classes.txt or of the training shards. Fix the label, or add the class."
        )
