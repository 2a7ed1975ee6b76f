"""Several processes that train one network: tf.distribute.MultiWorkerMirroredStrategy, configured
by TF_CONFIG.

Each worker is started with the same recipe and its own TF_CONFIG, such as

    TF_CONFIG='{"cluster": {"worker": ["one:2222", "two:2222"]},
                "task": {"type": "worker", "index": 0}}'

Each worker trains on its part of every batch. Gradients and batch-norm statistics are those of the
complete batch. All workers must be able to read the run folder; the first worker, the chief, writes
it. If a worker dies, start it again. The other workers then restart themselves, and all continue
after the last complete epoch.
"""

import contextlib
import os
import re
import sys
from dataclasses import dataclass

from sfkeras import own_files
from sfkeras.errors import RecipeError

TF_CONFIG = {"cluster": dict[str, list[str]], "task": {"type": str, "index": int | str}}
EXAMPLE = '{"cluster": {"worker": ["one:2222", "two:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Workers:
    """This process among all that train one network.

    Attributes:
        index: its number. 0 is the chief.
        count: number of workers.
        strategy: the strategy that mirrors variables and sums gradients; None for a single process.
    """

    index: int = 0
    count: int = 1
    strategy: object = None

    @property
    def is_single(self) -> bool:
        """Whether this process trains alone."""
        return self.strategy is None

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.index == 0

    def __str__(self) -> str:
        return f"worker {self.index + 1} of {self.count}"

    def scope(self):
        """Return the context in which to build and compile what trains."""
        return contextlib.nullcontext() if self.is_single else self.strategy.scope()

    def replicate(self, make, model):
        """Return the model to train: `model` itself, or a copy by `make` that all workers mirror.

        Args:
            make: function that builds such a model.
            model: the model with the initial weights.
        """
        if self.is_single:
            return model
        with self.scope():
            mirrored = make()
            mirrored.set_weights(model.get_weights())
        return mirrored

    def distribute(self, batches):
        """Return this worker's parts of the batches, a tf.data.Dataset, as an input of fit."""
        return batches if self.is_single else self.strategy.distribute_datasets_from_function(lambda context: batches)

    @contextlib.contextmanager
    def restart_if_worker_lost(self):
        """Restart this process if another worker is lost, because collective operations then fail."""
        from sfkeras.tensorflow import tf

        lost = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError
        try:
            yield
        except lost:
            if self.is_single:
                raise
            print(
                f"{self}: another worker is lost. Training continues after the last complete epoch, when all are back.",
                flush=True,
            )
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


SINGLE_WORKER = Workers()


def read_tf_config() -> tuple[int, int]:
    """Return (index, count) of this process from TF_CONFIG.

    Raises: RecipeError if TF_CONFIG is not valid.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = own_files.parse_json(text.encode(), TF_CONFIG, own_files.finite)
        chiefs, workers = (config["cluster"].get(job, []) for job in ("chief", "worker"))
        kind, index = config["task"]["type"], int(config["task"]["index"])
        known = {"chief": range(len(chiefs)), "worker": range(len(workers))}
        if index not in known[kind]:
            raise ValueError(f"task.index is {index}")
        for address in (*chiefs, *workers):
            if not re.fullmatch(r"\S+:\d{1,5}", address, re.ASCII) or (*chiefs, *workers).count(address) > 1:
                raise ValueError(f"{address} is not HOST:PORT, or repeated")
    except (ValueError, KeyError, RecursionError):
        shown = " ".join(text.split())[:200]
        raise RecipeError(
            f"distribute is multiworker, but TF_CONFIG is {shown or 'not set'}. Expected the cluster and this process's "
            f"task in it. Set for example TF_CONFIG='{EXAMPLE}'."
        ) from None
    return index + (len(chiefs) if kind == "worker" else 0), len(chiefs) + len(workers)


def connect(recipe) -> Workers:
    """Connect to the other workers of a recipe, before TensorFlow computes anything.

    Waits for all of them.

    Raises: RecipeError, as `read_tf_config`.
    """
    if recipe.distribute == "none":
        return SINGLE_WORKER
    index, count = read_tf_config()
    from sfkeras.tensorflow import tf

    return Workers(index, count, tf.distribute.MultiWorkerMirroredStrategy())
