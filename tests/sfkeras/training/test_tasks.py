"""Tasks: what they refuse, and that segmentation is measured alike in float and in int8."""

import numpy as np
import pytest
import tensorflow as tf

from sfkeras.data.images import LabelledImages
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes
from sfkeras.training import tasks

SCENE = (32, 48)


def scenes(classes=2, masks=True):
    """Three images of which the left third is class 0, the rest class 1, and the lowest line void."""
    random = np.random.default_rng(0)
    labels = np.ones((3, *SCENE), np.uint8)
    labels[:, :, :16], labels[:, -1] = 0, classes
    labels = labels if masks else np.array([0, 1, 1], np.int32)
    pixels = random.integers(0, 256, (3, *SCENE, 3), np.uint8)
    images = LabelledImages("scenes", pixels, labels, tuple(map(str, range(classes))))
    return Split(images, images, None)


def recipe(**keys):
    given = {"heads.task.outputs": "2", "data.root": ".", "data.batch_size": "2", **keys}
    return recipes.read("segment", given)


@pytest.mark.parametrize(
    "keys, masks, message",
    [
        ({"heads.task.pooling": "true"}, True, "heads.task.pooling is true.* Write heads.task.pooling=false."),
        ({"heads.task.outputs": "3"}, True, "heads.task.outputs is 3, but the images have 2 classes"),
        ({"task": "classification"}, True, "has one class per pixel. Write task=segmentation."),
        ({"task": "arc"}, True, "has one class per pixel. Write task=segmentation."),
        ({"data.min_images": "2"}, True, "data.min_images is set, but .* Write data.min_images=null."),
        ({}, False, "has one label per image. Write data.source=camvid"),
    ],
)
def test_tasks_refuse_labels_and_heads_of_another_kind(keys, masks, message):
    with pytest.raises(RecipeError, match=message):
        tasks.make_task(recipe(**keys), scenes(masks=masks))


def test_segmentation_reads_one_vector_every_16_pixels_and_measures_int8_as_float():
    task = tasks.make_task(recipe(), scenes())
    image = tf.keras.Input((*SCENE, 3))
    maps = tf.keras.layers.AveragePooling2D(16)(image)
    model = task.training_model(tf.keras.Model(image, tf.keras.layers.Conv2D(2, 1)(maps)))
    assert model.get_layer("task.output").output.shape[1:] == (2, 3, 2)
    measured = task.evaluate(lambda images: [model.predict_on_batch(images)], scenes())
    assert set(measured) == {"pixel_accuracy", "mean_iou"}

    # A head that sees the left third: the enlarged border is a few pixels off, the rest is right.
    logits = np.array([[[[9, 0], [0, 9], [0, 9]]] * 2] * 3, np.int8)
    codes = task.measure_all([logits], scenes())
    assert codes == task.measure_all([logits / 128], scenes()) and codes["pixel_accuracy"] > 0.95
    assert task.baseline(scenes())["position alone"] == {"pixel_accuracy": 1.0, "mean_iou": 1.0}


def test_rare_classes_weigh_more_and_the_mean_weight_is_one():
    counts = np.array([900, 90, 10, 55])  # the last are void
    assert (tasks.class_weights(counts, recipe(**{"loss.class_balance": "0"})) == [1, 1, 1, 0]).all()
    weights = tasks.class_weights(counts, recipe(**{"loss.class_balance": "1"}))
    np.testing.assert_allclose(weights[:-1] * counts[:-1], 1000 / 3, rtol=1e-6)
    assert weights[-1] == 0
