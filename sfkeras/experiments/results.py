"""Results files: one line of JSON per finished training.

They are committed, and all tables are made from them.
"""

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import yaml

import sfkeras
from sfkeras import atomic_file, places
from sfkeras.errors import RecipeError
from sfkeras.training import correct_cases
from sfkeras.training import recipe as recipes
from sfkeras.training.settings import TextLoader, build

FORMAT = "sfkeras results 2"
MACHINE_KEYS = (
    "name",
    "run_root",
    "seed",
    "data.root",
)  # keys that depend on the machine, or have a place of their own in a row
ROOT = places.workplace()


def read(path):
    """Return the rows of a results file, a list of dicts. A missing file has no rows.

    Raises: RecipeError if a line is broken or has another format. Formats are never merged.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        try:
            row = json.loads(line)
            found = row["format"]
        except (ValueError, TypeError, KeyError):
            raise RecipeError(
                f"{path}, line {number} is not a result. Restore the file, or remove that line."
            ) from None
        if found != FORMAT:
            raise RecipeError(
                f"{path}, line {number} has the format {found!r}. Expected {FORMAT!r}, because formats are not merged. "
                "Move that file away, or write results=FOLDER to start another."
            )
        rows.append(row)
    return rows


def of_experiment(experiment, folder):
    """Return the rows of an experiment's file in a folder.

    Raises: RecipeError also for rows that the experiment does not have, or that were tested on
        other cases.
    """
    path = Path(folder) / f"{experiment.name}.jsonl"
    rows, tested = read(path), {}
    for row in rows:
        if row["row"] not in experiment.rows or row["task"] not in experiment.tasks:
            raise RecipeError(
                f"{path} has {row['row']} on {row['task']}. Expected one of {', '.join(experiment.rows)} on one of "
                f"{', '.join(experiment.tasks)}. Remove that line."
            )
        cases = len(correct_cases.unpack(row["answers"])) if row["answers"] else None
        if cases != tested.setdefault(row["task"], cases):
            raise RecipeError(
                f"{path} has {row['row']} on {row['task']}, seed {row['seed']}, tested on {cases} cases, but the lines "
                f"before it were tested on {tested[row['task']]}. Remove the lines that were tested on other data."
            )
    return rows


def append(path, row):
    """Add a row to a file. The file is complete at any moment."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(each, sort_keys=True) for each in [*read(path), row]]
    atomic_file.write(path, "\n".join(lines) + "\n")


def make(experiment, task, row, run):
    """Return the result of a finished run: a dict for JSON.

    Args:
        experiment, task, row: names.
        run: sfkeras.training.run.Run.
    """
    return {
        "format": FORMAT,
        "experiment": experiment,
        "task": task,
        "row": row,
        "seed": run.recipe.seed,
        "recipe": texts(run.recipe),
        "commit": commit(),
        "versions": versions(),
        "accuracy": run.accuracy(),
        "answers": run.correct_cases(),
        **run.summary(),
    }


def texts(recipe):
    """Return a recipe as {dotted key: text}, without the keys that depend on the machine."""
    tree = yaml.load(recipes.to_yaml(recipe), TextLoader)
    return {name: text for name, text in recipes.flat(tree).items() if name not in MACHINE_KEYS}


def recipe_of(row):
    """Return the recipe of a row. Keys that are newer than the row have their defaults.

    Raises: RecipeError if the row has a key that no longer exists.
    """
    tree = {"name": row["row"], "seed": str(row["seed"])}
    for name, text in row["recipe"].items():
        recipes.put(tree, name.split("."), text)
    return build(recipes.Recipe, tree)


def is_finished(path, rows, task, row, recipe):
    """Return whether a training is among the rows of a file.

    Raises: RecipeError if it is there with another recipe: a table must not mix the two.
    """
    for found in rows:
        if (found["task"], found["row"], found["seed"]) == (task, row, recipe.seed):
            if others := differing(found, recipe):
                raise RecipeError(
                    f"{path} has {row} on {task}, seed {recipe.seed}, with other values of {', '.join(others)}. Write "
                    "results=FOLDER to start another file, or remove that line."
                )
            return True
    return False


def differing(row, recipe):
    """Return the keys in which a row's recipe differs from a recipe.

    Raises: RecipeError as recipe_of.
    """
    return [name for name in recipes.difference(recipe_of(row), recipe) if name not in MACHINE_KEYS]


def commit():
    """Return the commit of the code, with + if files have changed since, or "unknown" outside of
    git.
    """
    try:
        head = git("rev-parse", "--short=12", "HEAD")
        return head + "+" * bool(git("status", "--porcelain", "--", "sfkeras", "export", "recipes"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*words):
    """Return the output of a git command."""
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def versions():
    """Return {package: version} of the packages that compute."""
    packages = {name: metadata.version(name) for name in ("tensorflow", "numpy")}
    return {"python": platform.python_version(), "sfkeras": sfkeras.__version__, **packages}
