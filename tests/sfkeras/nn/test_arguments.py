"""What a newcomer gives quantise, freeze, load_model and export.open by mistake is answered in one line."""

import keras as keras3
import numpy as np
import pytest

import export
import sfkeras
from sfkeras.tensorflow import tf

keras = tf.keras
IMAGES = np.zeros((4, 8, 8, 3), np.float32)


def network(made_by=keras):
    image = made_by.Input((8, 8, 3))
    map_ = made_by.layers.Conv2D(4, 3, activation="relu")(image)
    return made_by.Model(image, made_by.layers.Dense(2)(made_by.layers.Flatten()(map_)))


@pytest.mark.parametrize(
    "images, said",
    [
        (IMAGES[0], r"the images are float32 \(8, 8, 3\). Expected \(images, 8, 8, 3\)."),
        (IMAGES[:, :6], r"the images are float32 \(4, 6, 8, 3\). Expected \(images, 8, 8, 3\)."),
        (list(IMAGES), r"the images are float32 \(8, 8, 3\). Expected \(images, 8, 8, 3\)."),
        (IMAGES + 255, r"values from 255 to 255. Expected -1 to 1, .*: \(pixel - 128\) / 128."),
        (np.full((4, 8, 8, 3), 9, np.uint8), "values from 9 to 9. Expected -1 to 1"),
        (IMAGES - 1.5, "values from -1.5 to -1.5"),
    ],
)
def test_images_that_do_not_suit_the_model(images, said):
    with pytest.raises(ValueError, match=said):
        sfkeras.quantise(network(), images)


@pytest.mark.parametrize("take", [export.open, sfkeras.freeze, lambda model: sfkeras.quantise(model, IMAGES)])
def test_a_model_of_keras_3(take):
    with pytest.raises(
        ValueError, match="the model is one of Keras 3, but sfkeras needs Keras 2. Make it with tf_keras"
    ):
        take(network(keras3))


@pytest.mark.parametrize("take", [sfkeras.freeze, lambda model: sfkeras.quantise(model, IMAGES)])
def test_a_path_and_a_model_in_fixed8(take):
    with pytest.raises(ValueError, match="got str. Expected a Keras model; sfkeras.load_model loads a saved one."):
        take("model.h5")
    with pytest.raises(ValueError, match="is in fixed8 already, and export.open takes it. Expected a float model."):
        take(sfkeras.quantise(network(), IMAGES))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_file_of_keras_3(suffix, tmp_path):
    network(keras3).save(tmp_path / f"model.{suffix}")
    with pytest.raises(sfkeras.RecipeError, match=f"model.{suffix} was saved by Keras 3.* Make it with tf_keras"):
        sfkeras.load_model(tmp_path / f"model.{suffix}")


@pytest.mark.parametrize("share", ["half", {}, 1.5])
def test_a_share_that_is_no_number(share):
    with pytest.raises(ValueError, match="^share is .*. Expected numbers from 0 to 1.$"):
        sfkeras.freeze(network(), share=share)
