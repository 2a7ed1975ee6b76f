"""Three tasks at once (section 3.2): 200 classes on the frozen core, faces and streets on one
trainable core each.
"""

from pathlib import Path

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, OLD_CORE, TINY_IMAGENET, Experiment, Row, Task
from sfkeras.experiments.questions.figure6 import CAMVID
from sfkeras.training import deployment

IMAGE = {"network.input": "96x96x3"}  # one network takes one image
ON_SETTLED_CORE = {**IMAGE, "network.cores": "1", "network.train_batch_norm": "false"}

CLASSES = Task(
    "settle",
    {"top1": "Tiny ImageNet top-1", "top5": "top-5"},
    TINY_IMAGENET.folder,
    # From 48x48, the core's size, to 96x96, so that batch-norms settle at the other tasks' size.
    {**OLD_CORE, **IMAGE, "training.epochs": "4", "training.steps_per_epoch": "200", "training.start_scale": "0.5"},
)
FACES = Task(LFW.recipe, LFW.metrics, LFW.folder, {**LFW.words, **ON_SETTLED_CORE})
STREETS = Task(CAMVID.recipe, CAMVID.metrics, CAMVID.folder, {**CAMVID.words, **ON_SETTLED_CORE})
TASKS = {"tiny_imagenet": CLASSES, "lfw": FACES, "camvid": STREETS}


def join(runs):
    """Join three finished runs to one network, in a folder next to them, and prove each output.

    Args:
        runs: paths of run folders; the one that settled the core is first.
    """
    first = Path(runs[0])
    deployment.join(runs, first.parent / f"three{first.name.removeprefix('tiny_imagenet')}")


EXPERIMENT = Experiment(
    "three_tasks",
    "Three tasks at once on one frozen core",
    "Classes are read from the frozen core, and their training settles its batch-norms. Faces and streets have one trainable "
    "core each. The tasks are trained one by one. Then they are joined to one network: one .tflite and one task image with "
    "three outputs. Each output equals that of its task alone byte for byte.",
    TASKS,
    {"alone": Row("Three heads, one frozen core", {})},
    tuple(column for name, task in TASKS.items() for column in tables.accuracies(name, task)),
    core={"tiny_imagenet": CLASSES},
    after=join,
)
