"""Files of the MNIST family: what they hold is read, and what is no such file is named."""

import gzip
import struct

import numpy as np
import pytest

from sfkeras.data.sources import idx, registry
from sfkeras.errors import RecipeError

SHAPE = (32, 48, 3)


def file_of(array):
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def written(tmp_path):
    """The four files, two of them compressed, and what they hold."""
    random = np.random.default_rng(0)
    images = {part: random.integers(0, 256, (count, 28, 20), np.uint8) for part, count in (("train", 5), ("t10k", 3))}
    labels = {"train": np.array([0, 3, 1, 2, 0], np.uint8), "t10k": np.array([3, 0, 2], np.uint8)}
    for part in images:
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(file_of(images[part])))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(file_of(labels[part]))
    return tmp_path, images, labels


def test_images_and_labels_are_those_of_the_files(written):
    root, images, labels = written
    split = registry.load("idx", SHAPE, str(root))
    assert split.train.pixels.shape == (5, 28, 20, 3) and split.test.pixels.shape == (3, *SHAPE) and split.pairs is None
    assert (split.train.pixels == images["train"][..., None]).all()
    assert (split.train.labels == labels["train"]).all() and (split.test.labels == labels["t10k"]).all()
    assert split.train.class_names == split.test.class_names == ("0", "1", "2", "3")
    own = idx.load(root, (28, 20, 1))
    assert (own.test.pixels[..., 0] == images["t10k"]).all()


@pytest.mark.parametrize(
    "name, damage, told",
    [
        ("train-images-idx3-ubyte.gz", lambda good: good[:-20], "is damaged, or is no gzip file"),
        ("train-images-idx3-ubyte.gz", lambda good: b"", "is no IDX file of bytes with 3 dimensions"),
        ("t10k-labels-idx1-ubyte", lambda good: good[:-1], "has 10 bytes, but its sizes say 11"),
        ("t10k-labels-idx1-ubyte", lambda good: good + b"1", "has 12 bytes, but its sizes say 11"),
        ("t10k-labels-idx1-ubyte", lambda good: b"\0\0\x0d" + good[3:], "is no IDX file of bytes with 1 dimensions"),
        ("t10k-labels-idx1-ubyte", lambda good: good[:4] + b"\xff" * 4 + good[8:], "Expected at most"),
        ("t10k-labels-idx1-ubyte", lambda good: file_of(np.zeros(2, np.uint8)), "has 3 images of 28x20, and"),
    ],
)
def test_a_file_that_is_damaged_is_named(written, name, damage, told):
    path = written[0] / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RecipeError) as error:
        idx.load(written[0], SHAPE)
    assert told in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_missing_is_told_before_any_is_read(written):
    (written[0] / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(
        RecipeError, match="has no t10k-labels-idx1-ubyte, nor t10k-labels-idx1-ubyte.gz. Put it there."
    ):
        registry.require("idx", str(written[0]))
