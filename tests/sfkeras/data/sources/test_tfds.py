"""Sets prepared by tensorflow-datasets are found by name and read as they are."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from sfkeras import data
from sfkeras.data import records
from sfkeras.errors import RecipeError

SHAPE = (32, 32, 3)
TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
PHOTOS = {
    "file_name": tfds.features.Text(),
    "image": tfds.features.Image(shape=(None, None, 3)),
    "label": tfds.features.ClassLabel(names=["cat", "dog", "eel"]),
}


def prepare(root, name="photos", version="1.0.0", splits=("train", "validation"), features=PHOTOS, grey=0):
    """Writes a set as tensorflow-datasets lays it out: two shards of three images in each split."""
    place, features = root / name / version, tfds.features.FeaturesDict(features)
    place.mkdir(parents=True)
    infos = []
    for split in splits:
        for shard in range(2):
            with tf.io.TFRecordWriter(str(place / f"{name}-{split}.tfrecord-{shard:05}-of-00002")) as writer:
                for number in range(3):
                    pixels = np.full((36, 40, 3), grey + 10 * shard + number, np.uint8)
                    example = {"file_name": f"{number}.jpg", "image": pixels, "label": number}
                    writer.write(features.serialize_example({each: example[each] for each in features}))
        infos.append(tfds.core.SplitInfo(name=split, shard_lengths=[3, 3], num_bytes=0))
    tfds.folder_dataset.write_metadata(
        data_dir=place, features=features, split_infos=infos, filename_template=TEMPLATE, check_data=False
    )
    return root


def test_the_newest_version_is_read_in_its_own_order(tmp_path):
    prepare(tmp_path, version="1.9.0")
    split = data.load("tfds", SHAPE, prepare(tmp_path, version="1.10.0", grey=100), name="photos")
    assert split.train.pixels[:, 0, 0, 0].tolist() == [100, 101, 102, 110, 111, 112]
    assert split.train.labels.tolist() == split.test.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert split.train.class_names == ("cat", "dog", "eel") and split.test.pixels.shape == (6, *SHAPE)


def test_a_large_set_stays_in_its_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "DECODED_BYTES", 100)
    split = data.load("tfds", SHAPE, prepare(tmp_path), name="photos")
    assert isinstance(split.train, records.RecordedImages)
    pixels, labels = split.train.take(np.array([4, 0]))
    assert pixels[:, 0, 0, 0].tolist() == [11, 0] and labels.tolist() == [1, 0]


def refusal(*arguments, **keys):
    with pytest.raises(RecipeError) as caught:
        data.load("tfds", SHAPE, *arguments, **keys)
    return str(caught.value)


def test_what_is_no_such_set_is_refused(tmp_path):
    assert "data.name is null" in refusal(tmp_path)
    assert f"{tmp_path} has no photos/VERSION/dataset_info.json. Prepare" in refusal(tmp_path, name="photos")
    prepare(tmp_path, "alone", splits=["train"])
    assert "alone has the splits train. Expected train and validation or test" in refusal(tmp_path, name="alone")
    prepare(tmp_path, "faces", features={"image": PHOTOS["image"], "file_name": PHOTOS["file_name"]})
    message = "faces has file_name (Text), image (Image). Expected one Image and one ClassLabel"
    assert message in refusal(tmp_path, name="faces")
    (prepare(tmp_path) / "photos" / "1.0.0" / "photos-train.tfrecord-00001-of-00002").unlink()
    assert "photos-train.tfrecord-00001-of-00002 is missing" in refusal(tmp_path, name="photos")
