"""Table 3: number of cores, shuffled or not, frozen or trained, compared to ShuffleNetV2."""

from dataclasses import replace

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, TINY_IMAGENET, Experiment, Row

# Forty epochs, because eight are too few for a network with a random start.
FACES_LONG = replace(LFW, words={**LFW.words, "training.epochs": "40"})
TASKS = {"tiny_imagenet": TINY_IMAGENET, "lfw": FACES_LONG}
FROM_SCRATCH = {"network.frozen": "false", "network.start": "random", "network.alpha_start": "null"}
# The frozen core alone. Its layers start with the weights of the trained core.
FROZEN_ALONE = {"network.cores": "0", "heads.task.on": "frozen", "network.start": "random"}
# Trained as in its own paper (Ma et al. 2018, section 4). With AdamW it learns little in 300 steps.
ITS_OWN_TRAINING = {
    "training.optimizer": "sgd",
    "training.learning_rate": "0.125",  # 0.5 for batches of 1,024
    "training.weight_decay": "4e-5",
    "qat.learning_rate": "1.25e-2",
    "loss.margin": "0",  # with a margin, SGD maps all faces to one point, where the loss is smallest
}
SHUFFLENET = {**FROM_SCRATCH, **ITS_OWN_TRAINING, "network.kind": "shufflenet", "network.cores": "1"}
LONGER = {"training.epochs": "20"}  # for classes: the frozen core was trained on them, a random start was not
TOP1, TOP5, FACES, AREA, COUNTS = (f"paper: {what}" for what in ("top-1", "top-5", "faces", "area", "parameters"))


def row(title, words, parameters, area, top1, top5, faces):
    """Return a row with the numbers of Table 3."""
    paper = {COUNTS: parameters, AREA: area, TOP1: f"{top1:.0%}", TOP5: f"{top5:.0%}", FACES: f"{faces:.0%}"}
    return Row(title, words, paper, {"tiny_imagenet": top1, "lfw": faces})


EXPERIMENT = Experiment(
    "table3",
    "Table 3: configurations of SemifreddoNets, and ShuffleNetV2",
    "Is the order of the paper's rows confirmed? There, two cores are better than one, shuffled cores better than not "
    "shuffled ones, the frozen core alone is poor on faces, and trainable cores alone are worse than one with a frozen core. "
    "Parameters and area do not include heads. The estimated area is that of our datapath at 640x480 and one clock per "
    "pixel (docs/hardware.md), for networks of whole cores of Table 1. The paper's calibration is its own area per parameter: "
    "9.43 um2 frozen, 22.33 um2 trainable. The heads are those of the paper: ShuffleNetV2's own for classes, ours for faces. "
    "ShuffleNetV2 is trained with SGD, as in its own paper, and on faces without the angular margin, with which SGD maps all "
    "faces to one point. Its counts follow from its own paper's table 5; the 65K and 240K of the SemifreddoNets paper do not.",
    TASKS,
    {
        "two_cores": row("Two trainable cores", {}, "140K + 120K", "4", 0.70, 0.89, 0.88),
        "two_cores_apart": row(
            "Two cores without core shuffle", {"network.core_shuffle": "false"}, "140K + 120K", "4", 0.66, 0.87, 0.86
        ),
        "one_core": row("One trainable core", {"network.cores": "1"}, "140K + 60K", "2.66", 0.66, 0.87, 0.86),
        "frozen_only": row("Frozen core only", FROZEN_ALONE, "140K + 0", "1.32", 0.65, 0.86, 0.58),
        "frozen_whole": Row(
            "Frozen core only, batch-norms too",
            {**FROZEN_ALONE, "network.train_batch_norm": "false"},
        ),
        "trainable_only": row("Trainable cores only", FROM_SCRATCH, "0 + 120K", "2.68", 0.62, 0.83, 0.84),
        "shufflenet_half": row(
            "ShuffleNetV2 0.5x", {**SHUFFLENET, "network.width": "0.5"}, "0 + 65K", "1.56", 0.60, 0.81, 0.81
        ),
        "shufflenet": row(
            "ShuffleNetV2 1.0x", {**SHUFFLENET, "network.width": "1"}, "0 + 240K", "5.24", 0.69, 0.88, 0.92
        ),
        "trainable_only_longer": Row("Trainable cores only, 20 epochs", {**FROM_SCRATCH, **LONGER}),
        "shufflenet_half_longer": Row("ShuffleNetV2 0.5x, 20 epochs", {**SHUFFLENET, **LONGER, "network.width": "0.5"}),
    },
    (
        tables.parameters("frozen", "frozen"),
        tables.parameters("trainable", "trainable"),
        tables.paper(COUNTS),
        *tables.areas(),
        tables.paper(AREA),
        *tables.accuracies("tiny_imagenet", TINY_IMAGENET),
        tables.paper(TOP1),
        tables.paper(TOP5),
        *tables.accuracies("lfw", LFW),
        tables.paper(FACES),
    ),
    order=(
        ("two_cores", "one_core"),
        ("two_cores", "two_cores_apart"),
        ("one_core", "frozen_only"),
        ("frozen_only", "frozen_whole"),
        ("one_core", "trainable_only"),
        ("one_core", "trainable_only_longer"),
        ("trainable_only", "shufflenet_half"),
        ("two_cores", "shufflenet_half"),
        ("two_cores", "shufflenet"),
    ),
)
