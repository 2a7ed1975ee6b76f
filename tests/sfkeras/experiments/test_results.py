"""Results files: what was written is found again, what cannot be merged is refused, no line is ever half there."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.errors import RecipeError
from sfkeras.experiments import EXPERIMENTS, results
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder import correct_cases
from sfkeras.training.settings import all_keys

EXPERIMENT = EXPERIMENTS["table3"]


def recipe(**overrides):
    return recipes.read("face_lfw_arc", {"data.root": "somewhere", **overrides})


def result(row="one_core", task="lfw", accuracy=0.8, **overrides):
    made = recipe(**overrides)
    metrics = "verification_accuracy", "roc_area", "top1", "top5", "pixel_accuracy", "mean_iou"
    forms = {form: dict.fromkeys(metrics, accuracy) for form in ("float", "TFLM")}
    return {
        "format": results.FORMAT,
        "experiment": "table3",
        "task": task,
        "row": row,
        "seed": made.seed,
        "recipe": results.texts(made),
        "commit": "0123456789ab",
        "versions": {"python": "3.11"},
        "accuracy": forms,
        "answers": correct_cases.pack(np.arange(1000) < 1000 * accuracy),
        "parameters": {"frozen": 139_936, "trainable": 60_192},
        "nearly_dead_channels": 0,
        "seconds": 90,
    }


def test_rows_come_back_in_order_and_the_file_has_a_line_each(tmp_path):
    path = tmp_path / "new" / "table3.jsonl"
    assert results.read(path) == []
    rows = [result(), result("two_cores", accuracy=0.9)]
    for row in rows:
        results.append(path, row)
    assert results.read(path) == results.of_experiment(EXPERIMENT, path.parent) == rows
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows


@pytest.mark.parametrize("line", ["", "{", "[]", '{"format": "sfkeras results 0"}', '{"row": 1}', "7"])
def test_a_broken_line_or_another_format_is_refused_and_never_written_over(line, tmp_path):
    path = tmp_path / "table3.jsonl"
    results.append(path, result())
    before = path.read_text() + line + "\n"
    path.write_text(before)
    for attempt in (lambda: results.read(path), lambda: results.append(path, result())):
        with pytest.raises(RecipeError, match="table3.jsonl, line 2 (is|has) "):
            attempt()
    assert path.read_text() == before


def test_a_row_that_the_experiment_does_not_have_is_refused(tmp_path):
    results.append(tmp_path / "table3.jsonl", result("three_cores"))
    with pytest.raises(RecipeError, match="has three_cores on lfw. Expected one of two_cores, .* Remove that line"):
        results.of_experiment(EXPERIMENT, tmp_path)


def test_rows_that_were_tested_on_other_cases_are_not_compared(tmp_path):
    for row in (result(), result(task="tiny_imagenet"), {**result("two_cores"), "answers": "8:ff"}):
        results.append(tmp_path / "table3.jsonl", row)
    with pytest.raises(
        RecipeError,
        match="has two_cores on lfw, seed 1, tested on 8 cases, but the lines before it were tested on 1000",
    ):
        results.of_experiment(EXPERIMENT, tmp_path)


def test_a_training_is_finished_by_its_own_recipe_only(tmp_path):
    rows = [result(seed="2")]
    assert results.is_finished("f", rows, "lfw", "one_core", recipe(seed="2"))
    assert not results.is_finished("f", rows, "lfw", "one_core", recipe(seed="3"))
    assert not results.is_finished("f", rows, "lfw", "two_cores", recipe(seed="2"))
    with pytest.raises(
        RecipeError, match="f has one_core on lfw, seed 2, with other values of network.cores, training.epochs"
    ):
        results.is_finished(
            "f", rows, "lfw", "one_core", recipe(**{"seed": "2", "training.epochs": "9", "network.cores": "1"})
        )


def test_where_a_training_stood_is_not_in_its_row_and_does_not_part_two_rows():
    row, elsewhere = result(), recipe(**{"run_root": "far", "name": "other"})
    assert "somewhere" not in json.dumps(row)
    assert results.is_finished("f", [row], "lfw", "one_core", elsewhere)


TEXTS = {
    "network.cores": st.integers(0, 5).map(str),
    "network.alpha": st.sampled_from(["null", "0", "0.5"]),
    "network.frozen_share": st.sampled_from(["null", "0.5", "[0.1, 0.9]"]),
    "network.input": st.sampled_from(["32x64x1", "96x96x3"]),
    "heads.task.activation": st.sampled_from(["null", "tanh", "[[0, 1], [1, 2.5]]"]),
    "training.learning_rate": st.floats(1e-9, 1).map(str),
}


@given(st.fixed_dictionaries({}, optional=TEXTS))
@settings(max_examples=25)
def test_a_recipe_comes_back_from_its_row(words):
    made = recipes.build(recipes.Recipe, _tree(words))
    row = {"row": "one_core", "seed": made.seed, "recipe": json.loads(json.dumps(results.texts(made)))}
    assert not set(recipes.difference(results.recipe_of(row), made)) - set(results.MACHINE_KEYS)


def test_a_row_from_before_a_key_was_there_has_its_default():
    row = result()
    del row["recipe"]["network.train_batch_norm"]
    assert results.is_finished("f", [row], "lfw", "one_core", recipe())
    with pytest.raises(RecipeError, match="other values of network.train_batch_norm"):
        results.is_finished("f", [row], "lfw", "one_core", recipe(**{"network.train_batch_norm": "false"}))


def test_what_is_left_out_of_a_row_are_keys():
    assert set(results.MACHINE_KEYS) <= {name for name, _ in all_keys(recipes.Recipe)}


def _tree(words):
    tree = {"name": "run"}
    for name, text in words.items():
        recipes.put(tree, name.split("."), text)
    return tree
