"""The run folder: what is in it is found again, wherever it lies."""

import pytest

from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes
from sfkeras.training.run import Run


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
    with pytest.raises(RecipeError, match="face.tflite does not exist. Finish the training: python -m sfkeras.train"):
        Run.at(recipe.folder).exported("face.tflite")
