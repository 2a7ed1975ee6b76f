"""Small networks for tests, with weights as a training leaves them: nothing is 0 or 1 any more."""

from functools import cache

import numpy as np
import tensorflow as tf

from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.blocks import convolution, downscaling_unit, semifreddo_module
from sfkeras.nn.freezing.core import Core
from sfkeras.nn.heads import Head, attach
from sfkeras.nn.options import NetworkOptions
from sfkeras.nn.quantisation.fixed8 import calibrate, quantise
from sfkeras.nn.saved import SfkerasModel

WIDTH = 0.25
SHAPE = (32, 32, 3)


def images(count=4, shape=SHAPE, seed=0):
    """Random pixels as the network takes them: float32 (count, height, width, channels), each a code times 2^-7."""
    codes = np.random.default_rng(seed).integers(-128, 128, (count, *shape))
    return (codes / 128).astype("float32")


def one_module(core=None, cores=2, alpha=None, core_shuffle=True, seed=0, shape=SHAPE, outputs=1):
    """A stem, one Semifreddo module with one frozen repeat, and a head: the parts of SemifreddoNet, quick to train."""
    tf.keras.utils.set_random_seed(seed)
    image = tf.keras.Input(shape, name="image")
    frozen = convolution(image, 8, 3, 2, "frozen.stem", core)
    trainable = [convolution(image, 8, 3, 2, f"core{i}.stem") for i in range(1, cores + 1)]
    units = (downscaling_unit, downscaling_unit)
    options = NetworkOptions(core=core, alpha=alpha, core_shuffle=core_shuffle)
    frozen, trainable = semifreddo_module(frozen, trainable, units, 1, "stage1", options)
    features = {"frozen": frozen, **{f"core{i}": maps for i, maps in enumerate(trainable, 1)}}
    head = Head(outputs, on="cores" if cores else "frozen")
    return varied(SfkerasModel(image, attach(head, features)), seed)


def build_one_module(recipe, shape, core):
    """The network of a recipe, with one module in place of fifteen: in place of trainer.build_network."""
    return one_module(core, recipe.network.cores, shape=shape, outputs=recipe.heads["task"].outputs)


@cache
def module_core():
    """The core that one_module can be frozen to."""
    return Core.from_model(one_module(), "small", {"seed": 0})


@cache
def narrow_core(width=WIDTH):
    """The core of a narrow SemifreddoNet."""
    tf.keras.utils.set_random_seed(0)
    return Core.from_model(varied(SemifreddoNet(SHAPE, cores=0, core=None, width=width)), "narrow", {"seed": 0})


def varied(model, seed=0):
    """Gives batch-norms, alphas and biases random values as a training might; returns the model."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            channels = layer.gamma.shape[0]
            gamma, variance = random.uniform(0.5, 1.5, (2, channels))
            beta, mean = random.normal(0, 0.3, (2, channels))
            layer.set_weights([gamma, beta, mean, variance])
        for name in ("w", "bias"):
            if isinstance(weight := getattr(layer, name, None), tf.Variable):
                weight.assign(random.normal(0, 1, weight.shape))
    return model


def quantised(model, seed=1):
    """Calibrates a float model on random images and returns its fixed8 form."""
    tf.config.run_functions_eagerly(True)  # to trace the network for one batch would take longer
    exponents = calibrate(model, [images(4, model.input.shape[1:], seed)])
    tf.config.run_functions_eagerly(False)
    return quantise(model, exponents=exponents)


def fit(model, steps=1, loss="mse", rate=0.01, shape=SHAPE):
    """Trains a model for some steps on random images; eagerly, which is quicker than to trace so few steps."""
    model.compile(tf.keras.optimizers.Adam(rate), loss, run_eagerly=True)
    x = images(4, shape, seed=7)
    for _ in range(steps):
        targets = [np.zeros((4, *output.shape[1:]), "float32") for output in tf.nest.flatten(model.output)]
        model.train_on_batch(x, targets if len(targets) > 1 else targets[0])
    return model
