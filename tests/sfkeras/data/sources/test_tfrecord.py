import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sfkeras import data
from sfkeras.data.sources import tfrecord
from sfkeras.errors import RecipeError

SHAPE = (32, 32, 3)


def png(grey):
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), (grey,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, records):
    """A shard of (image bytes, label)."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image, label in records:
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "train-00000-of-00002", [(png(10), 0), (png(20), 1)])
    write(tmp_path / "train-00001-of-00002", [(png(30), 2)])
    write(tmp_path / "val-00000-of-00001", [(png(40), 2), (png(50), 0)])
    return tmp_path


def test_shards_follow_one_another(root):
    split = data.load("tfrecord", SHAPE, root)
    assert split.train.pixels[:, 0, 0, 0].tolist() == [10, 20, 30] and split.train.labels.tolist() == [0, 1, 2]
    assert split.test.pixels[:, 0, 0, 0].tolist() == [40, 50] and split.test.labels.tolist() == [2, 0]
    assert split.train.labels.dtype == np.int32 and split.pairs is None


def test_training_images_stay_small_and_test_images_fit_the_network(root):
    split = data.load("tfrecord", SHAPE, root)
    assert split.train.pixels.shape == (3, 24, 24, 3) and split.test.pixels.shape == (2, 32, 32, 3)


def test_classes_are_named(root):
    assert data.load("tfrecord", SHAPE, root).train.class_names == ("0", "1", "2")
    (root / "classes.txt").write_text("n1\tcat\nn2\tdog\nn3\teel\n")
    assert data.load("tfrecord", SHAPE, root).train.class_names == ("n1\tcat", "n2\tdog", "n3\teel")


def test_shards_are_missing(root):
    (root / "val-00000-of-00001").unlink()
    with pytest.raises(RecipeError, match=r"has no val-\* shards. Name the shards val-00000-of-00001.tfrecord."):
        data.load("tfrecord", SHAPE, root)


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_out_of_range(root, label):
    write(root / "val-00000-of-00001", [(png(40), 2), (png(50), label)])
    with pytest.raises(RecipeError, match=f"val-00000-of-00001, record 1 has label {label}. Expected 0 to 2"):
        data.load("tfrecord", SHAPE, root)


def test_fewer_classes_than_labels(root):
    (root / "classes.txt").write_text("cat\ndog\n")
    with pytest.raises(RecipeError, match="train-00001-of-00002, record 0 has label 2. Expected 0 to 1"):
        data.load("tfrecord", SHAPE, root)


def test_a_truncated_shard(root):
    path = root / "train-00000-of-00002"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecipeError, match="train-00000-of-00002 is truncated or damaged. Copy it again."):
        data.load("tfrecord", SHAPE, root)


def test_an_empty_shard(root):
    (root / "val-00000-of-00001").write_bytes(b"")
    with pytest.raises(RecipeError, match="have no records"):
        data.load("tfrecord", SHAPE, root)


def test_records_without_images(root):
    with tf.io.TFRecordWriter(str(root / "val-00000-of-00001")) as writer:
        writer.write(tf.train.Example().SerializeToString())
    with pytest.raises(
        RecipeError, match="val-00000-of-00001 has records that are not a tf.train.Example with `image`"
    ):
        data.load("tfrecord", SHAPE, root)


def test_an_unreadable_image(root):
    write(root / "val-00000-of-00001", [(png(40), 0), (b"not a png", 1)])
    with pytest.raises(RecipeError, match="val-00000-of-00001, record 1 is not a readable image."):
        tfrecord.load(root, SHAPE)
