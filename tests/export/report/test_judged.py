"""What a report says about right and wrong agrees with the metrics, and with counting by hand."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from export.graph.meaning import Meaning
from export.report import judged
from sfkeras.data.images import LabelledImages
from sfkeras.data.pairs import balanced
from sfkeras.training import metrics

LOGITS = np.array([[9, 1, 0], [2, 7, 1], [0, 80, 3], [5, 4, 90], [0, 0, 7]], np.int8)
LABELS = np.array([0, 1, 0, 1, 2])
CLASSES = ("a", "b", "c")


def a_set(labels, classes, shape=(4, 6, 3)):
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), *shape)).astype(np.uint8)
    return LabelledImages("test", pixels, labels, classes)


def test_the_confusion_of_classes():
    (made,) = judged.judge({"out": Meaning("classification", CLASSES)}, [LOGITS], a_set(LABELS, CLASSES), None).values()
    assert made["confusion"] == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert [each["accuracy"] for each in made["per_class"]] == [0.5, 0.5, 1]
    assert (made["wrong"], made["of"]) == (2, 5)
    assert [(each["image"], each["is"], each["taken_for"], each["margin"]) for each in made["mistakes"]] == [
        (3, "b", "c", 86),
        (2, "a", "b", 80),
    ]


def test_of_many_classes_the_most_frequent_confusions_are_named():
    count = judged.MOST_CLASSES + 1
    names = tuple(f"class {i}" for i in range(count))
    labels = np.arange(3 * count) % count
    logits = np.eye(count, dtype=np.int8)[np.where(labels == 7, 8, labels)]
    (made,) = judged.judge({"out": Meaning("classification", names)}, [logits], a_set(labels, names), None).values()
    assert "confusion" not in made and made["confused"] == [["class 7", "class 8", 3]]


def test_a_picture_is_a_small_png_of_the_pixels():
    pixels = a_set([0], ("a",), (40, 60, 1)).pixels[0]
    image = Image.open(io.BytesIO(base64.b64decode(judged.picture(pixels))))
    np.testing.assert_array_equal(np.asarray(image), pixels[..., 0])
    large = Image.open(io.BytesIO(base64.b64decode(judged.picture(np.zeros((480, 640, 3), np.uint8)))))
    assert max(large.size) == judged.SIDE


@given(seed=st.integers(0, 1000), steps=st.integers(1, 60))
def test_the_area_under_the_curve_is_that_of_the_metrics(seed, steps):
    random = np.random.default_rng(seed)
    similarity, same = random.integers(0, steps, 80) / steps, np.arange(80) % 3 == 0
    far, tar = np.array(judged.roc(similarity, same)).T
    area = float(np.sum(np.diff(far) * (tar[1:] + tar[:-1]) / 2))
    assert area == pytest.approx(metrics.roc_area(similarity, same), abs=1e-4)
    assert (np.diff(far) >= 0).all() and (np.diff(tar) >= 0).all() and (far[-1], tar[-1]) == (1, 1)


@pytest.mark.parametrize("threshold", [0.3, None])
def test_wrong_pairs_are_those_on_the_wrong_side_of_the_threshold(threshold):
    labels = np.repeat(np.arange(6), 5)
    embeddings = np.random.default_rng(1).integers(-20, 21, (30, 1, 1, 16)) + 12 * np.eye(6, 16)[labels][:, None, None]
    test = a_set(labels, tuple("abcdef"))
    pairs = balanced(labels, "the test people")
    known = {"out": Meaning("faces", threshold=threshold)}
    made = judged.judge(known, [embeddings.astype(np.int8)], test, pairs)["out"]
    assert made["threshold_of"] == ("training images" if threshold else "these pairs")
    assert made["taken_for_one"] and made["taken_for_two"]
    for each in made["taken_for_one"]:
        assert each["similarity"] >= made["threshold"] - 1e-4 and each["people"][0] != each["people"][1]
    for each in made["taken_for_two"]:
        assert each["similarity"] < made["threshold"] + 1e-4 and each["people"][0] == each["people"][1]
