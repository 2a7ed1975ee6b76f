"""Images that stay in their shards are those that would be decoded at once, and take no memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sfkeras import data
from sfkeras.data import records
from sfkeras.data.sources import tfrecord
from sfkeras.errors import RecipeError
from tests.sfkeras.data.sources.test_tfrecord import SHAPE, png, write


@pytest.fixture
def root(tmp_path):
    for shard in range(3):
        write(tmp_path / f"train-{shard}", [(png(10 * shard + number), number) for number in range(4)])
    write(tmp_path / "val-0", [(png(40), 2), (png(50), 0)])
    (tmp_path / "classes.txt").write_text("ant\nbee\ncat\ndog\n")
    return tmp_path


def streamed(root):
    return tfrecord.streamed(root, tfrecord.shards(root, "train"), tfrecord.shards(root, "val"), SHAPE)


def test_in_any_order_images_and_labels_are_those_of_the_shards(root):
    here, there = data.load("tfrecord", SHAPE, root), streamed(root)
    order = np.random.default_rng(0).integers(0, 12, 20)
    pixels, labels = there.train.take(order)
    assert (labels == here.train.labels[order]).all() and labels.dtype == np.int32
    assert (pixels[:, 0, 0] == here.train.pixels[order][:, 0, 0]).all() and pixels.shape == (20, *SHAPE)
    assert (there.test.pixels == here.test.pixels).all() and (there.test.labels == here.test.labels).all()
    assert len(there.train) == 12 and there.train.class_names == here.train.class_names


def test_a_stream_of_them_is_that_of_decoded_images(root):
    there = streamed(root).train
    assert there.shape == SHAPE
    order = data.batches.shuffled(there, 5, seed=3)
    ours = data.batches.stream(there, order, "none", SHAPE, 3, range(2))
    decoded = data.batches.stream(records.decoded(there), order, "none", SHAPE, 3, range(2))
    for (pixels, labels), (expected, expected_labels) in zip(ours, decoded):
        assert (pixels.numpy() == expected.numpy()).all() and (labels.numpy() == expected_labels.numpy()).all()


def test_a_large_set_stays_in_its_shards(root, monkeypatch):
    monkeypatch.setattr(records, "DECODED_BYTES", 100)
    assert isinstance(data.load("tfrecord", SHAPE, root).train, records.RecordedImages)
    (root / "classes.txt").unlink()
    with pytest.raises(
        RecipeError, match="has no classes.txt, and its shards are too large to search them for classes"
    ):
        data.load("tfrecord", SHAPE, root)


def test_memory_does_not_grow_with_the_set(tmp_path):
    """All of 150 MB are read in a process of its own: after a tenth of it, what that holds grows no more."""
    noise = np.random.default_rng(0).bytes(500_000)
    write(tmp_path / "train-0", [(png(number) + noise, number % 4) for number in range(300)])
    command = [sys.executable, __file__, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    before, after = map(int, told.split())
    assert (tmp_path / "train-0").stat().st_size > 150e6 and after - before < 30e6


@pytest.mark.parametrize(
    "damage, told",
    [
        (lambda content: content[:-3], "train-0 is truncated or damaged. Copy it again."),
        (lambda content: b"\xff" + content[1:], "train-0 is truncated or damaged. Copy it again."),
    ],
)
def test_a_shard_that_breaks_off_is_refused_before_training(root, damage, told):
    (root / "train-0").write_bytes(damage((root / "train-0").read_bytes()))
    with pytest.raises(RecipeError, match=told):
        streamed(root)


def test_every_damaged_bit_of_a_streamed_shard_is_found(root):
    """Lengths, pictures, labels and the CRCs themselves: 150 flips, each in a fresh copy."""
    shard, random = root / "train-0", np.random.default_rng(1)
    whole = shard.read_bytes()
    everything = np.arange(12)
    for place in random.choice(8 * len(whole), 150, replace=False):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        shard.write_bytes(damaged)
        with pytest.raises(
            RecipeError, match="train-0(, the record at byte [0-9]+,)? is (truncated or )?damaged. Copy"
        ):
            streamed(root).train.take(everything)


def test_a_record_that_cannot_be_meant_is_named(root):
    write(root / "train-0", [(png(1), 0), (b"no image", 1), (png(1), 4)])
    train = streamed(root).train
    with pytest.raises(RecipeError, match="train-0, the record at byte .* is not a readable image"):
        train.take(np.array([1]))
    order = data.batches.shuffled(train, 5, seed=3)
    with (
        pytest.raises(RecipeError, match="train-0, the record at byte .* (Fix the label|remove it).$"),
        data.batches.raise_recipe_errors(),
    ):
        list(data.batches.stream(train, order, "none", SHAPE, 3, range(2)))
    with pytest.raises(RecipeError, match="train-0, the record at byte .* has label 4. Expected 0 to 3"):
        train.take(np.array([2]))
    with pytest.raises(RecipeError, match="is not a tf.train.Example with `photo`"):
        records.RecordedImages("x", SHAPE, train.class_names, train.shards, train.places, "photo").take(np.array([0]))
    with pytest.raises(RecipeError, match="so its images per person are not counted"):
        data.batches.by_people(train, 2, 2, 1)


def peak():
    """Bytes of memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":  # the process whose memory is measured
    shard = Path(sys.argv[1]) / "train-0"
    train = records.RecordedImages("train", SHAPE, tuple("abcd"), (shard,), records.places([shard]))
    train.take(np.arange(30))
    before = peak()
    for start in range(0, 300, 30):
        train.take(np.arange(start, start + 30))
    print(before, peak())
