"""Results files: one line of JSON for each finished training. They are committed, and all tables are drawn from them."""

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
ELSEWHERE = (
    "name",
    "run_root",
    "seed",
    "data.root",
)  # keys that say where a training stood, or stand beside the recipe
ROOT = places.workplace()


def read(path):
    """Returns the rows of a results file, a list of dicts; no file has no rows.

    Raises: RecipeError if a line is broken or of another format: such rows are never merged.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        try:
            row = json.loads(line)
            found = row["format"]
        except (ValueError, TypeError, KeyError):
            raise RecipeError(f"{path}, line {number} is no result. Restore the file, or take that line out.") from None
        if found != FORMAT:
            raise RecipeError(
                f"{path}, line {number} is of the format {found!r}, wanted {FORMAT!r}; results of two formats are not "
                "merged. Move that file away, or write results=FOLDER to begin another."
            )
        rows.append(row)
    return rows


def of(experiment, folder):
    """Returns the rows of an experiment's file in a folder.

    Raises: RecipeError, also for rows that it does not have, or that were not tested on the same cases.
    """
    path = Path(folder) / f"{experiment.name}.jsonl"
    rows, tested = read(path), {}
    for row in rows:
        if row["row"] not in experiment.rows or row["task"] not in experiment.tasks:
            raise RecipeError(
                f"{path} has {row['row']} on {row['task']}, wanted one of {', '.join(experiment.rows)} on one of "
                f"{', '.join(experiment.tasks)}. Take that line out."
            )
        cases = len(correct_cases.unpack(row["answers"])) if row["answers"] else None
        if cases != tested.setdefault(row["task"], cases):
            raise RecipeError(
                f"{path} has {row['row']} on {row['task']}, seed {row['seed']}, tested on {cases} cases, the lines before "
                f"it on {tested[row['task']]}. Take out what was tested on other data."
            )
    return rows


def append(path, row):
    """Adds a row to a file, which is whole at any moment."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(each, sort_keys=True) for each in [*read(path), row]]
    atomic_file.write(path, "\n".join(lines) + "\n")


def make(experiment, task, row, run):
    """Returns the result of a finished run: a dict that JSON can say.

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
        "answers": run.answers(),
        **run.summary(),
    }


def texts(recipe):
    """A recipe as {dotted key: text}, without what differs from machine to machine."""
    tree = yaml.load(recipes.to_yaml(recipe), TextLoader)
    return {name: text for name, text in recipes.flat(tree).items() if name not in ELSEWHERE}


def recipe_of(row):
    """The recipe of a row; keys that came later have their defaults. Raises: RecipeError if it has a key that is gone."""
    tree = {"name": row["row"], "seed": str(row["seed"])}
    for name, text in row["recipe"].items():
        recipes.put(tree, name.split("."), text)
    return build(recipes.Recipe, tree)


def is_finished(path, rows, task, row, recipe):
    """Whether a training is among the rows of a file.

    Raises: RecipeError if it is there with another recipe: a table must not mix the two.
    """
    for found in rows:
        if (found["task"], found["row"], found["seed"]) == (task, row, recipe.seed):
            if others := differing(found, recipe):
                raise RecipeError(
                    f"{path} has {row} on {task}, seed {recipe.seed}, with other values of {', '.join(others)}. Write "
                    "results=FOLDER to begin another file, or take that line out."
                )
            return True
    return False


def differing(row, recipe):
    """The keys in which a row was trained otherwise than by a recipe. Raises: RecipeError as recipe_of."""
    return [name for name in recipes.difference(recipe_of(row), recipe) if name not in ELSEWHERE]


def commit():
    """Returns the commit that the code stands at, with + if files have changed since, or "unknown" outside of git."""
    try:
        head = git("rev-parse", "--short=12", "HEAD")
        return head + "+" * bool(git("status", "--porcelain", "--", "sfkeras", "export", "recipes"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def versions():
    """Returns {package: version} of what computes."""
    packages = {name: metadata.version(name) for name in ("tensorflow", "numpy")}
    return {"python": platform.python_version(), "sfkeras": sfkeras.__version__, **packages}
