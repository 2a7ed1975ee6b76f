"""Mutated files of our own are read, or refused in one line that names them: no traceback, no hang, no memory eaten.

A short run here. MUTATIONS=20000 pytest -n 0 tests/sfkeras/test_fuzz.py is the long one.
"""

import os
import random

import numpy as np
import pytest
import tensorflow as tf

from sfkeras import train
from sfkeras.errors import RecipeError
from sfkeras.experiments import EXPERIMENTS, page, results
from sfkeras.nn.freezing.core import Core
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import Run
from tests.sfkeras.experiments.test_results import result
from tests.support.fuzz import within_bounds
from tests.support.mutations import mutated, mutated_arrays, mutated_json
from tests.support.networks.keras_networks import module_core

MUTATIONS = int(os.environ.get("MUTATIONS", 100))


def fuzz(path, kinds, read, named=True):
    """Reads a file in many mutated forms, each within seconds of the processor and memory (tests/support/fuzz.py).

    Args:
        path: the good file.
        kinds: functions (content, random) that mutate it.
        read: function that reads it and everything that follows from it.
        named: whether an error must name the file.
    Returns: the number of mutations that were refused.
    """
    good, refused = path.read_bytes(), 0
    for number in range(MUTATIONS):
        rng = random.Random(f"{path.name} {number}")
        path.write_bytes(rng.choice(kinds)(good, rng))
        try:
            with within_bounds():
                read()
        except RecipeError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1200, f"mutation {number}: {error}"
            assert not named or str(path) in str(error), f"mutation {number}: {error}"
        except Exception as error:
            raise AssertionError(f"mutation {number} of {path.name}: {path.read_bytes()[:300]}") from error
    path.write_bytes(good)
    read()
    return refused


def test_results(tmp_path):
    path, experiment = tmp_path / "table3.jsonl", EXPERIMENTS["table3"]
    results.append(path, result())

    def read():
        rows = results.of_experiment(experiment, tmp_path)
        page.section(experiment, rows)
        for row in rows:
            results.is_finished(path, rows, "lfw", "one_core", results.recipe_of(row))

    assert fuzz(path, [mutated, mutated_json], read) > MUTATIONS / 2


def test_recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes((recipes.RECIPES / "face_lfw_arc.yaml").read_bytes())
    assert fuzz(path, [mutated], lambda: recipes.read(path, {"data.root": "FOLDER"})) > MUTATIONS / 2


def test_words(tmp_path):
    """The words of a command, one per line of a file."""
    path = tmp_path / "words"
    path.write_text(
        "recipe=face\nnetwork.cores=1\nheads.task={on: cores, outputs: 16}\nheads.task.activation=[[0,0],[1,1]]\nseed=3\n"
        "network.frozen_share=[0.5,1]\nnetwork.input=96x96x1\nname=one\nrun_root=runs\ndata.root=FOLDER"
    )

    def read():
        words = path.read_bytes().decode(errors="surrogateescape").split("\n")
        recipes.parse([word for word in words if random.Random(repr(word)).random() < 0.7])

    fuzz(path, [mutated], read, named=False)


@pytest.fixture
def run(tmp_path):
    """A run folder with every file that is read again."""
    model = small_model()
    made = Run(recipes.read("face", {"run_root": str(tmp_path)}))
    made.begin()
    made.save("float", model, model.optimizer, [{"phase": "float", "epoch": 1, "loss": 0.5}])
    made.write_accuracy({"float": {"tar": 0.5}, "TFLM": {"tar": 0.25}})
    made.write_correct_cases(np.arange(9) % 2 == 0)
    made.write_summary({"parameters": {"frozen": 1, "trainable": 2}, "nearly_dead_channels": 0, "seconds": 3})
    made.write_exponents({"frozen.stem.relu": 5, "core1.stem.relu": 4})
    return made


def small_model():
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    model.compile(tf.keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


READ = {
    "recipe.yaml": lambda run, model: Run.at(run.folder),
    "float.npz": lambda run, model: (run.restore("float", model), run.rows("float")),
    "accuracy.json": lambda run, model: run.accuracy(),
    "answers.json": lambda run, model: run.correct_cases(),
    "summary.json": lambda run, model: run.summary(),
    "exponents.json": lambda run, model: run.exponents(),
}


@pytest.mark.parametrize("name", READ)
def test_run_folder(run, name):
    path, model = run.folder / name, small_model()
    kinds = {".npz": [mutated, mutated_arrays], ".json": [mutated, mutated_json], ".yaml": [mutated]}[path.suffix]
    fuzz(path, kinds, lambda: READ[name](run, model))


def test_core(tmp_path):
    path = tmp_path / "core.npz"
    module_core().save(path)
    fuzz(path, [mutated, mutated_arrays], lambda: Core.load(path))


def test_any_line_of_a_command_ends_with_exit_code_2(tmp_path, capsys):
    """The whole command, whose errors are the last to be caught."""
    for number in range(20):
        rng = random.Random(number)
        word = mutated(b"network.input=9x9x1", rng).decode(errors="surrogateescape")
        code = train.main(["recipe=face", word, "data.source=tfds", f"data.root={tmp_path / 'none'}"])
        err = capsys.readouterr().err
        assert code == 2 and err.count("\n") == 1 and err.startswith("error: "), repr(word)
