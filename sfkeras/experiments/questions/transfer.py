"""Transfer: the same frozen core on other data sets, against a network from scratch and a linear head (as FixyNN showed it)."""

from sfkeras.experiments import experiment, tables
from sfkeras.experiments.experiment import Experiment, Row, Task
from sfkeras.experiments.questions import figure6
from sfkeras.experiments.questions.table3 import FROM_SCRATCH, FROZEN_ALONE

FASHION = Task(
    "classify",
    {"top1": "Fashion-MNIST top-1"},
    "Fashion-MNIST: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the two of t10k",
    {
        "data.source": "idx",
        "data.augment": "none",
        "data.batch_size": "64",
        "heads.task.outputs": "10",
        "heads.task.hidden": "null",
        "network.input": "32x32x1",
        "training.epochs": "3",
        "training.steps_per_epoch": "300",
        "training.start_scale": "1",
    },
)
ATT = Task(
    "face",
    {"verification_accuracy": "AT&T verification", "roc_area": "ROC area"},
    None,
    {"network.input": "64x64x1", "network.start": "core", "training.epochs": "15", "qat.epochs": "2"},
)
LFW = Task(
    "face_lfw_arc",
    {"verification_accuracy": "LFW verification"},
    experiment.LFW.folder,
    {"network.repeats": "1", "network.input": "64x64x3", "training.epochs": "8", "qat.epochs": "2"},
)
CAMVID = Task(
    "segment",
    {"pixel_accuracy": "CamVid pixels", "mean_iou": "mean IoU"},
    figure6.CAMVID.folder,
    {"network.input": "96x128x3", "training.start_scale": "1", "training.epochs": "20", "qat.epochs": "2"},
)
PHOTOS = Task(
    "pictures",
    {"top1": "photos top-1"},
    "CIFAR-10 as pictures: the first 300 of each class in train/CLASS, the first 100 of each in test/CLASS",
    {"network.input": "64x64x3", "training.epochs": "12", "heads.task.outputs": "10", "data.batch_size": "64"},
)
TASKS = {"fashion": FASHION, "photos": PHOTOS, "att": ATT, "lfw": LFW, "camvid": CAMVID}
EXPERIMENT = Experiment(
    "transfer",
    "Transfer: one frozen core on other data sets",
    "Is the core, which was trained on photos of Tiny ImageNet, worth its silicon on other data? Clothes in grey "
    "(Fashion-MNIST), ten classes of photos (3,000 of CIFAR-10), faces (AT&T, LFW) and streets (CamVid) are trained with it; "
    "with trainable cores alone; with only a head on the core, as a linear probe; and with MobileNetV2 0.35 from scratch. "
    "All rows of a task see as many images.",
    TASKS,
    {
        "one_core": Row("One trainable core and the frozen one", {"network.cores": "1"}),
        "two_cores": Row("Two trainable cores and the frozen one", {}),
        "linear": Row("A head on the frozen core", {**FROZEN_ALONE, "network.train_batch_norm": "false"}),
        "trainable_only": Row("Two trainable cores alone", FROM_SCRATCH),
        "mobilenet": Row(
            "MobileNetV2 0.35",
            {**FROM_SCRATCH, "network.kind": "mobilenet", "network.cores": "1", "network.width": "0.35"},
        ),
    },
    (
        tables.parameters("frozen", "frozen"),
        tables.parameters("trainable", "trainable"),
        *(column for name, task in TASKS.items() for column in tables.accuracies(name, task)),
    ),
    order=(
        ("one_core", "linear"),
        ("one_core", "trainable_only"),
        ("one_core", "mobilenet"),
        ("two_cores", "one_core"),
    ),
)
