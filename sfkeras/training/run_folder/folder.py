"""The run folder: resolved recipe, checkpoints and metrics. A training continues from it."""

import fcntl
import io
import json
import tempfile
from pathlib import Path

import numpy as np

from sfkeras import atomic_file, own_files
from sfkeras.errors import RecipeError
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder import correct_cases

CORRECT_CASES = "answers.json"  # named as the "answers" of the results files
SUMMARY = {"parameters": dict[str, int], "nearly_dead_channels": int, "seconds": int}
AGAIN = "Delete it: the training's command makes it again."


def restore_mean(runs, model):
    """Set a model to the mean of the float weights of runs; change nothing if there are none.

    Trainings that started from one run, and saw other batches since, err in different ways: their mean is often better
    than each of them (Wortsman et al., Model soups, 2022).

    Raises: RecipeError, as Run.restore_start.
    """
    weights = []
    for run in runs:
        run.restore_start(model)
        weights.append(model.get_weights())
    if weights:
        model.set_weights([np.mean(same, axis=0) for same in zip(*weights)])


def require_writable(key, value, folder):
    """Refuse a folder in which nothing can be made; leave nothing behind.

    Args:
        key, value: what the user wrote: run_root=VALUE.
        folder: the path that follows from it, which may not exist yet.
    Raises: RecipeError.
    """
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".sfkeras", dir=place):
            pass
    except OSError as error:
        raise RecipeError(
            f"{key} is {value}, but no folder can be made in {place}: {error.strerror}. Write {key}=FOLDER with a "
            "folder that can be written."
        ) from None


