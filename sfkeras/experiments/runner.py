"""Runs an experiment: trains what is not among its results yet, and draws them after each training."""

from dataclasses import dataclass, field
from pathlib import Path

from sfkeras import data
from sfkeras import recipe as recipes
from sfkeras.errors import RecipeError
from sfkeras.experiments import page, results
from sfkeras.experiments.experiment import Experiment


@dataclass(frozen=True)
class Request:
    """What a command asks of an experiment.

    Fields:
        folders: {task: data folder}.
        seeds, tasks, rows: which trainings.
        folder: of the results files.
        overrides: {recipe key: text} for all trainings; what a row itself sets stands above them.
    """

    folders: dict[str, str]
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    rows: tuple[str, ...]
    folder: Path
    overrides: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """One training of an experiment."""

    task: str
    row: str
    recipe: recipes.Recipe


def run(experiment: Experiment, words):
    """Trains and draws. Interrupted at any moment, the same words go on where it stopped.

    Args:
        words: `TASK=FOLDER` for each task, `seeds=1,2,3`, `tasks=`, `rows=`, `results=FOLDER`, and recipe keys.
    Raises: RecipeError before any training, if what is asked for cannot be meant, data is missing, or the results file
        has another format or other recipes.
    """
    request = parse(experiment, words)
    file = request.folder / f"{experiment.name}.jsonl"
    waiting = unfinished(experiment, request, file)
    require_data(experiment, request, waiting)
    for number, planned in enumerate(waiting, 1):
        print(f"{experiment.name} {number} of {len(waiting)}: {planned.recipe.name}", flush=True)
        results.append(file, taken_over(experiment, planned, request.folder) or train(experiment, planned))
        page.draw(request.folder)
    page.draw(request.folder)
    print("\n".join(page.table(experiment, results.read(file))))


def taken_over(experiment, planned, folder):
    """The result of a training by the same recipe in another experiment's file, as one of this experiment; or None."""
    for file in sorted(folder.glob("*.jsonl")):
        for row in results.read(file):
            if row["seed"] == planned.recipe.seed and not results.differing(row, planned.recipe):
                print(f"{planned.recipe.name} is {row['row']} of {file}", flush=True)
                return {**row, "experiment": experiment.name, "task": planned.task, "row": planned.row}
    return None


def train(experiment, planned):
    """Trains, exports and proves one run, or finishes it. Returns its result."""
    from sfkeras.run import Run
    from sfkeras.train import train as train_recipe

    train_recipe(planned.recipe)
    import tensorflow as tf  # late, as in train_recipe

    tf.keras.backend.clear_session()  # a table is many trainings in one process: none may keep its images
    return results.make(experiment.name, planned.task, planned.row, Run(planned.recipe))


def parse(experiment, words) -> Request:
    """What the words mean. Raises: RecipeError."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in given:
            wrong = "is given twice" if equals else "is no key=value"
            raise RecipeError(f"{experiment.name}: {word} {wrong}. Write for example {experiment.command} seeds=1,2,3")
        given[name] = value
    folders = {task: given.pop(task) for task in experiment.tasks if task in given}
    return Request(
        folders,
        numbers(experiment, given.pop("seeds", "1")),
        chosen(experiment, "tasks", given, experiment.tasks),
        chosen(experiment, "rows", given, experiment.rows),
        Path(given.pop("results", page.RESULTS)),
        given,
    )


def numbers(experiment, text):
    """The seeds of `1,2,3`. Raises: RecipeError."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise RecipeError(
            f"{experiment.name}: seeds is {text}, wanted numbers. Write for example seeds=1,2,3."
        ) from None


def chosen(experiment, word, given, known):
    """The names that a word selects; all of them without it. Raises: RecipeError if one is unknown."""
    names = tuple(given.pop(word).split(",")) if word in given else tuple(known)
    for name in names:
        if name not in known:
            raise RecipeError(f"{experiment.name}: {word} has {name}, wanted some of {','.join(known)}.")
    return names


def unfinished(experiment, request, file) -> list[Planned]:
    """The trainings that are asked for and have no result, seed by seed. Raises: RecipeError."""
    rows = results.of(experiment, request.folder)
    planned = [
        Planned(task, row, recipe_for(experiment, request, task, row, seed))
        for seed in request.seeds
        for task in request.tasks
        for row in request.rows
    ]
    return [each for each in planned if not results.is_finished(file, rows, each.task, each.row, each.recipe)]


def recipe_for(experiment, request, task, row, seed) -> recipes.Recipe:
    """The recipe of one training."""
    runs = "runs" if request.folder == page.RESULTS else request.folder / "runs"
    words = {"run_root": f"{runs}/{experiment.name}", **experiment.tasks[task].words}
    words |= {**request.overrides, **experiment.rows[row].words}
    words |= {"name": f"{task}_{row}_{seed}", "seed": str(seed)}
    if experiment.tasks[task].folder:
        words["data.root"] = request.folders.get(task, "FOLDER")
    return recipes.read(experiment.tasks[task].recipe, words)


def require_data(experiment, request, waiting):
    """Refuses folders that are not given or do not hold what the tasks need. Raises: RecipeError."""
    for name in dict.fromkeys(planned.task for planned in waiting):
        task, recipe = experiment.tasks[name], next(each.recipe for each in waiting if each.task == name)
        if task.folder and name not in request.folders:
            others = [other for other in experiment.tasks if other != name]
            without = f", or leave it out by tasks={','.join(others)}" if others else ""
            raise RecipeError(
                f"{experiment.name} needs {name}=FOLDER with {task.folder}. Write {name}=FOLDER{without}."
            )
        try:
            data.require(recipe.data.source, recipe.data.root)
        except RecipeError as error:
            told = str(error).replace("data.root", name)  # here the folder is given by the task's own word
            raise RecipeError(f"{experiment.name}: {told} It must hold {task.folder}.") from None
