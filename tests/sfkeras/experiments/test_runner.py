"""Running an experiment: what it refuses before any training, and that what is finished is not trained again."""

import json
import multiprocessing
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from export.report import run_report
from sfkeras.errors import RecipeError
from sfkeras.experiments import EXPERIMENTS, results, runner
from sfkeras.experiments.experiment import Experiment, Row, Task
from sfkeras.experiments.tables import accuracy, areas
from sfkeras.nn.freezing.core import Core
from sfkeras.train import train
from sfkeras.training import recipe as recipes
from sfkeras.training import trainer
from sfkeras.training.run_folder import correct_cases
from tests.sfkeras.experiments.test_results import recipe, result
from tests.support.networks.keras_networks import build_one_module, one_module

TABLE3 = EXPERIMENTS["table3"]


@pytest.mark.parametrize(
    "words, told",
    [
        (["lfw"], "lfw is not of the form key=value"),
        (["seeds=1", "seeds=2"], "seeds=2 is repeated"),
        (["seeds=one"], "seeds is 'one'. Expected numbers"),
        (["rows=two"], "rows has 'two'. Expected some of two_cores,two_cores_apart,"),
        (["tasks=faces"], "tasks has 'faces'. Expected some of tiny_imagenet,lfw"),
        (["rows=one_core,two_cores,one_core"], "rows has one_core more than once. Write it once."),
        (["seeds=1,2,01"], "seeds has 1 more than once"),
        (["seeds="], "seeds is ''. Expected numbers"),
        (["name=mine"], "name differs from training to training. Write results=FOLDER for"),
        (["data.root=mine"], "Write the folder of a task by its name, such as lfw=FOLDER."),
        (["seed=2"], "seed differs from training to training. Write seeds=1,2,3."),
        (["training.epoch=1"], "Did you mean training.epochs"),
        (["tasks=lfw"], "table3 needs lfw=FOLDER with Labeled Faces in the Wild: peopleDevTrain.txt"),
        ([], "Write tiny_imagenet=FOLDER, or tasks=lfw to leave it out"),
        (
            ["tasks=lfw", "lfw=/nowhere"],
            "lfw is /nowhere, which does not exist. Write lfw=FOLDER. The folder must have Labeled",
        ),
        (["tasks=lfw", "lfw=EMPTY"], "EMPTY has no peopleDevTrain.txt"),
        (["tasks=tiny_imagenet", "tiny_imagenet=EMPTY"], "EMPTY has no train-* shards"),
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


@pytest.mark.parametrize("folder", ["/dev/null", "/proc/results"])
def test_results_that_cannot_be_written_are_told_before_any_training(folder):
    with pytest.raises(RecipeError, match=f"results is {folder}, but no folder can be made in /.*Write results=FOLDER"):
        runner.run(TABLE3, [f"results={folder}"])


def test_a_core_that_the_rows_need_is_made_first_from_data_of_its_own(tmp_path):
    def refusal(*words):
        with pytest.raises(RecipeError) as error:
            runner.run(EXPERIMENTS["figure6"], [*words, f"results={tmp_path}"])
        return str(error.value)

    assert refusal().startswith("figure6 needs tiny_imagenet=FOLDER with Tiny ImageNet: shards train-*")
    assert refusal("tiny_imagenet=/nowhere").startswith("figure6: tiny_imagenet is /nowhere, which does not exist")
    for rows_that_need_none in ("rows=one_core,two_cores", "network.core=mine.npz"):
        assert refusal(rows_that_need_none).startswith("figure6 needs camvid=FOLDER")
    assert EXPERIMENTS["figure6"].command.endswith("figure6 tiny_imagenet=FOLDER camvid=FOLDER")


def test_three_tasks_are_trained_on_what_the_first_leaves_of_the_core(tmp_path):
    experiment = EXPERIMENTS["three_tasks"]
    expected = runner.requested(experiment, runner.parse(experiment, ["seeds=1,2", f"results={tmp_path}"]))
    for settling, *others in (expected[:3], expected[3:]):
        assert settling.core is None and settling.recipe.network.core == "tiny_imagenet_32"
        for each in others:
            assert each.core == settling.recipe and each.recipe.seed == settling.recipe.seed
            assert each.recipe.network.core == str(settling.recipe.folder / "export" / f"{settling.recipe.name}.npz")
            assert (
                not each.recipe.network.train_batch_norm and each.recipe.network.input == settling.recipe.network.input
            )


def test_three_tasks_that_were_trained_elsewhere_are_drawn_and_not_joined(tmp_path, capsys):
    experiment = EXPERIMENTS["three_tasks"]
    words = [f"results={tmp_path}"]
    for each in runner.requested(experiment, runner.parse(experiment, words)):
        texts = results.texts(each.recipe)
        results.append(tmp_path / "three_tasks.jsonl", {**result(each.row, each.task), "recipe": texts})
    runner.run(experiment, words)
    *_, table, told = capsys.readouterr().out.splitlines()
    assert table.startswith("| Three heads, one frozen core | 80.0 % |")
    assert "tiny_imagenet_alone_1 does not exist, but its result does. Write results=FOLDER" in told
    assert not list(tmp_path.glob("runs"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_a_command_that_answers_with_one_line_and_code_2(name):
    words = [sys.executable, "-m", "sfkeras.compare", name, "seeds=x"]
    done = subprocess.run(words, cwd=runner.page.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {name}: seeds is 'x'. Expected numbers. Write for example seeds=1,2,3.\n"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_row_is_a_recipe_that_can_be_trained(name):
    experiment = EXPERIMENTS[name]
    request = runner.parse(experiment, ["seeds=1,2", "qat.calibration_images=7"])
    planned = runner.unfinished(experiment, request, "f") if not request.folder.exists() else []
    for row in experiment.rows:
        for task in experiment.tasks:
            recipe = runner.recipe_for(experiment, request, task, row, 2)
            assert (recipe.seed, recipe.qat.calibration_images, recipe.name) == (2, 7, f"{task}_{row}_2")
            assert recipe.run_root == f"runs/{name}"
    assert not planned or len(planned) == 2 * len(experiment.rows) * len(experiment.tasks)


def test_rows_of_one_experiment_differ_from_each_other():
    for experiment in EXPERIMENTS.values():
        request = runner.parse(experiment, [])
        for task in experiment.tasks:
            made = [runner.recipe_for(experiment, request, task, row, 1) for row in experiment.rows]
            for number, one in enumerate(made):
                for other in made[:number]:
                    assert set(recipes.difference(one, other)) - set(results.MACHINE_KEYS)


def test_a_results_file_of_another_format_stops_an_experiment_before_any_training(tmp_path):
    (tmp_path / "table3.jsonl").write_text(json.dumps({**result(), "format": "sfkeras results 7"}) + "\n")
    with pytest.raises(RecipeError, match=f"'sfkeras results 7'. Expected '{results.FORMAT}'"):
        runner.run(TABLE3, ["lfw=/nowhere", "tasks=lfw", f"results={tmp_path}"])


@cache
def grey_core():
    return Core.from_model(one_module(shape=(32, 32, 1)), "small")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An experiment of two tiny trainings on the faces that a package brings, and the words for it."""
    core = tmp_path / "small.npz"
    grey_core().save(core)
    monkeypatch.setattr(runner, "train_recipe", train)  # in this process, which has loaded TensorFlow
    monkeypatch.setattr(trainer, "build_network", build_one_module)  # quick to trace
    monkeypatch.setattr(run_report, "MOST_VALUES", 500_000)  # a few images of each kind are proven, instead of 100
    rows = {
        "one": Row("One core", {"network.cores": "1"}),
        "frozen": Row("Frozen", {"network.cores": "0", "heads.task.on": "frozen"}),
    }
    columns = (*areas(), accuracy("att", "rank1", "rank-1"))
    experiment = Experiment("small", "Small", "?", {"att": Task("face", {"rank1": "rank-1"})}, rows, columns)
    monkeypatch.setitem(EXPERIMENTS, "small", experiment)
    words = {
        "network.core": core,
        "network.width": 0.25,
        "network.input": "32x32x1",
        "data.augment": "none",
        "heads.task.outputs": 8,
        "training.epochs": 1,
        "training.steps_per_epoch": 1,
        "training.start_scale": 1,
        "qat.epochs": 0,
        "qat.calibration_images": 10,
        "results": tmp_path / "results",
    }
    return experiment, [f"{key}={value}" for key, value in words.items()]


@pytest.mark.compiler
def test_only_what_has_no_result_is_trained_and_then_nothing(small, tmp_path, capsys):
    experiment, words = small
    file, page = tmp_path / "results" / "small.jsonl", tmp_path / "results" / "results.md"
    recipe = runner.recipe_for(experiment, runner.parse(experiment, words), "att", "one", 1)
    form = {"rank1": 0.25}
    earlier = {
        "task": "att",
        "row": "one",
        "recipe": results.texts(recipe),
        "accuracy": {"float": form, "TFLM": form},
    }
    earlier["answers"] = correct_cases.pack(np.arange(900) < 225)
    results.append(file, {**result(), **earlier})

    runner.run(experiment, words)
    assert "small 1 of 1: att_frozen_1" in capsys.readouterr().out
    _, one = results.read(file)
    assert (one["row"], one["seed"]) == ("frozen", 1) and one["commit"] != "" and one["seconds"] >= 0
    assert one["parameters"]["frozen"] == sum(c.size + s.size for c, s in kernels_of(grey_core()))
    assert one["accuracy"]["integer graph"] == one["accuracy"]["TFLM"]
    assert correct_cases.unpack(one["answers"]).mean() == pytest.approx(
        one["accuracy"]["TFLM"]["verification_accuracy"]
    )
    text = page.read_text()
    assert "25.0 %" in text and f"{100 * one['accuracy']['TFLM']['rank1']:.1f} %" in text

    before = file.read_bytes()
    runner.run(experiment, words)
    assert " of " not in capsys.readouterr().out
    assert file.read_bytes() == before and page.read_text() == text


def test_a_training_has_a_process_of_its_own_whose_refusal_is_told(tmp_path):
    words = [f"data.root={tmp_path / 'nowhere'}", f"run_root={tmp_path}", "recipe=face_lfw"]
    with pytest.raises(RecipeError, match="nowhere, which does not exist"):
        runner.train_recipe(recipes.parse(words))
    assert not multiprocessing.active_children()


def test_a_training_by_the_same_recipe_is_reused_result_from_another_experiment(tmp_path):
    def planned(**words):
        return runner.Planned("lfw", "one_core", recipe(**{"name": "other", **words}))

    trained = result("two_cores", accuracy=0.7, **{"network.cores": "1"})
    results.append(tmp_path / "table3.jsonl", trained)
    taken = runner.reused_result(EXPERIMENTS["schemes"], planned(**{"network.cores": "1"}), tmp_path)
    assert taken == {**trained, "experiment": "schemes", "row": "one_core"}
    for other in ({"network.cores": "2"}, {"network.cores": "1", "seed": "2"}):
        assert runner.reused_result(EXPERIMENTS["schemes"], planned(**other), tmp_path) is None


def kernels_of(core):
    return [(codes, core.scales[layer]) for layer, codes in core.codes.items()]
