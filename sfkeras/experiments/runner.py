"""Runs an experiment: trains what is not among its results yet, and draws them after each training."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sfkeras import data
from sfkeras.errors import RecipeError
from sfkeras.experiments import page, results
from sfkeras.experiments.experiment import Experiment
from sfkeras.training import recipe as recipes


@dataclass(frozen=True)
class Request:
    """What a command asks of an experiment.

    Fields:
        folders: {task: data folder}, that of the core's training too.
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
    """One training of an experiment, and the recipe of the core that it begins with if the experiment makes that."""

    task: str
    row: str
    recipe: recipes.Recipe
    core: recipes.Recipe | None = None


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
    if experiment.after:
        for seed in request.seeds:
            finish(experiment, request, seed)


def finish(experiment, request, seed):
    """Does what comes after all trainings of a seed, if they are asked for and were done here."""
    runs = [each.recipe.folder for each in wanted(experiment, request) if each.recipe.seed == seed]
    missing = [run for run in runs if not (run / "export").is_dir()]
    if len(runs) < len(experiment.tasks) * len(experiment.rows):
        return
    if missing:
        print(f"{missing[0]} is not here, though its result is: write results=FOLDER to train all of them here.")
        return
    experiment.after(runs)


def taken_over(experiment, planned, folder):
    """The result of a training by the same recipe in another experiment's file, as one of this experiment; or None."""
    for file in sorted(folder.glob("*.jsonl")):
        for row in results.read(file):
            if row["seed"] == planned.recipe.seed and not results.differing(row, planned.recipe):
                print(f"{planned.recipe.name} is {row['row']} of {file}", flush=True)
                return {**row, "experiment": experiment.name, "task": planned.task, "row": planned.row}
    return None


def train(experiment, planned):
    """Trains, exports and proves one run, or finishes it, on the core that it needs. Returns its result."""
    if planned.core:
        make_core(planned.core)
    train_recipe(planned.recipe)
    from sfkeras.training.run import Run

    return results.make(experiment.name, planned.task, planned.row, Run(planned.recipe))


def train_recipe(recipe):
    """Trains a recipe in a process of its own: a table is many trainings, and none may keep its images. Raises: RecipeError."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(train_for_parent, recipe).result()


def train_for_parent(recipe):
    """Trains in a child process, which ends when its parent is killed: the same words may be given again at once."""
    from sfkeras.train import train

    threading.Thread(target=end_with_parent, daemon=True).start()
    train(recipe)


def end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def make_core(recipe):
    """Trains the core that an experiment makes for its rows, unless that was done."""
    if not core_file(recipe).exists():
        print(f"the core {recipe.folder}", flush=True)
        train_recipe(recipe)


def parse(experiment, words) -> Request:
    """What the words mean. Raises: RecipeError."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in given:
            wrong = "is given twice" if equals else "is no key=value"
            raise RecipeError(f"{experiment.name}: {word} {wrong}. Write for example {experiment.command} seeds=1,2,3")
        given[name] = value
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


def wanted(experiment, request) -> list[Planned]:
    """The trainings that are asked for, seed by seed. Raises: RecipeError."""
    return [
        plan(experiment, request, task, row, seed)
        for seed in request.seeds
        for task in request.tasks
        for row in request.rows
    ]


def unfinished(experiment, request, file) -> list[Planned]:
    """Those of them that have no result. Raises: RecipeError."""
    rows = results.of(experiment, request.folder)
    return [
        each
        for each in wanted(experiment, request)
        if not results.is_finished(file, rows, each.task, each.row, each.recipe)
    ]


def plan(experiment, request, task, row, seed) -> Planned:
    """One training."""
    core = None if task in experiment.core else core_recipe(experiment, request, seed)
    recipe = recipe_for(experiment, request, task, row, seed, core)
    return Planned(task, row, recipe, core if core and recipe.network.core == str(core_file(core)) else None)


def core_recipe(experiment, request, seed) -> recipes.Recipe | None:
    """The recipe of the core that an experiment makes for its rows, if it does."""
    for name, task in experiment.core.items():
        if name in experiment.tasks:
            return recipe_for(experiment, request, name, next(iter(experiment.rows)), seed)
        words = {**task.words, **request.overrides, "network.core": "null"}
        words |= {"run_root": run_root(experiment, request), "name": "core"}
        return recipes.read(task.recipe, words | {"data.root": request.folders.get(name, "FOLDER")})
    return None


def core_file(recipe) -> Path:
    """The core that a finished training of this recipe has made."""
    return recipe.folder / "export" / f"{recipe.name}.npz"


def run_root(experiment, request) -> str:
    """The folder of an experiment's runs."""
    return f"{'runs' if request.folder == page.RESULTS else request.folder / 'runs'}/{experiment.name}"


def recipe_for(experiment, request, task, row, seed, core=None) -> recipes.Recipe:
    """The recipe of one training, on the core that another recipe makes, if there is such a one."""
    words = {"run_root": run_root(experiment, request), **experiment.tasks[task].words}
    if core:
        words["network.core"] = str(core_file(core))
    words |= {**request.overrides, **experiment.rows[row].words}
    words |= {"name": f"{task}_{row}_{seed}", "seed": str(seed)}
    if experiment.tasks[task].folder:
        words["data.root"] = request.folders.get(task, "FOLDER")
    return recipes.read(experiment.tasks[task].recipe, words)


def require_data(experiment, request, waiting):
    """Refuses folders that are not given or do not hold what the trainings need. Raises: RecipeError."""
    needed = {}
    for planned in waiting:
        if planned.core and not core_file(planned.core).exists():
            needed |= dict.fromkeys(experiment.core, planned.core)
        needed.setdefault(planned.task, planned.recipe)
    for name, recipe in needed.items():
        task = {**experiment.core, **experiment.tasks}[name]
        if task.folder and name not in request.folders:
            others = [other for other in experiment.tasks if other != name]
            without = f", or leave it out by tasks={','.join(others)}" if others and name not in experiment.core else ""
            raise RecipeError(
                f"{experiment.name} needs {name}=FOLDER with {task.folder}. Write {name}=FOLDER{without}."
            )
        try:
            data.require(recipe.data.source, recipe.data.root)
        except RecipeError as error:
            told = str(error).replace("data.root", name)  # here the folder is given by the task's own word
            raise RecipeError(f"{experiment.name}: {told} It must hold {task.folder}.") from None
