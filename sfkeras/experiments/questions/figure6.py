"""Fig. 6: accuracy of segmentation against the frozen share of the network."""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import OLD_CORE, TINY_IMAGENET, Column, Experiment, Row, Task
from sfkeras.experiments.questions.table3 import FROZEN_ALONE
from sfkeras.training.run_folder import plots

CAMVID = Task(
    "segment",
    {"pixel_accuracy": "pixel accuracy", "mean_iou": "mean IoU"},
    "CamVid: train/ and test/, each with images/X.jpg and masks/X.png (classes 0 to 10, 11 is void)",
    {**OLD_CORE, "network.input": "144x192x3", "training.start_scale": "1", "training.epochs": "30", "qat.epochs": "3"},
)
WIDE_CORE = Task(
    "core",
    {},
    TINY_IMAGENET.folder,
    {"network.width": "2", "network.input": "48x48x3", "training.epochs": "4", "training.start_scale": "0.67"},
)
WIDE = {**FROZEN_ALONE, "network.width": "2"}
SEMIFREDDO = {**OLD_CORE, "network.width": "1"}
SHARES = (0, 25, 50, 75, 90, 100)
UNIFORM, BY_CORES = "uniformly frozen, twice as wide", "SemifreddoNet"


def frozen_share(parameters):
    """Return the frozen share of a backbone's parameters."""
    return parameters["frozen"] / (parameters["frozen"] + parameters["trainable"])


def _frozen_share(row, results):
    return f"{frozen_share(results[0]['parameters']):.0%}" if results else ""


def picture(path, results):
    """Plot accuracies and both areas against the frozen share of the parameters."""
    areas = {tables.ESTIMATE: tables.estimated_area, tables.CALIBRATION: tables.calibrated_area}
    panels = {title: {UNIFORM: [], BY_CORES: []} for title in (*CAMVID.metrics.values(), *areas)}
    for result in results:
        series = UNIFORM if result["row"].startswith("share") else BY_CORES
        share = frozen_share(result["parameters"])
        for metric, title in CAMVID.metrics.items():
            panels[title][series].append((share, result["accuracy"][tables.INT8][metric]))
        for title, area_of in areas.items():
            if (area := area_of(result)) is not None:
                panels[title][series].append((share, area))
    plots.against(path, "share of parameters that are frozen", panels)


EXPERIMENT = Experiment(
    "figure6",
    "Fig. 6: segmentation against the share that is frozen",
    "A backbone twice as wide as the frozen core is pretrained on Tiny ImageNet. A share of each layer's weights stays "
    "frozen; the rest and the head train on CamVid. Does accuracy fall most between 75 and 100 %, as in the paper? "
    "SemifreddoNets with one and two trainable cores are shown at their own frozen shares.",
    {"camvid": CAMVID},
    {
        **{
            f"share{share}": Row(f"{share} % of each layer", {**WIDE, "network.frozen_share": f"{share / 100:g}"})
            for share in SHARES
        },
        "one_core": Row("SemifreddoNet, one trainable core", {**SEMIFREDDO, "network.cores": "1"}),
        "two_cores": Row("SemifreddoNet, two trainable cores", {**SEMIFREDDO, "network.cores": "2"}),
    },
    (
        Column("frozen share", _frozen_share),
        tables.parameters("frozen", "frozen"),
        tables.parameters("trainable", "trainable"),
        *tables.areas(),
        *tables.accuracies("camvid", CAMVID),
    ),
    core={"tiny_imagenet": WIDE_CORE},
    picture=picture,
)
