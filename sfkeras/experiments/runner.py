"""Runs an experiment: trains what has no result yet, and updates the page after each training."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sfkeras import at_work, data
from sfkeras.errors import RecipeError
from sfkeras.experiments import page, results
from sfkeras.experiments.experiment import Experiment
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import require_writable


@dataclass(frozen=True)
class Request:
    """What a command requests of an experiment.

    Args:
        folders: {task: data folder}, including that of the core's training.
        seeds, tasks, rows: the trainings to do.
        folder: folder of the results files.
        overrides: {recipe key: text} for all trainings. The words of a row have precedence.
    """

    folders: dict[str, str]
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    rows: tuple[str, ...]
    folder: Path
    overrides: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """One training of an experiment, and the recipe of its core if the experiment trains that."""

    task: str
    row: str
    recipe: recipes.Recipe
    core: recipes.Recipe | None = None


OF_THE_EXPERIMENT = {  # what a recipe has and an experiment sets, and what a user writes instead
    "name": "results=FOLDER for runs and results of your own",
    "seed": "seeds=1,2,3",
    "data.root": "the folder of a task by its name, such as lfw=FOLDER",
}


def run(experiment: Experiment, words):
    """Train and update the page. After an interruption, the same words continue where it stopped.

    Args:
        experiment: Experiment.
        words: `TASK=FOLDER` for each task, `seeds=1,2,3`, `tasks=`, `rows=`, `results=FOLDER`, and
            recipe keys.
    Raises: RecipeError before any training, if a word is not valid, data are missing, or the
        results file has another format or other recipes.
    """
    request = parse(experiment, words)
    require_writable("results", request.folder, request.folder)
    file = request.folder / f"{experiment.name}.jsonl"
    waiting = unfinished(experiment, request, file)
    require_data(experiment, request, waiting)
    for number, planned in enumerate(waiting, 1):
        print(f"{experiment.name} {number} of {len(waiting)}: {planned.recipe.name}", flush=True)
        results.append(file, reused_result(experiment, planned, request.folder) or train(experiment, planned))
        page.draw(request.folder)
    page.draw(request.folder)
    print("\n".join(page.table(experiment, results.read(file))))
    if experiment.after:
        for seed in request.seeds:
            finish(experiment, request, seed)


def finish(experiment, request, seed):
    """Call the experiment's last step for a seed, if all of its trainings were requested and their
    runs exist.
    """
    runs = [each.recipe.folder for each in requested(experiment, request) if each.recipe.seed == seed]
    missing = [run for run in runs if not (run / "export").is_dir()]
    if len(runs) < len(experiment.tasks) * len(experiment.rows):
        return
    if missing:
        print(f"{missing[0]} does not exist, but its result does. Write results=FOLDER to train all of them here.")
        return
    experiment.after(runs)


def reused_result(experiment, planned, folder):
    """Return the result of the same recipe in another experiment's file, as a result of this
    experiment, or None.
    """
    for file in sorted(folder.glob("*.jsonl")):
        for row in results.read(file):
            if row["seed"] == planned.recipe.seed and not results.differing(row, planned.recipe):
                print(f"{planned.recipe.name} is {row['row']} of {file}", flush=True)
                return {**row, "experiment": experiment.name, "task": planned.task, "row": planned.row}
    return None


def train(experiment, planned):
    """Train, export and prove one run, with the core that it needs. Return its result."""
    if planned.core:
        make_core(planned.core)
    train_recipe(planned.recipe)
    from sfkeras.training.run_folder.folder import Run

    return results.make(experiment.name, planned.task, planned.row, Run(planned.recipe))


def train_recipe(recipe):
    """Train a recipe in its own process, because an experiment is many trainings and their images
    must be freed. Raises: RecipeError.
    """
    at_work.hush()  # the training says what it is at
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(train_for_parent, recipe).result()


def train_for_parent(recipe):
    """Train in a child process that ends when its parent is killed, so that the command can be
    repeated at once.
    """
    from sfkeras.train import train

    threading.Thread(target=end_with_parent, daemon=True).start()
    train(recipe)


def end_with_parent():
    """Wait for the parent to end, then exit."""
    multiprocessing.parent_process().join()
    os._exit(1)


def make_core(recipe):
    """Train the core of an experiment's rows, unless it exists."""
    if not core_file(recipe).exists():
        print(f"the core {recipe.folder}", flush=True)
        train_recipe(recipe)


