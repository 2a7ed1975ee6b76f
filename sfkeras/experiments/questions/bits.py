"""Accuracy against silicon: the frozen cores that come with the package, whose codes have 8, 5 and 4 bits."""

from sfkeras.experiments import area, tables
from sfkeras.experiments.experiment import Column, Experiment, Row
from sfkeras.experiments.questions import transfer

CORES = {8: "tiny_imagenet", 5: "tiny_imagenet_5bit", 4: "tiny_imagenet_4bit"}
TASKS = {"att": transfer.ATT, "camvid": transfer.CAMVID, "lfw": transfer.LFW}


def _top1(row, results):
    from sfkeras.nn.freezing.core import Core

    return tables.spread([Core.load(row.words["network.core"]).provenance["accuracy"]["after"]["top1"]])


def _mm2(design):
    return lambda row, results: f"{area.of_core(row.words['network.core'])[design]:.2f}"


EXPERIMENT = Experiment(
    "bits",
    "Accuracy against silicon: codes of 8, 5 and 4 bits",
    "What does a frozen core lose whose codes have fewer bits, and what does its silicon gain? The cores are those that come "
    "with the package. Two trainable cores, whose codes have 8 bits, are trained on each of them: on faces (AT&T, LFW) and "
    "streets (CamVid). Areas are those of the frozen core at 640x480 and one clock per pixel (`sfkeras area`). "
    "Its figures of energy were measured on codes of 8 bits, so none is given.",
    TASKS,
    {f"bits{bits}": Row(f"{bits} bits", {"network.core": core}) for bits, core in CORES.items()},
    (
        Column("200 classes, the core alone", _top1),
        *(column for name, task in TASKS.items() for column in tables.accuracies(name, task)),
        Column("mm2, unrolled", _mm2("unrolled")),
        Column("mm2, folded", _mm2("folded")),
        Column("mm2, least area", _mm2("least area")),
    ),
    order=(("bits8", "bits5"), ("bits8", "bits4")),
)
