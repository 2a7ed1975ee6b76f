"""Freezing schemes (section 3.1, Figs. 1 and 2): by cores, by a share of each layer's weights, or by the first layers."""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, Experiment, Row
from sfkeras.experiments.table3 import FROZEN_ALONE

EXPERIMENT = Experiment(
    "schemes",
    "Freezing schemes: by cores, uniformly, gradually, or the first layers",
    "Three quarters of the frozen core's weights stay as they were on Tiny ImageNet, chosen in four ways: which adapts best "
    "to faces? None and all of them are the ends; one trainable core beside the whole is the paper's way.",
    {"lfw": LFW},
    {
        "one_core": Row("One trainable core beside the frozen one", {"network.cores": "1"}),
        "uniform": Row("The same share of each layer", {**FROZEN_ALONE, "network.frozen_share": "0.75"}),
        "rising": Row("A share that rises with depth", {**FROZEN_ALONE, "network.frozen_share": "[0.3, 0.9]"}),
        "falling": Row("A share that falls with depth", {**FROZEN_ALONE, "network.frozen_share": "[1, 0.66]"}),
        "horizontal": Row("The first 35 of 39 layers (FixyNN)", {**FROZEN_ALONE, "network.frozen_layers": "35"}),
        "none": Row("Nothing", {**FROZEN_ALONE, "network.frozen_share": "0"}),
        "all": Row("Everything but batch-norm and head", FROZEN_ALONE),
    },
    (
        tables.parameters("frozen", "frozen"),
        tables.parameters("trainable", "trainable"),
        tables.area(),
        *tables.accuracies("lfw", LFW),
    ),
)
