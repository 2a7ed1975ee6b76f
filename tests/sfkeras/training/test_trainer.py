"""The trainer: a recipe's network section becomes the options of the network, key by key."""

import dataclasses

import numpy as np

from sfkeras.nn.freezing import core as cores
from sfkeras.nn.options import NetworkOptions
from sfkeras.training import recipe as recipes
from sfkeras.training import trainer

CHANGED = {
    "network.cores": "1",
    "network.width": "2",
    "network.core_shuffle": "false",
    "network.alpha": "0.5",
    "network.alpha_start": "null",
    "network.alpha_rate": "10",
    "network.repeats": "2",
    "network.first_pointwise": "true",
    "network.train_batch_norm": "false",
}


def test_every_option_has_the_value_of_the_key_of_its_name():
    settings = recipes.read("face", CHANGED).network
    options = trainer.network_options(settings, core=None)
    for option in dataclasses.fields(NetworkOptions):
        if option.name not in ("core", "shares"):
            assert getattr(options, option.name) == getattr(settings, option.name), option.name
    assert options.core is options.shares is None


def test_the_share_and_the_first_layers_become_a_share_per_layer():
    core = cores.Core.load("tiny_imagenet")
    falling = recipes.read("face", {"network.frozen_share": "[1, 0.5]"}).network
    assert np.allclose(trainer.network_options(falling, core).shares, np.linspace(1, 0.5, len(core.codes)))
    first = recipes.read("face", {"network.frozen_layers": "3"}).network
    options = trainer.network_options(first, core)
    assert sum(options.shares) == 3 and options.core is core and options.hardwired_core is None
