"""Networks to compare with, against their own papers, and as one core that trains."""

import numpy as np
import pytest

from sfkeras.errors import RecipeError
from sfkeras.nn.baselines import MobileNetV2, ShuffleNetV2
from sfkeras.nn.heads import Head
from sfkeras.nn.quantisation import fixed8
from sfkeras.tensorflow import tf


def weights(model, *without):
    return sum(
        int(np.prod(w.shape)) for layer in model.layers for w in layer.trainable_weights if layer.name not in without
    )


@pytest.mark.parametrize("width, millions", [(0.5, 1.4), pytest.param(1.0, 2.3, marks=pytest.mark.thorough)])
def test_with_its_own_head_it_has_the_parameters_of_its_own_paper(width, millions):
    """Ma et al. 2018, table 8, for 1,000 classes."""
    model = ShuffleNetV2((64, 64, 3), [Head(1000, hidden=1024)], width)
    assert round(weights(model) / 1e6, 1) == millions
    assert model.output_shape == (None, 1, 1, 1000)


def test_stages_have_the_channels_and_sides_of_table_5():
    model = ShuffleNetV2((224, 224, 3), [Head(4)], 1.0)
    shapes = [
        model.get_layer(f"stage{n}.unit{units}.shuffle").output_shape[1:] for n, units in ((2, 4), (3, 8), (4, 4))
    ]
    assert model.get_layer("stem.pool").output_shape[1:] == (56, 56, 24)
    assert shapes == [(28, 28, 116), (14, 14, 232), (7, 7, 464)]


def test_another_width_is_refused():
    with pytest.raises(RecipeError, match="network.width is 0.75. Expected 0.5 or 1.0 for ShuffleNetV2."):
        ShuffleNetV2((64, 64, 3), [Head(4)], 0.75)


def test_a_mobilenet_is_calibrated_and_quantised_as_it_is():
    model = MobileNetV2((32, 32, 1), [Head(10)], 0.35)
    norms = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.95} and all(layer.gamma_constraint for layer in norms)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1)).astype(np.float32)
    quantised = fixed8.quantise(model, exponents=fixed8.calibrate(model, [images]))
    assert [layer.name for layer in quantised.layers] == [layer.name for layer in model.layers]


def test_a_mobilenet_has_the_parameters_that_keras_gives_for_it_and_a_head_of_ours():
    model = MobileNetV2((32, 32, 1), [Head(128)], 0.35)  # which no head block would hold
    assert model.output_shape == (None, 1, 1, 128)
    grey = 16 * 9 * 2  # weights of the stem that a grey image does not have
    assert sum(int(np.prod(w.shape)) for w in model.weights[:-2]) + grey == 410_208  # of Keras, without its top
    with pytest.raises(RecipeError, match="network.width is 0.7. Expected 0.35 or 0.5 or 1.0 for MobileNetV2."):
        MobileNetV2((32, 32, 3), [Head(4)], 0.7)
