"""An experiment: recipes that differ in what the paper asks about, on one task or several."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """What the networks of an experiment are trained for.

    Fields:
        recipe: name of the recipe that all rows begin with.
        metrics: {metric, as accuracy.json has it: how a table calls it}; the first is drawn.
        folder: what must lie in the data folder; None if the recipe needs none.
        words: {recipe key: value} of all rows; a command may give others.
    """

    recipe: str
    metrics: dict[str, str]
    folder: str | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One network of an experiment.

    Fields:
        title: how a table calls it.
        words: {recipe key: value} that make it what it is.
        paper: {heading of a column: what the paper has there}.
        drawn: {task: the paper's accuracy, from 0 to 1}, for the picture.
    """

    title: str
    words: dict[str, str]
    paper: dict[str, str] = field(default_factory=dict)
    drawn: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column of an experiment's table: `cell` makes a text of a Row and its results, of all tasks and seeds."""

    heading: str
    cell: Callable[[Row, list[dict]], str]


@dataclass(frozen=True)
class Experiment:
    """Fields:
    name: of the command and of the results file.
    title, question: what the page says above the table.
    tasks: {name: Task}; the name is also the word that gives its data folder.
    rows: {name: Row}, in the order of the table.
    columns: of the table, after the row's title.
    order: (better, worse): rows that are in this order in the paper.
    core: {name: Task} of one that makes the frozen core of the rows that name none; the name gives its data folder. It may
        be one of the tasks, whose run then makes the core of the others.
    after: what is done with the folders of all runs of a seed, in the order of the tasks.
    picture: draws the results, a list of dicts, into a path; None: accuracies, a line a row.
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
        folders = [f"{name}=FOLDER" for name, task in {**self.core, **self.tasks}.items() if task.folder]
        return " ".join(["python -m sfkeras.compare", self.name, *folders])


LFW = Task(
    "face_lfw_arc",
    {"verification_accuracy": "LFW verification", "roc_area": "ROC area"},
    "Labeled Faces in the Wild: peopleDevTrain.txt, peopleDevTest.txt, pairsDevTest.txt and images/NAME/NAME_0001.jpg",
    # The recipe's second pass is what the experiment on repeats asks about; the rest lets forty trainings fit into a day.
    {"network.repeats": "1", "network.input": "64x64x3", "training.epochs": "8", "qat.epochs": "3"},
)
TINY_IMAGENET = Task(
    "classify",
    {"top1": "Tiny ImageNet top-1", "top5": "top-5"},
    "Tiny ImageNet: shards train-* and val-* of tf.train.Example (image, label), and classes.txt",
    {
        "network.input": "48x48x3",
        "training.epochs": "4",
        "training.steps_per_epoch": "200",
        "training.start_scale": "0.67",  # 32x32, as the images are, then 48x48
    },
)
