import hashlib
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.data import batches
from sfkeras.data.images import LabelledImages, to_input
from sfkeras.errors import RecipeError


def people(*counts):
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 32, 32, 1), np.uint8)
    return LabelledImages("att train", pixels, labels, tuple(f"s{person}" for person in range(1, len(counts) + 1)))


@settings(deadline=None)
@given(count=st.integers(1, 60), batch_size=st.integers(1, 60), epoch=st.integers(0, 9))
def test_an_epoch_shows_each_image_once(count, batch_size, epoch):
    batch_size = min(batch_size, count)
    order = batches.shuffled(people(count), batch_size, seed=1)(epoch)
    assert order.shape == (count // batch_size, batch_size)
    assert len(np.unique(order)) == order.size and order.max() < count


def test_more_steps_begin_again():
    order = batches.shuffled(people(10), 4, seed=1, steps=5)(0)
    assert order.shape == (5, 4)
    assert sorted(order.ravel()[:10]) == sorted(order.ravel()[10:]) == list(range(10))


def test_the_order_changes_with_seed_and_epoch_and_with_nothing_else():
    make = [
        lambda seed: batches.shuffled(people(9, 9), 4, seed),
        lambda seed: batches.by_people(people(9, 9, 9), 2, 3, seed),
    ]
    for order in make:
        assert (order(1)(5) == order(1)(5)).all()
        assert (order(1)(5) != order(1)(6)).any() and (order(1)(5) != order(2)(5)).any()


@settings(deadline=None)
@given(counts=st.lists(st.integers(1, 12), min_size=3, max_size=12), p=st.integers(2, 5), k=st.integers(2, 8))
def test_batches_of_p_people_with_k_images(counts, p, k):
    images = people(*counts)
    taking_part = [person for person, count in enumerate(counts) if count >= 2]
    if len(taking_part) < p:
        with pytest.raises(RecipeError, match="data.people_per_batch"):
            batches.by_people(images, p, k, 1, min_images=2)
        return
    order = batches.by_people(images, p, k, 1, min_images=2)(0)
    assert order.shape == (max(1, sum(counts[person] for person in taking_part) // (p * k)), p * k)
    for batch in order:
        labels = images.labels[batch].reshape(p, k)
        assert (labels == labels[:, :1]).all() and len(set(labels[:, 0])) == p
        for person, shown in zip(labels[:, 0], batch.reshape(p, k)):
            assert counts[person] >= 2
            times = np.unique(shown, return_counts=True)[1]
            assert len(times) == min(k, counts[person]) and times.max() - times.min() <= 1


def test_too_few_images():
    with pytest.raises(RecipeError) as error:
        batches.by_people(people(*[12] * 9, *[11] * 30, 10), 10, 12, 1)
    assert str(error.value) == (
        "data.images_per_person is 12, but 31 of 40 people have fewer than 12 images (fewest: s40 with 10). "
        "Set data.images_per_person to at most 10, or data.min_images=2 to repeat images."
    )
    with pytest.raises(
        RecipeError, match="fewest: s2 with 1.. Set data.min_images=2 to leave out people with one image."
    ):
        batches.by_people(people(3, 1), 2, 2, 1)


def test_too_few_people_or_images_for_a_batch():
    with pytest.raises(RecipeError, match="data.people_per_batch is 4, but 3 people of att train take part. Set"):
        batches.by_people(people(2, 2, 2), 4, 2, 1)
    with pytest.raises(
        RecipeError, match="data.batch_size is 7, but att train has 6 images. Set data.batch_size to at most 6"
    ):
        batches.shuffled(people(2, 2, 2), 7, 1)


def test_the_log_says_who_takes_part(caplog):
    with caplog.at_level("INFO"):
        batches.by_people(people(1, 2, 5), 2, 4, 1, min_images=2)
    assert "att train: 2 of 3 people take part, with 7 images" in caplog.text


def test_a_stream_gives_images_and_labels_of_its_order():
    images = people(5, 5)
    order = batches.shuffled(images, 3, seed=1)
    stream = list(batches.stream(images, order, "none", (32, 32, 1), 1, range(2, 4)))
    assert len(stream) == 6
    for (pixels, labels), rows in zip(stream, np.concatenate([order(2), order(3)])):
        assert (pixels.numpy() == to_input(images.pixels[rows])).all()
        assert (labels.numpy() == images.labels[rows]).all() and labels.dtype == np.int32


def test_a_stream_knows_its_length_and_shape():
    images = people(5, 5)
    stream = batches.stream(images, batches.shuffled(images, 3, 1), "none", (48, 64, 1), 1, range(4))
    assert stream.cardinality() == 12
    assert stream.element_spec[0].shape == (3, 48, 64, 1) and stream.element_spec[1].shape == (3,)


def test_the_parts_of_two_workers_make_up_each_batch():
    images = people(5, 5)
    order = batches.shuffled(images, 4, seed=1)
    parts = [batches.stream(images, order, "none", (32, 32, 1), 1, range(2), (number, 2)) for number in range(2)]
    for rows, *halves in zip(np.concatenate([order(0), order(1)]), *parts):
        for number, (pixels, labels) in enumerate(halves):
            assert (pixels.numpy() == to_input(images.pixels[rows[number::2]])).all()
            assert (labels.numpy() == images.labels[rows[number::2]]).all()


def test_masks_come_with_their_images():
    scenes = people(5)
    masks = np.random.default_rng(1).integers(0, 12, (5, 32, 32), np.uint8)
    scenes = LabelledImages("scenes", scenes.pixels, masks, tuple(map(str, range(11))))
    order = batches.shuffled(scenes, 2, seed=1)
    for (pixels, labels), rows in zip(batches.stream(scenes, order, "none", (32, 32, 1), 1, range(1)), order(0)):
        assert (pixels.numpy() == to_input(scenes.pixels[rows])).all() and (labels.numpy() == masks[rows]).all()
    (pixels, labels), *_ = batches.in_order(scenes, 5)
    assert (pixels.numpy() == to_input(scenes.pixels)).all() and (labels.numpy() == masks).all()


def test_an_augmentation_that_is_not_known():
    images = people(5, 5)
    message = "data.augment is mosaic. Expected one of faces, wild_faces, photos, mild_photos, streets, none."
    with pytest.raises(RecipeError, match=message):
        batches.stream(images, batches.shuffled(images, 3, 1), "mosaic", (32, 32, 1), 1, range(1))


def test_images_for_testing_come_in_order():
    images = people(5, 6)
    stream = list(batches.in_order(images, 4))
    assert [len(labels) for _, labels in stream] == [4, 4, 3]
    assert (np.concatenate([pixels for pixels, _ in stream]) == to_input(images.pixels)).all()
    assert (np.concatenate([labels for _, labels in stream]) == images.labels).all()


def digests(epochs):
    """One digest an epoch, of all bytes that a training is given in it."""
    images = people(5, 5, 5)
    order = batches.by_people(images, 3, 4, seed=11, steps=2)
    stream = list(batches.stream(images, order, "faces", (32, 32, 1), 11, epochs))
    halves = [stream[start : start + 2] for start in range(0, len(stream), 2)]
    return [
        hashlib.sha256(b"".join(p.numpy().tobytes() + y.numpy().tobytes() for p, y in half)).hexdigest()
        for half in halves
    ]


@cache
def whole():
    return digests(range(0, 9))


def test_a_resumed_training_meets_the_same_bytes():
    assert len(set(whole())) == 9
    assert digests(range(7, 9)) == whole()[7:]


@pytest.mark.thorough
def test_a_training_that_is_resumed_in_another_process_meets_the_same_bytes():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    resumed = subprocess.run([sys.executable, __file__], capture_output=True, text=True, env=environment)
    assert not resumed.returncode, resumed.stderr
    assert resumed.stdout.splitlines() == whole()[7:]


if __name__ == "__main__":  # the other process of the test above
    print("\n".join(digests(range(7, 9))))
