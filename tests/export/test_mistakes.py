"""Models that are not what the export takes: one line that says what is expected."""

import numpy as np
import pytest

from export import deploy
from export.lower import lower
from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.quantisation import fixed8
from sfkeras.tensorflow import tf
from tests.support.networks.graphs import Builder

keras = tf.keras
IMAGES = np.zeros((2, 32, 32, 3), np.float32)


def sequential(**first):
    relu = [keras.layers.Conv2D(4, 3, use_bias=False, **first), keras.layers.ReLU()]
    return keras.Sequential([*relu, keras.layers.Dense(3)], name="plain")


def functional(use_bias):
    image = keras.Input((32, 32, 3))
    convolved = keras.layers.Conv2D(4, 3, use_bias=use_bias, name="convolved")(image)
    return keras.Model(image, keras.layers.ReLU(name="relu")(convolved), name="plain")


def without_rounding():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 3, use_bias=False)(image), name="plain")


@pytest.mark.parametrize(
    "model, message",
    [
        (lambda: sequential(input_shape=(32, 32, 3)), "plain is no fixed8 model: its layers have no exponents"),
        (sequential, "plain is no fixed8 model"),
        (lambda: functional(use_bias=True), "plain is no fixed8 model"),
        (lambda: SemifreddoNet((32, 32, 3), cores=1, frozen=False, width=0.25), "is no fixed8 model"),
    ],
)
def test_what_cannot_be_lowered_is_one_line(model, message):
    with pytest.raises(ValueError, match=message):
        lower(model(), "net")


@pytest.mark.parametrize(
    "function, model, message",
    [
        (fixed8.quantise, sequential, "the model has no inputs of known shape"),
        (fixed8.calibrate, sequential, "the model has no inputs of known shape"),
        (fixed8.calibrate, without_rounding, "plain has no layer that is rounded to int8"),
    ],
)
def test_a_model_that_cannot_be_calibrated_is_one_line(function, model, message):
    with pytest.raises(ValueError, match=message):
        function(model(), [IMAGES])


def test_a_folder_can_be_text(tmp_path):
    net = Builder()
    graph = net.graph(net.convolution("head", net.input((4, 4, 3)), 2))
    deploy.write(graph, str(tmp_path / "export"))
    assert (tmp_path / "export" / "c" / "main.c").exists()
