"""Running an experiment: what it refuses before any training, and that what is finished is not trained again."""

import json

import pytest

from sfkeras import recipe as recipes
from sfkeras.errors import RecipeError
from sfkeras.experiments import EXPERIMENTS, results, runner
from sfkeras.experiments.experiment import Experiment, Row, Task
from sfkeras.experiments.tables import accuracy, area
from tests.sfkeras.experiments.test_results import result
from tests.sfkeras.networks import narrow_core

TABLE3 = EXPERIMENTS["table3"]


@pytest.mark.parametrize(
    "words, told",
    [
        (["lfw"], "lfw is no key=value"),
        (["seeds=1", "seeds=2"], "seeds=2 is given twice"),
        (["seeds=one"], "seeds is one, wanted numbers"),
        (["rows=two"], "rows has two, wanted some of two_cores,two_cores_apart,"),
        (["tasks=faces"], "tasks has faces, wanted some of tiny_imagenet,lfw"),
        (["training.epoch=1"], "Did you mean training.epochs"),
        (["tasks=lfw"], "table3 needs lfw=FOLDER with Labeled Faces in the Wild: peopleDevTrain.txt"),
        ([], "Write tiny_imagenet=FOLDER, or leave it out by tasks=lfw"),
        (
            ["tasks=lfw", "lfw=/nowhere"],
            "lfw is /nowhere, and there is no such folder. Write lfw=FOLDER. It must hold Labeled",
        ),
        (["tasks=lfw", "lfw=EMPTY"], "EMPTY has no peopleDevTrain.txt"),
        (["tasks=tiny_imagenet", "tiny_imagenet=EMPTY"], "EMPTY holds no train-* shards"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_leaves_nothing(words, told, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    words = [word.replace("EMPTY", str(empty)) for word in words] + [f"results={tmp_path / 'results'}"]
    with pytest.raises(RecipeError) as error:
        runner.run(TABLE3, words)
    assert told.replace("EMPTY", str(empty)) in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [empty]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_row_is_a_recipe_that_can_be_trained(name):
    experiment = EXPERIMENTS[name]
    request = runner.parse(experiment, ["seeds=1,2", "training.epochs=3"])
    planned = runner.unfinished(experiment, request, "f") if not request.folder.exists() else []
    for row in experiment.rows:
        for task in experiment.tasks:
            recipe = runner.recipe_for(experiment, request, task, row, 2)
            assert (recipe.seed, recipe.training.epochs, recipe.name) == (2, 3, f"{task}_{row}_2")
            assert recipe.run_root == f"runs/{name}"
    assert not planned or len(planned) == 2 * len(experiment.rows) * len(experiment.tasks)


def test_rows_of_one_experiment_differ_from_each_other():
    for experiment in EXPERIMENTS.values():
        request = runner.parse(experiment, [])
        for task in experiment.tasks:
            made = [runner.recipe_for(experiment, request, task, row, 1) for row in experiment.rows]
            for number, recipe in enumerate(made):
                for other in made[:number]:
                    assert set(recipes.difference(recipe, other)) - set(results.ELSEWHERE)


def test_a_results_file_of_another_format_stops_an_experiment_before_any_training(tmp_path):
    (tmp_path / "table3.jsonl").write_text(json.dumps({**result(), "format": "sfkeras results 7"}) + "\n")
    with pytest.raises(RecipeError, match="'sfkeras results 7', wanted 'sfkeras results 1'"):
        runner.run(TABLE3, ["lfw=/nowhere", "tasks=lfw", f"results={tmp_path}"])


@pytest.fixture
def small(tmp_path):
    """An experiment of two tiny trainings on the faces that a package brings."""
    core = tmp_path / "narrow.npz"
    narrow_core().save(core)
    rows = {
        "one": Row("One core", {"network.cores": "1"}),
        "frozen": Row("Frozen", {"network.cores": "0", "heads.task.on": "frozen"}),
    }
    columns = (area(), accuracy("att", "rank1", "rank-1"))
    experiment = Experiment("small", "Small", "?", {"att": Task("face", {"rank1": "rank-1"})}, rows, columns)
    words = {
        "network.core": core,
        "network.width": 0.25,
        "network.input": "32x32x1",
        "heads.task.outputs": 8,
        "training.epochs": 1,
        "training.steps_per_epoch": 1,
        "qat.epochs": 1,
        "qat.calibration_images": 10,
        "results": tmp_path / "results",
    }
    return experiment, [f"{key}={value}" for key, value in words.items()]


@pytest.mark.compiler
def test_what_is_finished_is_not_trained_again_and_what_was_cut_off_goes_on(small, tmp_path, capsys, monkeypatch):
    experiment, words = small
    monkeypatch.setitem(EXPERIMENTS, "small", experiment)
    file, page = tmp_path / "results" / "small.jsonl", tmp_path / "results" / "results.md"
    runner.run(experiment, [*words, "rows=one"])
    (one,) = results.read(file)
    assert one["parameters"]["frozen"] > 0 and one["seconds"] >= 0
    assert one["accuracy"]["integer graph"] == one["accuracy"]["TFLM"]
    drawn = page.read_text()
    assert f"{100 * one['accuracy']['integer graph']['rank1']:.1f} %" in drawn

    # Killed after the training and before its line was written: the run is finished, not begun again.
    file.unlink()
    capsys.readouterr()
    runner.run(experiment, [*words, "rows=one"])
    assert results.read(file) == [one] and page.read_text() == drawn
    assert "Epoch" not in capsys.readouterr().out

    runner.run(experiment, words)
    assert "small 1 of 1: att_frozen_1" in capsys.readouterr().out
    rows = results.read(file)
    assert [row["row"] for row in rows] == ["one", "frozen"] and rows[0] == one
    runner.run(experiment, words)
    assert " of " not in capsys.readouterr().out and results.read(file) == rows