class Run:
    """The folder of one training.

    Files: recipe.yaml. PHASE.npz, the last complete epoch of a phase ("float", "qat"): weights,
    optimizer state and one row of metrics per epoch. exponents.json. accuracy.json, answers.json
    (correct test cases), thresholds.json and summary.json: the results. logs/ for TensorBoard.
    export/: the deployable files. .lock: locked by the process that trains.

    Args:
        recipe: Recipe.
        folder: path, or None for the folder of the recipe.
    Raises: RecipeError if the folder belongs to another recipe, or its recipe is damaged.
    """

    def __init__(self, recipe, folder=None):
        self.recipe, self.folder, self._lock = recipe, folder or recipe.folder, None
        if (self.folder / "recipe.yaml").exists():
            recipes.require_same(recipe, recipes.read(self.folder / "recipe.yaml"))

    def require_place(self):
        """Refuse a folder that cannot be written, or that another process trains in.

        It leaves nothing behind. `begin` would notice the same, but only after the images are read.

        Raises: RecipeError.
        """
        require_writable("run_root", self.recipe.run_root, self.folder)
        if self.folder.exists():
            self._locked().close()

    def begin(self):
        """Create the folder and lock it until `close`, or until the process ends.

        It is called after the data were checked, so that a refused training leaves no folder.

        Raises: RecipeError if another process trains in it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._locked()
        atomic_file.write(self.folder / "recipe.yaml", recipes.to_yaml(self.recipe))

    def close(self):
        """Let other processes train in the folder."""
        if self._lock is not None:
            self._lock.close()

    def _locked(self):
        """Return the lock file of the folder, locked. The system unlocks it when it is closed, also by a kill."""
        lock = open(self.folder / ".lock", "a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise RecipeError(
                f"recipe {self.recipe.name}: another process trains in {self.folder}. Wait until it ends, or give this "
                f"run another name (name={self.recipe.name}2)."
            ) from None
        return lock

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
                f"{path} does not exist. Finish the training: sfkeras train recipe={self.folder / 'recipe.yaml'}"
            )
        return path

    def accuracy(self):
        """Return {form of the network: {metric: float}}, as far as it was measured."""
        path = self.folder / "accuracy.json"
        return own_files.read_json(path, dict[str, dict[str, float]], AGAIN) if path.exists() else {}

    def write_accuracy(self, accuracy):
        """Write {form of the network: {metric: float}}."""
        atomic_file.write(self.folder / "accuracy.json", json.dumps(accuracy, indent=1))

    def correct_cases(self):
        """Return which test cases the deployed network gets right, as packed text, or None."""
        packed = own_files.read_json(self.folder / CORRECT_CASES, str | None, AGAIN)
        try:
            return packed if packed is None else correct_cases.pack(correct_cases.unpack(packed))
        except ValueError as error:
            raise own_files.damaged(self.folder / CORRECT_CASES, error, AGAIN) from None

    def write_correct_cases(self, correct):
        """Write a (cases,) bool array, or None if the test cases are not independent."""
        packed = None if correct is None else correct_cases.pack(correct)
        atomic_file.write(self.folder / CORRECT_CASES, json.dumps(packed))

    def thresholds(self):
        """Return {output: {"threshold", "false_accept_rate", "false_reject_rate"}}; empty if there are none."""
        path = self.folder / "thresholds.json"
        return own_files.read_json(path, dict[str, dict[str, float]], AGAIN) if path.exists() else {}

    def write_thresholds(self, thresholds):
        """Write {output: {"threshold", "false_accept_rate", "false_reject_rate"}}."""
        atomic_file.write(self.folder / "thresholds.json", json.dumps(thresholds, indent=1))

    def judged(self):
        """Return what became of the test images, by output; empty before the run was verified."""
        path = self.folder / "judged.json"
        return own_files.read_json(path, dict[str, dict[str, object]], AGAIN) if path.exists() else {}

    def write_judged(self, judged):
        """Write what export.report.judged.judge returned."""
        atomic_file.write(self.folder / "judged.json", json.dumps(judged, indent=1, ensure_ascii=False))

    def alphas(self):
        """Return the alphas after float training, {"core1.stage2": [one per channel]}; empty if there are none."""
        path = self.folder / "alphas.json"
        return own_files.read_json(path, dict[str, list[float]], AGAIN) if path.exists() else {}

    def write_alphas(self, alphas):
        """Write alphas, {"core1.stage2": array (channels,) in [0, 1]}."""
        rounded = {name: [round(float(value), 4) for value in values] for name, values in alphas.items()}
        atomic_file.write(self.folder / "alphas.json", json.dumps(rounded))

    def summary(self):
        """Return the summary of a finished training: {"parameters": ..., "nearly_dead_channels":
        ..., "seconds": ...}.
        """
        return own_files.read_json(self.folder / "summary.json", SUMMARY, AGAIN)

    def write_summary(self, summary):
        """Write the summary of a finished training."""
        atomic_file.write(self.folder / "summary.json", json.dumps(summary, indent=1))

    def exponents(self):
        """Return {layer: exponent} as calibrated, or None before that. Raises: RecipeError."""
        path = self.folder / "exponents.json"
        return own_files.read_json(path, dict[str, int], AGAIN) if path.exists() else None

    def write_exponents(self, exponents):
        """Write {layer: exponent}."""
        atomic_file.write(self.folder / "exponents.json", json.dumps(exponents))

    def rows(self, phase):
        """Return the rows of metrics of a phase's finished epochs: list of dicts.

        Raises: RecipeError if the checkpoint is damaged.
        """
        path = self.folder / f"{phase}.npz"
        if not path.exists():
            return []
        packed = own_files.read_arrays(path, AGAIN, ("rows",))["rows"].tobytes()
        try:
            return own_files.parse_json(packed, list[dict[str, str | int | float]])
        except (ValueError, RecursionError) as error:
            raise own_files.damaged(path, error, AGAIN) from None

    def save(self, phase, model, optimizer, rows):
        """Write weights, optimizer state and rows after an epoch, in one file."""
        arrays = {"rows": np.frombuffer(json.dumps(rows).encode(), np.uint8)}
        arrays |= {f"weight{i}": weight for i, weight in enumerate(model.get_weights())}
        arrays |= {f"slot{i}": slot.numpy() for i, slot in enumerate(optimizer.variables)}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        atomic_file.write(self.folder / f"{phase}.npz", packed.getvalue())

    def restore_start(self, model):
        """Set a model to the float weights of this run, for another training that starts from them.

        Raises: RecipeError if there are none, or they are of another network.
        """
        if not self.rows("float"):
            raise RecipeError(f"start_from is {self.folder}, which has no complete float epoch. Train it first.")
        try:
            self.restore("float", model)
        except RecipeError as error:
            raise RecipeError(
                f"start_from is {self.folder}, whose weights do not fit this network: {error} Or give a run with the same "
                "network and heads."
            ) from None

    def restore(self, phase, model):
        """Set a compiled model and its optimizer to the newest checkpoint of a phase, if there is
        one.

        Raises: RecipeError if the checkpoint is damaged, or not of this model.
        """
        path = self.folder / f"{phase}.npz"
        if not path.exists():
            return
        arrays = own_files.read_arrays(path, AGAIN)
        if model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
        variables = {f"weight{i}": weight for i, weight in enumerate(model.weights)}
        variables |= {f"slot{i}": slot for i, slot in enumerate(getattr(model.optimizer, "variables", []))}
        for name, variable in variables.items():
            found, expected = arrays.get(name), (tuple(variable.shape), variable.dtype.name)
            if found is None or found.shape != expected[0] or not np.can_cast(found.dtype, expected[1]):
                what = "missing" if found is None else f"{found.dtype} {found.shape}"
                error = ValueError(f"{name} is {what}; expected {expected[1]} {expected[0]}")
                raise own_files.damaged(path, error, AGAIN)
        for name, variable in variables.items():
            variable.assign(arrays[name].astype(variable.dtype.name))  # workers have codes in int32
