"""The run folder: resolved recipe, checkpoints and metrics. A training continues from it."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np

from sfkeras import atomic_file
from sfkeras.errors import RecipeError
from sfkeras.training import correct_cases
from sfkeras.training import recipe as recipes

CORRECT_CASES = "answers.json"  # named as the "answers" of the results files


class Run:
    """The folder of one training.

    Files: recipe.yaml. PHASE.npz, the last complete epoch of a phase ("float", "qat"): weights,
    optimizer state and one row of metrics per epoch. exponents.json. accuracy.json, answers.json
    (correct test cases) and summary.json: the results. logs/ for TensorBoard. export/: the
    deployable files.

    Args:
        recipe: Recipe.
        folder: path, or None for the folder of the recipe.
    Raises: RecipeError if the folder belongs to another recipe.
    """

    def __init__(self, recipe, folder=None):
        self.recipe, self.folder = recipe, folder or recipe.folder
        if (self.folder / "recipe.yaml").exists():
            recipes.require_same(recipe, recipes.read(self.folder / "recipe.yaml"))

    def begin(self):
        """Create the folder.

        It is called after the data were checked, so that a refused training leaves no folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_file.write(self.folder / "recipe.yaml", recipes.to_yaml(self.recipe))

    @classmethod
    def at(cls, folder):
        """Open the folder of an existing run. Raises: RecipeError if it is not a run folder."""
        stored = Path(folder) / "recipe.yaml"
        if not stored.is_file():
            raise RecipeError(
                f"{folder} is not a run folder: it has no recipe.yaml. Give the folder of a run, runs/NAME."
            )
        return cls(recipes.read(stored), Path(folder))

    @property
    def export(self):
        """Folder of the deployable files."""
        folder = self.folder / "export"
        folder.mkdir(exist_ok=True)
        return folder

    def exported(self, name):
        """Return the path of a deployable file. Raises: RecipeError if it does not exist."""
        path = self.folder / "export" / name
        if not path.is_file():
            raise RecipeError(
                f"{path} does not exist. Finish the training: python -m sfkeras.train recipe={self.folder / 'recipe.yaml'}"
            )
        return path

    def accuracy(self):
        """Return {form of the network: {metric: float}}, as far as it was measured."""
        path = self.folder / "accuracy.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def write_accuracy(self, accuracy):
        """Write {form of the network: {metric: float}}."""
        atomic_file.write(self.folder / "accuracy.json", json.dumps(accuracy, indent=1))

    def correct_cases(self):
        """Return which test cases the deployed network gets right, as packed text, or None."""
        return json.loads((self.folder / CORRECT_CASES).read_text())

    def write_correct_cases(self, correct):
        """Write a (cases,) bool array, or None if the test cases are not independent."""
        packed = None if correct is None else correct_cases.pack(correct)
        atomic_file.write(self.folder / CORRECT_CASES, json.dumps(packed))

    def summary(self):
        """Return the summary of a finished training: {"parameters": ..., "nearly_dead_channels":
        ..., "seconds": ...}.
        """
        return json.loads((self.folder / "summary.json").read_text())

    def write_summary(self, summary):
        """Write the summary of a finished training."""
        atomic_file.write(self.folder / "summary.json", json.dumps(summary, indent=1))

    def rows(self, phase):
        """Return the rows of metrics of a phase's finished epochs: list of dicts."""
        with self._opened(phase) as arrays:
            return json.loads(arrays["rows"].tobytes()) if arrays else []

    def save(self, phase, model, optimizer, rows):
        """Write weights, optimizer state and rows after an epoch, in one file."""
        arrays = {"rows": np.frombuffer(json.dumps(rows).encode(), np.uint8)}
        arrays |= {f"weight{i}": weight for i, weight in enumerate(model.get_weights())}
        arrays |= {f"slot{i}": slot.numpy() for i, slot in enumerate(optimizer.variables)}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        atomic_file.write(self.folder / f"{phase}.npz", packed.getvalue())

    def restore(self, phase, model):
        """Set a compiled model and its optimizer to the newest checkpoint of a phase, if there is
        one.
        """
        with self._opened(phase) as arrays:
            if not arrays:
                return
            model.set_weights([arrays[f"weight{i}"] for i in range(len(model.weights))])
            if model.optimizer is not None:
                model.optimizer.build(model.trainable_variables)
                for i, slot in enumerate(model.optimizer.variables):
                    slot.assign(arrays[f"slot{i}"])

    def _opened(self, phase):
        path = self.folder / f"{phase}.npz"
        return np.load(path) if path.exists() else contextlib.nullcontext({})
