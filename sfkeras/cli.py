"""The installed command `sfkeras`: from training to what is deployed, and the proof of it."""

from __future__ import annotations

import sys

import sfkeras
from sfkeras import command, startup

ABOUT = "Partially frozen neural networks, from training in Keras to int8 .tflite and line-streaming C."


def train(*words: str):
    """Trains a recipe in float and in fixed8, exports what is deployed and proves it.

    sfkeras train --help lists the recipes and every key.
    """


def compare_experiments(*words: str):
    """Trains the rows of a table of the paper, and draws docs/results.md.

    sfkeras compare-experiments --help lists the tables.
    """


def main(words: list[str] | None = None) -> int:
    """Runs a command. Returns its exit code: 0 done, 1 a proof failed, 2 a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["--version"]:
        print(f"sfkeras {sfkeras.__version__}")
        return command.DONE
    if words[:1] == ["train"]:
        from sfkeras import train as training

        return training.main(words[1:])
    if words[:1] == ["compare-experiments"]:
        from sfkeras import compare

        return compare.main(words[1:], "sfkeras compare-experiments")
    from export.__main__ import Commands

    commands = {"train": train, **command.commands_of(Commands), "compare-experiments": compare_experiments}
    return command.run("sfkeras", ABOUT, commands, words)
