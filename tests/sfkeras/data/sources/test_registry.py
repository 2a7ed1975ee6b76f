"""What all sources share: what is not there is told before anything is read."""

import pytest

from sfkeras import data
from sfkeras.errors import RecipeError

SHAPE = (32, 32, 3)


def refusal(function, *arguments):
    with pytest.raises(RecipeError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("source", ["folder", "lfw", "tfrecord", "camvid"])
@pytest.mark.parametrize("root", ["nowhere", "."])
def test_a_missing_and_an_empty_folder_are_refused_in_the_words_of_load(source, root, tmp_path):
    told = refusal(data.require, source, tmp_path / root)
    assert told == refusal(data.load, source, SHAPE, tmp_path / root)
    assert str(tmp_path) in told


def test_what_is_there_is_accepted_without_a_look_at_the_images(tmp_path):
    data.require("att")
    for image in "train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png", "train-0", "val-0":
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / image).write_bytes(b"not yet read")
    for image in "train/images/1.jpg", "train/masks/1.png", "test/images/1.jpg", "test/masks/1.png":
        (tmp_path / "scenes" / image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scenes" / image).write_bytes(b"not yet read")
    data.require("camvid", tmp_path / "scenes")
    for name in "peopleDevTrain.txt", "peopleDevTest.txt", "pairsDevTest.txt":
        (tmp_path / name).write_text("1\nAda_A\t1\t2\nAda_A\t1\tBob_B\t1\n" if "pairs" in name else "1\nAda_A\t2\n")
    for source in "folder", "tfrecord", "lfw":
        data.require(source, tmp_path)
