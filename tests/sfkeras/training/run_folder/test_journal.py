"""The journal: what an epoch leaves behind, and what it does not."""

from types import SimpleNamespace

import pytest

from sfkeras.errors import RecipeError
from sfkeras.training.run_folder.journal import Journal


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
@pytest.mark.parametrize("phase, key", [("float", "training.learning_rate"), ("qat", "qat.learning_rate")])
def test_a_training_that_diverges_stops_before_anything_is_saved(tmp_path, loss, phase, key):
    run = SimpleNamespace(rows=lambda phase: [], folder=tmp_path, save=pytest.fail)
    recipe, workers = SimpleNamespace(name="mine"), SimpleNamespace(is_chief=True)
    training = SimpleNamespace(run=run, recipe=recipe, workers=workers, evaluate=pytest.fail)
    with pytest.raises(
        RecipeError, match=f"the loss is {loss} in epoch 3 of the phase {phase}.* Lower {key}, .*name=mine2"
    ):
        Journal(training, phase, None).on_epoch_end(2, {"loss": loss})
