"""The run folder: what is in it is found again, wherever it lies; one process trains in it; damage is one line."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import Run, restore_mean


@pytest.fixture
def recipe(tmp_path):
    return recipes.read("face", {"run_root": str(tmp_path), "seed": "3"})


def test_a_run_that_only_looks_makes_no_folder(recipe):
    assert Run(recipe).rows("float") == []
    assert not recipe.folder.exists()


def test_a_folder_that_was_moved_is_opened_with_its_recipe(recipe, tmp_path):
    run = Run(recipe)
    run.begin()
    run.write_accuracy({"float": {"tar": 0.5}})
    moved = Run.at(recipe.folder.rename(tmp_path / "moved"))
    assert (moved.recipe, moved.folder) == (recipe, tmp_path / "moved")
    assert moved.accuracy() == {"float": {"tar": 0.5}}
    assert not recipe.folder.exists()


def test_what_is_no_run_or_another_run_is_refused(recipe, tmp_path):
    with pytest.raises(RecipeError, match=f"{tmp_path} is not a run folder: it has no recipe.yaml. Give the folder"):
        Run.at(tmp_path)
    Run(recipe).begin()
    with pytest.raises(RecipeError, match="was started with other values of seed, network.cores"):
        Run(recipes.read("face", {"run_root": str(tmp_path), "seed": "4", "network.cores": "1"}))
    with pytest.raises(RecipeError, match="face.tflite does not exist. Finish the training: sfkeras train"):
        Run.at(recipe.folder).exported("face.tflite")


def dense(width):
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(width)])
    model.compile("adam", "mse")
    return model


def test_another_training_starts_from_the_weights_of_a_run_that_has_some(recipe):
    run, first = Run(recipe), dense(2)
    run.begin()
    with pytest.raises(RecipeError, match="start_from is .*face, which has no complete float epoch. Train it first."):
        run.restore_start(dense(2))
    first.optimizer.build(first.trainable_variables)
    run.save("float", first, first.optimizer, [{"epoch": 1}])
    second = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])  # not compiled
    run.restore_start(second)
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    with pytest.raises(RecipeError, match="start_from is .*face, whose weights do not fit this network: .*weight0 is"):
        run.restore_start(dense(4))


def test_of_several_runs_it_starts_from_the_mean_of_their_weights(tmp_path):
    models, runs = [dense(2), dense(2), dense(2)], []
    for number, model in enumerate(models):
        run = Run(recipes.read("face", {"run_root": str(tmp_path), "name": f"run{number}"}))
        run.begin()
        model.optimizer.build(model.trainable_variables)
        run.save("float", model, model.optimizer, [{"epoch": 1}])
        runs.append(run)
    mean, untouched = dense(2), dense(2)
    before = untouched.get_weights()
    restore_mean(runs, mean)
    restore_mean([], untouched)
    for made, *each in zip(mean.get_weights(), *(model.get_weights() for model in models)):
        np.testing.assert_allclose(made, np.mean(each, axis=0), rtol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(untouched.get_weights(), before))


# ---- one process at a time

HOLD = """
import sys
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import Run
run = Run(recipes.read(sys.argv[1]))
run.begin()
print("begun", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_ends_even_by_a_kill(recipe):
    run = Run(recipe)
    run.begin()
    run.close()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(recipe.folder / "recipe.yaml")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert first.stdout.readline() == b"begun\n"
    for attempt in (Run(recipe).begin, Run(recipe).require_place):
        with pytest.raises(RecipeError, match=r"another process trains in .*face. .*another name \(name=face2\)"):
            attempt()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    Run(recipe).require_place()
    Run(recipe).begin()


@pytest.mark.parametrize(
    "place, told", [("file", "Not a directory"), ("/proc", "No such file"), ("file/deep", "Not a")]
)
def test_a_place_that_cannot_be_written_is_one_line_before_the_training(place, told, tmp_path):
    (tmp_path / "file").write_text("")
    recipe = recipes.read("face", {"run_root": str(tmp_path / place)})
    with pytest.raises(RecipeError, match=f"^run_root is .*{told}.* Write run_root=FOLDER with"):
        Run(recipe).require_place()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_free_place_stays_as_it_was(recipe, tmp_path):
    Run(recipe).require_place()
    assert not list(tmp_path.iterdir())


# ---- damage


def small_model(outputs=2):
    model = tf.keras.Sequential([tf.keras.layers.Dense(outputs, input_shape=(3,))])
    model.compile(tf.keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def finished(recipe):
    """The folder of a run that has all files that are read again."""
    run = Run(recipe)
    run.begin()
    model = small_model()
    run.save("float", model, model.optimizer, [{"phase": "float", "epoch": 1, "loss": float("nan")}])
    run.write_accuracy({"float": {"tar": 0.5}})
    run.write_correct_cases(np.array([True, False, True]))
    run.write_summary({"parameters": {"frozen": 1, "trainable": 2}, "nearly_dead_channels": 0, "seconds": 3})
    run.write_exponents({"frozen.stem.relu": 5})
    return run


def read_all(run, model):
    """Everything that a training or a report reads again."""
    run = Run.at(run.folder)
    run.restore("float", model)
    return run.rows("float"), run.accuracy(), run.correct_cases(), run.summary(), run.exponents()


def test_what_was_written_is_found_again(finished):
    rows, accuracy, cases, summary, exponents = read_all(finished, small_model())
    assert rows[0]["epoch"] == 1 and np.isnan(rows[0]["loss"]) and accuracy == {"float": {"tar": 0.5}}
    assert cases == "3:a0" and summary["seconds"] == 3 and exponents == {"frozen.stem.relu": 5}


FILES = "recipe.yaml", "float.npz", "accuracy.json", "answers.json", "summary.json", "exponents.json"


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_in_one_line(finished, name):
    path = finished.folder / name
    for content in (b"", b"\xff\xfe", b"[" * 50_000, b"7", b'{"a": {"b": "c"}}', path.read_bytes()[:-9]):
        path.write_bytes(content)
        with pytest.raises(RecipeError) as told:
            read_all(finished, small_model())
        assert str(path) in str(told.value) and "\n" not in str(told.value) and len(str(told.value)) < 700


def test_a_checkpoint_of_another_network_is_refused(finished):
    with pytest.raises(RecipeError, match=r"float.npz is damaged: weight0 is float32 \(3, 2\); expected .* \(3, 4\)"):
        finished.restore("float", small_model(4))


def test_a_file_that_would_be_waited_for_is_refused(finished):
    for name in ("accuracy.json", "float.npz"):
        (finished.folder / name).unlink()
        os.mkfifo(finished.folder / name)
    for read in (finished.accuracy, lambda: finished.rows("float")):
        with pytest.raises(RecipeError, match="is damaged: it is not a file"):
            read()
