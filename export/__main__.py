"""`python -m export verify RUN`: proves that a run's .tflite computes what its integer graph says."""

import sys

import fire

from sfkeras.errors import RecipeError


class Commands:
    """Exports are made by sfkeras.train; this proves them again."""

    def verify(self, run):
        """Compares golden, BUILTIN_REF and TFLM on the test images and 100 random inputs of a run, such as runs/face."""
        from sfkeras.startup import load_tensorflow

        load_tensorflow()
        from export.report import verify_run
        from sfkeras.run import Run
        from sfkeras.training import Training

        if not verify_run(Training(Run.at(run))):
            sys.exit(1)


def main():
    try:
        fire.Fire(Commands, name="python -m export")
    except (RecipeError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
