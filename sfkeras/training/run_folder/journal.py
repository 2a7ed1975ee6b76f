"""The journal of a training: metrics, logs and the checkpoint after each epoch."""

import math
import time

from sfkeras.errors import RecipeError
from sfkeras.tensorflow import tf

keras = tf.keras


class Journal(keras.callbacks.Callback):
    """Count the steps; after each epoch measure the model, and write metrics, TensorBoard logs and the checkpoint.

    Args:
        training: trainer.Training.
        phase: "float" or "qat".
        measured: the model to measure. With several workers it is a copy of the trained model that
            is not mirrored.
    """

    def __init__(self, training, phase, measured):
        super().__init__()
        self.training, self.phase, self.measured = training, phase, measured
        self.rows = training.run.rows(phase)
        folder = str(training.run.folder / "logs" / phase)
        self.writer = (
            tf.summary.create_file_writer(folder) if training.workers.is_chief else tf.summary.create_noop_writer()
        )

    def on_epoch_begin(self, epoch, logs=None):
        self.start, self.epoch = time.monotonic(), epoch

    def on_train_batch_end(self, batch, logs=None):
        self.training.progress.step(self.params["epochs"] - self.epoch, 1 / self.params["steps"])

    def on_epoch_end(self, epoch, logs=None):
        self._require_finite(epoch, logs or {})
        if self.model is not self.measured:
            # In every worker, because reading the weights is a collective operation.
            self.measured.set_weights(self.model.get_weights())
        measured = self.training.evaluate(self.measured)
        measured["seconds"] = time.monotonic() - self.start
        row = {"phase": self.phase, "epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}, **measured}
        self.rows.append(row)
        if not self.training.workers.is_chief:
            return
        with self.writer.as_default(step=epoch + 1):
            for name, value in row.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self.writer.flush()
        self.training.run.save(self.phase, self.measured, self.model.optimizer, self.rows)
        print("  " + "  ".join(f"{name} {value:.4f}" for name, value in measured.items()), flush=True)

    def _require_finite(self, epoch, metrics):
        """Stop a training that has diverged, before its weights replace the last good checkpoint.

        Raises: RecipeError if the loss of an epoch is infinite or no number.
        """
        if not math.isfinite(metrics.get("loss", 0)):
            key = "qat.learning_rate" if self.phase == "qat" else "training.learning_rate"
            raise RecipeError(
                f"the loss is {metrics['loss']} in epoch {epoch + 1} of the phase {self.phase}: the training has diverged. "
                f"Nothing of this epoch was saved. Lower {key}, in a run of another name: name={self.training.recipe.name}2."
            )