def parse(experiment, words) -> Request:
    """Return the request that the words describe. Raises: RecipeError."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in given:
            wrong = "is repeated" if equals else "is not of the form key=value"
            raise RecipeError(f"{experiment.name}: {word} {wrong}. Write for example {experiment.command} seeds=1,2,3")
        given[name] = value
    for name, written in OF_THE_EXPERIMENT.items():
        if name in given:
            raise RecipeError(f"{experiment.name}: {name} differs from training to training. Write {written}.")
    folders = {task: given.pop(task) for task in {**experiment.core, **experiment.tasks} if task in given}
    return Request(
        folders,
        numbers(experiment, given.pop("seeds", "1")),
        chosen(experiment, "tasks", given, experiment.tasks),
        chosen(experiment, "rows", given, experiment.rows),
        Path(given.pop("results", page.RESULTS)),
        given,
    )


def numbers(experiment, text):
    """Return the seeds of `1,2,3`. Raises: RecipeError."""
    try:
        seeds = [int(number) for number in text.split(",")]
    except ValueError:
        raise RecipeError(
            f"{experiment.name}: seeds is {text!r}. Expected numbers. Write for example seeds=1,2,3."
        ) from None
    return once(experiment, "seeds", seeds)


def chosen(experiment, word, given, known):
    """Return the names that a word selects, or all without it.

    Raises: RecipeError if one is unknown or there twice.
    """
    names = tuple(given.pop(word).split(",")) if word in given else tuple(known)
    for name in names:
        if name not in known:
            raise RecipeError(f"{experiment.name}: {word} has {name!r}. Expected some of {','.join(known)}.")
    return once(experiment, word, names)


def once(experiment, word, values) -> tuple:
    """Return the values of a word. Raises: RecipeError if one is there twice."""
    for value in values:
        if values.count(value) > 1:
            raise RecipeError(f"{experiment.name}: {word} has {value} more than once. Write it once.")
    return tuple(values)


def requested(experiment, request) -> list[Planned]:
    """Return the requested trainings, seed by seed. Raises: RecipeError."""
    return [
        plan(experiment, request, task, row, seed)
        for seed in request.seeds
        for task in request.tasks
        for row in request.rows
    ]


def unfinished(experiment, request, file) -> list[Planned]:
    """Return the requested trainings without a result. Raises: RecipeError."""
    rows = results.of_experiment(experiment, request.folder)
    return [
        each
        for each in requested(experiment, request)
        if not results.is_finished(file, rows, each.task, each.row, each.recipe)
    ]


def plan(experiment, request, task, row, seed) -> Planned:
    """Return one training."""
    core = None if task in experiment.core else core_recipe(experiment, request, seed)
    recipe = recipe_for(experiment, request, task, row, seed, core)
    return Planned(task, row, recipe, core if core and recipe.network.core == str(core_file(core)) else None)


def core_recipe(experiment, request, seed) -> recipes.Recipe | None:
    """Return the recipe of the core that an experiment trains for its rows, or None."""
    for name, task in experiment.core.items():
        if name in experiment.tasks:
            return recipe_for(experiment, request, name, next(iter(experiment.rows)), seed)
        words = {**task.words, **request.overrides, "network.core": "null"}
        words |= {"run_root": run_root(experiment, request), "name": "core"}
        return recipes.read(task.recipe, words | {"data.root": request.folders.get(name, "FOLDER")})
    return None


def core_file(recipe) -> Path:
    """Return the path of the core that a finished training of a recipe has made."""
    return recipe.folder / "export" / f"{recipe.name}.npz"


def run_root(experiment, request) -> str:
    """Return the folder of an experiment's runs."""
    return f"{'runs' if request.folder == page.RESULTS else request.folder / 'runs'}/{experiment.name}"


def recipe_for(experiment, request, task, row, seed, core=None) -> recipes.Recipe:
    """Return the recipe of one training. `core` is the recipe that makes its core, or None."""
    words = {"run_root": run_root(experiment, request), **experiment.tasks[task].words}
    if core:
        words["network.core"] = str(core_file(core))
    words |= {**request.overrides, **experiment.rows[row].words}
    words |= {"name": f"{task}_{row}_{seed}", "seed": str(seed)}
    if experiment.tasks[task].folder:
        words["data.root"] = request.folders.get(task, "FOLDER")
    return recipes.read(experiment.tasks[task].recipe, words)


def require_data(experiment, request, waiting):
    """Refuse folders that are missing or lack the data of the trainings. Raises: RecipeError."""
    needed = {}
    for planned in waiting:
        if planned.core and not core_file(planned.core).exists():
            needed |= dict.fromkeys(experiment.core, planned.core)
        needed.setdefault(planned.task, planned.recipe)
    for name, recipe in needed.items():
        task = {**experiment.core, **experiment.tasks}[name]
        if task.folder and name not in request.folders:
            others = [other for other in experiment.tasks if other != name]
            without = f", or tasks={','.join(others)} to leave it out" if others and name not in experiment.core else ""
            raise RecipeError(
                f"{experiment.name} needs {name}=FOLDER with {task.folder}. Write {name}=FOLDER{without}."
            )
        try:
            data.require(recipe.data.source, recipe.data.root)
        except RecipeError as error:
            message = str(error).replace("data.root", name)  # the command sets the folder by the task's name
            raise RecipeError(f"{experiment.name}: {message} The folder must have {task.folder}.") from None
