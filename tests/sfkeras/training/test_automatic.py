"""`auto` in a recipe: what the pictures decide, and that the run keeps what was found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sfkeras.data.survey import Survey
from sfkeras.errors import RecipeError
from sfkeras.training import automatic, recipe


def found(size=(80, 60), grey=False, classes=3, pictures=50):
    counts = {f"class{number}": pictures for number in range(classes)}
    return Survey("somewhere", counts, counts, False, {}, np.array([size]), grey)


@pytest.mark.parametrize(
    "size, grey, expected",
    [
        ((64, 64), False, "64x64x3"),
        ((4000, 3000), False, "64x80x3"),
        ((3000, 4000), False, "80x64x3"),
        ((1920, 1080), False, "48x80x3"),
        ((28, 28), True, "64x64x1"),
        ((10_000, 10), False, "32x112x3"),
    ],
)
def test_the_input_has_about_64x64_pixels_and_the_aspect_of_the_pictures(size, grey, expected):
    assert automatic.input_size(found(size, grey)) == expected


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_every_size_that_is_found_is_one_that_a_recipe_takes(width, height):
    size = recipe.InputSize.parse(automatic.input_size(found((width, height))))
    assert size == size.nearest()


@given(st.integers(1, 100_000), st.integers(2, 500))
def test_batches_and_epochs_suit_any_number_of_pictures(pictures, classes):
    seen = found(pictures=pictures, classes=classes)
    assert 1 <= int(automatic.batch_size(seen)) <= min(64, pictures * classes)
    assert 10 <= int(automatic.epochs(seen)) <= 80


def test_the_recipe_has_values_that_training_can_continue_with(tmp_path):
    for label in "cat", "dog":
        (tmp_path / label).mkdir()
        for number in range(10):
            Image.new("RGB", (80, 60), (number, 0, 0)).save(tmp_path / label / f"{number}.png")
    made = recipe.parse(["recipe=pictures", f"data.root={tmp_path}"])
    assert made.network.input == (64, 80, 3) and made.heads["task"].outputs == 2
    assert (made.data.batch_size, made.training.epochs) == (4, 80)
    (tmp_path / "again.yaml").write_text(recipe.to_yaml(made))
    assert recipe.read(tmp_path / "again.yaml") == made
    assert recipe.parse(["recipe=pictures", f"data.root={tmp_path}", "training.epochs=3"]).training.epochs == 3


def test_a_folder_that_is_not_given_is_asked_for():
    with pytest.raises(
        RecipeError, match="recipe pictures: data.root is missing. Write data.root=FOLDER: a folder with"
    ):
        recipe.parse(["recipe=pictures"])


def test_only_a_folder_decides():
    with pytest.raises(RecipeError, match="heads.task.outputs is auto, but only a folder of pictures can decide it"):
        recipe.parse(["recipe=face", "heads.task.outputs=auto"])
    with pytest.raises(RecipeError, match="seed is auto. Expected a whole number"):
        recipe.parse(["recipe=face", "seed=auto"])
