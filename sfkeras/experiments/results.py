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
from sfkeras import atomic_file, costs, own_files, places
from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder import correct_cases
from sfkeras.training.settings import TextLoader, brief, build

FORMAT = "sfkeras results 2"
MACHINE_KEYS = (
    "name",
    "run_root",
    "seed",
    "data.root",
)  # keys that depend on the machine, or have a place of their own in a row
ROW = {
    **dict.fromkeys(("format", "experiment", "task", "row", "commit"), str),
    "seed": int,
    "recipe": dict.fromkeys(
        ("network.input", "training.epochs", "training.steps_per_epoch", "qat.epochs", "data.batch_size"), str
    ),
    "versions": dict[str, str],
    "accuracy": dict[str, dict[str, float]],
    "answers": str | None,
    "parameters": {"frozen": int, "trainable": int},
    "nearly_dead_channels": int,
    "seconds": float,
}
ROOT = places.workplace()


def read(path):
    """Return the rows of a results file, a list of dicts. A missing file has no rows.

    Raises: RecipeError if a line is broken or has another format. Formats are never merged.
    """
    path, rows = Path(path), []
    if not path.exists():
        return rows
    if not path.is_file() or path.stat().st_size > costs.RESULTS_BYTES:
        raise RecipeError(f"{path} is not a file of at most {costs.RESULTS_BYTES:,} bytes. Move it away.")
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        where = f"{path}, line {number}"
        try:
            found = own_files.parse_json(line, {"format": str}, own_files.finite)["format"]
            if found == FORMAT:
                row = own_files.parse_json(line, ROW, own_files.finite)
                check(row)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200] or "nested too deep"
            raise RecipeError(f"{where} is not a result: {reason}. Restore the file, or remove that line.") from None
        if found != FORMAT:
            raise RecipeError(
                f"{where} has the format {brief(found)!r}. Expected {FORMAT!r}, because formats are not merged. "
                "Move that file away, or write results=FOLDER to start another."
            )
        rows.append(row)
    return rows


def check(row):
    """Refuse a row whose values cannot be those of a training. Raises: ValueError."""
    correct_cases.unpack(row["answers"] or "0:")
    recipe_of(row)
    shares = [share for metrics in row["accuracy"].values() for share in metrics.values()]
    counts = [row["parameters"][part] for part in ("frozen", "trainable")]
    if not all(0 <= share <= 1 for share in shares) or min(counts) < 0 or not any(counts):
        raise ValueError("an accuracy is not from 0 to 1, or there are no parameters")


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
                f"{path} has {brief(row['row'])} on {brief(row['task'])}. Expected one of {', '.join(experiment.rows)} on "
                f"one of {', '.join(experiment.tasks)}. Remove that line."
            )
        for form in "float", "TFLM":
            if lacking := experiment.tasks[row["task"]].metrics.keys() - row["accuracy"].get(form, {}).keys():
                raise RecipeError(
                    f"{path} has {row['row']} on {row['task']}, seed {row['seed']}, without {min(lacking)} in {form}. "
                    "Remove that line: its training is then repeated."
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
        run: sfkeras.training.run_folder.folder.Run.
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
