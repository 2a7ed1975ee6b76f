"""Three tasks at once (section 3.2): 200 classes on the frozen core, faces and streets on a trainable core each."""

from pathlib import Path

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, TINY_IMAGENET, Experiment, Row, Task
from sfkeras.experiments.figure6 import CAMVID
from sfkeras.startup import load_tensorflow

IMAGE = {"network.input": "96x96x3"}  # one network takes one image
BESIDE = {**IMAGE, "network.cores": "1", "network.train_batch_norm": "false"}  # a core that another task has settled

CLASSES = Task(
    "settle",
    {"top1": "Tiny ImageNet top-1", "top5": "top-5"},
    TINY_IMAGENET.folder,
    # 48x48, which the core knows, up to 96x96, so that what classes are told by settles at the size of the other tasks.
    {**IMAGE, "training.epochs": "4", "training.steps_per_epoch": "200", "training.start_scale": "0.5"},
)
FACES = Task(LFW.recipe, LFW.metrics, LFW.folder, {**LFW.words, **BESIDE})
STREETS = Task(CAMVID.recipe, CAMVID.metrics, CAMVID.folder, {**CAMVID.words, **BESIDE})
TASKS = {"tiny_imagenet": CLASSES, "lfw": FACES, "camvid": STREETS}


def join(runs):
    """Makes one network of three finished runs, beside them, and proves that each output has the bytes of its task alone.

    Args:
        runs: paths of run folders, the settling one first.
    """
    load_tensorflow()
    from export.deploy import join_runs  # as the last step of a training does: export knows sfkeras, not the reverse

    print(join_runs(runs, Path(runs[0]).parent / f"three{Path(runs[0]).name.removeprefix('tiny_imagenet')}"))


EXPERIMENT = Experiment(
    "three_tasks",
    "Three tasks at once on one frozen core",
    "Classes are read off the frozen core, whose batch-norm they settle; faces and streets have a trainable core each. They "
    "are trained one by one and then joined to one network, one .tflite and one task image with three outputs, each of which "
    "has the bytes of its task alone.",
    TASKS,
    {"alone": Row("Three heads, one frozen core", {})},
    tuple(column for name, task in TASKS.items() for column in tables.accuracies(name, task)),
    core={"tiny_imagenet": CLASSES},
    after=join,
)
