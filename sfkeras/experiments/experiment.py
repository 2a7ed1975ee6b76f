"""An experiment: recipes that differ in one question of the paper, on one or several tasks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """A task that the networks of an experiment are trained for.

    Args:
        recipe: name of the recipe that all rows start from.
        metrics: {metric of accuracy.json: its heading in a table}. The first metric is plotted.
        folder: required content of the data folder; None if the recipe needs none.
        words: {recipe key: value} of all rows. A command may replace them.
    """

    recipe: str
    metrics: dict[str, str]
    folder: str | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One network of an experiment.

    Args:
        title: its title in a table.
        words: {recipe key: value} that define it.
        paper: {heading of a column: the paper's text}.
        paper_accuracy: {task: the paper's accuracy, from 0 to 1}, for the plot.
    """

    title: str
    words: dict[str, str]
    paper: dict[str, str] = field(default_factory=dict)
    paper_accuracy: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column of an experiment's table.

    `cell` returns the text for a Row and its results, of all tasks and seeds.
    """

    heading: str
    cell: Callable[[Row, list[dict]], str]


@dataclass(frozen=True)
class Experiment:
    """Everything that defines an experiment.

    Args:
        name: of the command and of the results file.
        title, question: text above the table.
        tasks: {name: Task}. The command's word NAME=FOLDER sets a task's data folder.
        rows: {name: Row}, in the order of the table.
        columns: of the table, after the row's title.
        order: (better, worse): pairs of rows in the paper's order.
        core: {name: Task} that trains the frozen core of the rows that name none; NAME=FOLDER sets
            its data folder. If it is one of the tasks, the run of that task makes the core of the
            others.
        after: function of the folders of all runs of a seed, in the order of the tasks. It is
            called at the end.
        picture: function that plots the results, a list of dicts, into a path. None plots
            accuracies, one line per row.
    """

    name: str
    title: str
    question: str
    tasks: dict[str, Task]
    rows: dict[str, Row]
    columns: tuple[Column, ...]
    order: tuple[tuple[str, str], ...] = ()
    core: dict[str, Task] = field(default_factory=dict)
    after: Callable[[list[Path]], None] | None = None
    picture: Callable[[Path, list[dict]], None] | None = None

    @property
    def command(self) -> str:
        """The command that runs the experiment."""
        folders = [f"{name}=FOLDER" for name, task in {**self.core, **self.tasks}.items() if task.folder]
        return " ".join(["sfkeras compare-experiments", self.name, *folders])


# The core that the rows of results/ were trained with, until they are trained with the present one.
OLD_CORE = {"network.core": "tiny_imagenet_32"}
LFW = Task(
    "face_lfw_arc",
    {"verification_accuracy": "LFW verification", "roc_area": "ROC area"},
    "Labeled Faces in the Wild: peopleDevTrain.txt, peopleDevTest.txt, pairsDevTest.txt and images/NAME/NAME_0001.jpg",
    # One pass, because the experiment on repeats has its own. With the other values forty trainings
    # take about a day.
    {**OLD_CORE, "network.repeats": "1", "network.input": "64x64x3", "training.epochs": "8", "qat.epochs": "3"},
)
TINY_IMAGENET = Task(
    "classify",
    {"top1": "Tiny ImageNet top-1", "top5": "top-5"},
    "Tiny ImageNet: shards train-* and val-* of tf.train.Example (image, label), and classes.txt",
    {
        **OLD_CORE,
        "network.input": "48x48x3",
        "training.epochs": "4",
        "training.steps_per_epoch": "200",
        "training.start_scale": "0.67",  # 32x32, as the images are, then 48x48
    },
)
