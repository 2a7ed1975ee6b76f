"""The ablations of section 5, and of the alphas and the rejuvenation of section 3."""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, TINY_IMAGENET, Column, Experiment, Row
from sfkeras.experiments.questions.table3 import FROM_SCRATCH

TASKS = {"tiny_imagenet": TINY_IMAGENET, "lfw": LFW}
PAPER = "paper"


def nearly_dead(row, results):
    """Return the number of nearly dead channels at the end of each training, as text."""
    return ", ".join(str(result["nearly_dead_channels"]) for result in results)


EXPERIMENT = Experiment(
    "ablations",
    "Ablations: batch-norm, first pointwise convolutions, alphas, rejuvenation",
    "Two trainable cores, with one choice changed at a time. The first pointwise convolutions are tested in a network "
    "without a frozen core, because the frozen core was trained without them.",
    TASKS,
    {
        "two_cores": Row("Two trainable cores, unchanged", {}),
        "frozen_batch_norm": Row(
            "Batch-norms of the frozen core do not train",
            {"network.train_batch_norm": "false"},
            {PAPER: "2 points less on faces"},
        ),
        "alpha_0": Row("Alphas fixed at 0: no frozen features", {"network.alpha": "0", "network.alpha_start": "null"}),
        "alpha_half": Row(
            "Alphas fixed at 0.5: residual extractors", {"network.alpha": "0.5", "network.alpha_start": "null"}
        ),
        "alpha_rate": Row("Alphas learn ten times as fast", {"network.alpha_rate": "10"}),
        "no_rejuvenation": Row("Without rejuvenation", {"rejuvenation.threshold": "0"}),
        "trainable_only": Row("Trainable cores only", FROM_SCRATCH),
        "first_pointwise": Row(
            "Trainable cores only, with the first pointwise convolutions",
            {**FROM_SCRATCH, "network.first_pointwise": "true"},
            {PAPER: "the same on faces, 2 points more top-5"},
        ),
    },
    (
        tables.parameters("trainable", "trainable"),
        *(column for name, task in TASKS.items() for column in tables.accuracies(name, task)),
        Column("nearly dead channels", nearly_dead),
        tables.paper(PAPER),
    ),
    order=tuple(
        ("two_cores", other)
        for other in ("frozen_batch_norm", "alpha_0", "alpha_half", "alpha_rate", "no_rejuvenation")
    ),
)
