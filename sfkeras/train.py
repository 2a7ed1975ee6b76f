"""The training command: `python -m sfkeras.train recipe=face [key=value ...]`."""

import contextlib
import sys

import fire

from sfkeras import startup
from sfkeras.command import guarded
from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes


def train(recipe):
    """Train a recipe in float, then in fixed8, write what is deployed and prove it.

    An interrupted run continues after its last complete epoch. Until this returns, no other process
    can train in the run's folder.

    Raises: RecipeError.
    """
    from sfkeras.training.run_folder.folder import Run

    with contextlib.closing(Run(recipe)) as run:
        train_in(run)


def train_in(run):
    """Train the recipe of a run in its folder. Raises: RecipeError."""
    from sfkeras import data
    from sfkeras.nn.freezing.core import Core
    from sfkeras.startup import load_tensorflow
    from sfkeras.training import deployment, workers
    from sfkeras.training.progress import Progress
    from sfkeras.training.run_folder.folder import Run

    recipe = run.recipe
    data.require(recipe.data.source, recipe.data.root, recipe.data.name)
    if recipe.data.source == "folder":
        print(data.survey.survey(recipe.data.root), flush=True)
    if recipe.takes_core:
        Core.load(recipe.network.core)
    for start in recipe.starts:
        Run.at(start)
    index = 0
    if recipe.distribute == "none":
        run.require_place()
    else:
        index, _ = workers.read_tf_config()
    progress = Progress(is_silent=index > 0)
    with progress.phase("start"):
        load_tensorflow()  # late, so that errors in the recipe, its data or its core appear at once
        from sfkeras.training.trainer import Training

        team = workers.connect(recipe)
    with team.restart_if_worker_lost():
        with progress.phase("data and network"):
            training = Training(run, team, progress)
            training.build()
        if team.is_chief:
            run.begin()
        training.train_float()
        if not recipe.makes_core:
            training.train_fixed8()
    if not team.is_chief:
        return
    if recipe.makes_core:
        with progress.phase("results"):
            training.save_core()
        return
    with progress.phase("results"):
        training.write_results()
        training.save_settled_core()
    with progress.phase("export and proof"):
        deployment.deploy(training)
    print(f"\n{run.folder / 'report.html'}: open it in a browser", flush=True)


@fire.decorators.SetParseFn(str)
def from_words(*words):
    """Train a recipe. Words are key=value; the types of the recipe's keys decide what they mean."""
    train(recipes.parse(words))


def main(words):
    """Run the command and return its exit code: 0, 1 if the proof fails, 2 for a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    if not words or {"-h", "--help", "help"} & set(words):
        return guarded(lambda: print(recipes.help(), flush=True))
    return guarded(
        lambda: fire.Fire(from_words, [word.lstrip("-") for word in words]),
        interrupted="stopped. The same command continues after the last complete epoch.",
        mistakes=(RecipeError, OSError, ImportError),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
