"""Trains a recipe: `python -m sfkeras.train recipe=face [key=value ...]`."""

import sys

import fire

from sfkeras import startup
from sfkeras.command import guarded
from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes


def train(recipe):
    """Trains a recipe in float, then in fixed8, exports what is deployed and proves it.

    Goes on where the run folder's last whole epoch ends.
    Raises: RecipeError.
    """
    from sfkeras import data
    from sfkeras.nn.core import Core
    from sfkeras.startup import load_tensorflow
    from sfkeras.training import workers

    data.require(recipe.data.source, recipe.data.root, recipe.data.name)
    if recipe.takes_core:
        Core.load(recipe.network.core)
    if recipe.distribute != "none":
        workers.place()
    load_tensorflow()  # late: an error in the recipe, missing data and a missing core are told before
    from sfkeras.training.run import Run
    from sfkeras.training.trainer import Training

    run, team = Run(recipe), workers.join(recipe)
    with team.together():
        training = Training(run, team)
        training.build()
        run.begin()
        training.float_phase()
        if not recipe.makes_core:
            training.fixed8_phase()
    if team.index > 0:  # the chief does the rest
        return
    if recipe.makes_core:
        training.save_core()
        return
    training.report()
    training.save_settled_core()

    from export.deploy import deploy  # the one place where sfkeras calls export
    from export.report.run_report import verify_run

    deploy(training)
    if not verify_run(training, on=["gcc-O3"]):
        raise SystemExit(f"{run.export} does not compute what its integer graph says; see verify.json")


@fire.decorators.SetParseFn(str)
def from_words(*words):
    """Trains a recipe. Words are key=value; the recipe's types, not fire's guesses, say what a value means."""
    train(recipes.parse(words))


def main(words, name="python -m sfkeras.train"):
    """Runs the command. Returns its exit code: 0, 1 if the proof fails, 2 for a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    if not words or {"-h", "--help", "help"} & set(words):
        return guarded(lambda: print(recipes.help().replace("python -m sfkeras.train", name), flush=True))
    return guarded(
        lambda: fire.Fire(from_words, [word.lstrip("-") for word in words]),
        interrupted="stopped; the same command goes on from the last whole epoch",
        mistakes=(RecipeError, OSError, ImportError),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
