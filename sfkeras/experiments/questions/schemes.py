"""Freezing schemes (section 3.1, Figs. 1 and 2): by cores, by a share of each layer's weights, or
by the first layers.
"""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, Experiment, Row
from sfkeras.experiments.questions.table3 import FROZEN_ALONE

EXPERIMENT = Experiment(
    "schemes",
    "Freezing schemes: by cores, uniformly, gradually, or the first layers",
    "Three quarters of the weights that were trained on Tiny ImageNet stay frozen, chosen in four ways. Which way adapts "
    "best to faces? Freezing nothing and everything are the limits. One trainable core next to a frozen one is the paper's "
    "way.",
    {"lfw": LFW},
    {
        "one_core": Row("One trainable core and a frozen one", {"network.cores": "1"}),
        "uniform": Row("The same share of each layer", {**FROZEN_ALONE, "network.frozen_share": "0.75"}),
        "rising": Row("A share that rises with depth", {**FROZEN_ALONE, "network.frozen_share": "[0.3, 0.9]"}),
        "falling": Row("A share that falls with depth", {**FROZEN_ALONE, "network.frozen_share": "[1, 0.66]"}),
        "horizontal": Row("The first 35 of 39 layers (FixyNN)", {**FROZEN_ALONE, "network.frozen_layers": "35"}),
        "none": Row("Nothing frozen", {**FROZEN_ALONE, "network.frozen_share": "0"}),
        "all": Row("Everything frozen but batch-norm and head", FROZEN_ALONE),
    },
    (
        tables.parameters("frozen", "frozen"),
        tables.parameters("trainable", "trainable"),
        *tables.areas(),
        *tables.accuracies("lfw", LFW),
    ),
)
