import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from sfkeras.data import pairs
from sfkeras.data.sources import att
from sfkeras.training import metrics


@st.composite
def judged_pairs(draw):
    """Similarities with many ties, as int8 embeddings give them, and who is who."""
    count = draw(st.integers(4, 30))
    same = np.array([True, False, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))])
    similarity = np.array(draw(st.lists(st.integers(-5, 5), min_size=count, max_size=count))) / 8
    return similarity, same


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_segmentation_against_counting_pixel_by_pixel(seed, classes):
    random = np.random.default_rng(seed)
    logits = random.integers(-128, 128, (2, 4, 3, classes), np.int8)
    masks = random.integers(0, classes + 1, (2, 4, 3))
    masks[0, 0, 0] = 0  # one pixel is known
    predicted, known = logits.argmax(-1), masks < classes
    shares = []
    for label in range(classes):
        seen, meant = (predicted == label) & known, masks == label
        if (seen | meant).any():
            shares.append((seen & meant).sum() / (seen | meant).sum())
    measured = metrics.segmentation_metrics(logits, masks)
    np.testing.assert_allclose(measured["pixel_accuracy"], np.mean(predicted[known] == masks[known]))
    np.testing.assert_allclose(measured["mean_iou"], np.mean(shares))


def test_what_is_void_does_not_count():
    random = np.random.default_rng(0)
    logits, masks = random.normal(size=(2, 2, 3, 5)), random.integers(0, 6, (2, 32, 48))
    measured = metrics.segmentation_metrics(logits, masks)
    pixels = np.bincount(masks.ravel(), minlength=6)
    confusion = metrics.confusion_matrix(logits, masks)
    assert (confusion.sum(axis=1) == pixels[:5]).all() and measured["pixel_accuracy"] < 1


def test_enlarging_is_tensorflows():
    maps = np.random.default_rng(0).normal(size=(1, 5, 7, 1)).astype(np.float32)
    ours = metrics.bilinear(5, 80) @ maps[0, ..., 0] @ metrics.bilinear(7, 112).T
    np.testing.assert_allclose(ours, tf.image.resize(maps, (80, 112))[0, ..., 0], atol=1e-5)


@given(judged_pairs())
def test_roc_area_against_all_comparisons(pairs):
    similarity, same = pairs
    wins = [(g > i) + (g == i) / 2 for g in similarity[same] for i in similarity[~same]]
    np.testing.assert_allclose(metrics.roc_area(similarity, same), np.mean(wins))


@given(judged_pairs())
def test_best_threshold_against_all_thresholds(pairs):
    similarity, same = pairs
    found = np.mean((similarity >= metrics.best_threshold(similarity, same)) == same)
    every = [np.mean((similarity >= threshold) == same) for threshold in [*similarity, np.inf]]
    assert found == max(every)


@given(judged_pairs(), st.sampled_from([0.0, 0.01, 0.1, 0.29, 0.5, 1.0]))
def test_true_accept_rate_against_all_thresholds(pairs, rate):
    similarity, same = pairs
    thresholds = [*(similarity - 1e-9), np.inf]
    allowed = [t for t in thresholds if np.mean(similarity[~same] > t) <= rate + 1e-9]
    expected = max(np.mean(similarity[same] > threshold) for threshold in allowed)
    assert metrics.true_accept_rate(similarity, same, rate) == expected


def test_thresholds_come_from_the_other_folds():
    # Fold 1 would be perfect at its own threshold of 0.9; fold 0 teaches 0.5, which takes its impostor for genuine.
    similarity = np.array([0.6, 0.4, 0.95, 0.85])
    same = np.array([True, False, True, False])
    assert metrics.verification_accuracy(similarity, same, np.array([0, 0, 1, 1])).tolist() == [0.5, 0.5]


def test_embeddings_that_tell_all_people_apart():
    labels = np.repeat(np.arange(6), 5)
    embeddings = np.eye(6)[labels] * 100
    found = metrics.face_metrics(embeddings.astype(np.int8), labels, pairs.balanced(labels, "test"))
    assert found == {"verification_accuracy": 1.0, "roc_area": 1.0, "tar_at_far_1e-2": 1.0, "rank1": 1.0}


def test_embeddings_that_tell_nothing():
    labels = np.repeat(np.arange(6), 5)
    found = metrics.face_metrics(np.zeros((30, 4)), labels, pairs.balanced(labels, "test"))
    assert found == {"verification_accuracy": 0.5, "roc_area": 0.5, "tar_at_far_1e-2": 0.0, "rank1": 1 / 6}


@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=15), seed=st.integers(0, 1000))
def test_rank1_against_a_loop(labels, seed):
    embeddings = np.random.default_rng(seed).normal(size=(len(labels), 3))
    gallery = {label: labels.index(label) for label in labels}
    right = [
        max(gallery, key=lambda person: embeddings[gallery[person]] @ embeddings[probe]) == label
        for probe, label in enumerate(labels)
        if probe not in gallery.values()
    ]
    if right:
        assert metrics.rank1(embeddings, np.array(labels)) == np.mean(right)
    else:
        with pytest.raises(
            ValueError,
            match="rank-1 needs at least one person with two images; got .* one image each",
        ):
            metrics.rank1(embeddings, np.array(labels))


def test_top_k():
    logits = np.array([[9, 1, 2, 3, 4, 5], [0, 9, 8, 7, 6, 5], [7, 7, 0, 0, 0, 0]], np.int8)
    assert metrics.top_k_metrics(logits, np.array([0, 0, 0])) == {"top1": 1 / 3, "top5": 2 / 3}
    assert metrics.top_k_metrics(logits[:, :5], np.array([0, 0, 0])) == {"top1": 1 / 3}


def test_raw_pixels_of_faces_are_a_baseline():
    test = att.load((96, 96, 1), test_people=12).test
    found = metrics.face_metrics(metrics.raw_pixels(test.pixels), test.labels, pairs.balanced(test.labels, "test"))
    assert 0.80 < found["verification_accuracy"] < 0.82 and 0.89 < found["roc_area"] < 0.91
    brighter = test.pixels // 2 + 100
    np.testing.assert_allclose(
        metrics.normalised(metrics.raw_pixels(brighter)), metrics.normalised(metrics.raw_pixels(test.pixels)), atol=2e-3
    )
