"""Several processes that train one network together: tf.distribute.MultiWorkerMirroredStrategy, told by TF_CONFIG.

Each worker is started with the same recipe and its own TF_CONFIG, such as

    TF_CONFIG='{"cluster": {"worker": ["one:2222", "two:2222"]}, "task": {"type": "worker", "index": 0}}'

and sees its part of every batch; gradients and the statistics of batch-norm are those of the whole batch. The run folder
lies where all of them reach it, and the first of them, the chief, writes it. A worker that dies is started again by
whoever started it; the others notice, start themselves again, and all go on from the last whole epoch.
"""

import contextlib
import json
import os
import sys
from dataclasses import dataclass

from sfkeras.errors import RecipeError

EXAMPLE = '{"cluster": {"worker": ["one:2222", "two:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Workers:
    """This process among all that train one network.

    Attributes:
        index: its number; 0 is the chief.
        count: how many there are.
        strategy: what mirrors variables and adds gradients up; None for a process alone.
    """

    index: int = 0
    count: int = 1
    strategy: object = None

    @property
    def alone(self) -> bool:
        return self.strategy is None

    def __str__(self) -> str:
        return f"worker {self.index + 1} of {self.count}"

    def scope(self):
        """Where what trains is built and compiled."""
        return contextlib.nullcontext() if self.alone else self.strategy.scope()

    def replicate(self, make, model):
        """The model that trains: `model` itself, or one that `make` builds alike and all workers mirror."""
        if self.alone:
            return model
        with self.scope():
            mirrored = make()
            mirrored.set_weights(model.get_weights())
        return mirrored

    def feed(self, batches):
        """This worker's parts of the batches, a tf.data.Dataset, as fit takes them."""
        return batches if self.alone else self.strategy.distribute_datasets_from_function(lambda context: batches)

    @contextlib.contextmanager
    def together(self):
        """Starts this process again if another one is lost inside of it: the collective operations cannot be mended."""
        from sfkeras.tensorflow import tf

        lost = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError
        try:
            yield
        except lost:
            if self.alone:
                raise
            print(f"{self}: another worker is gone; going on from the last whole epoch when all are back", flush=True)
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def place() -> tuple[int, int]:
    """(index, count) of this process as TF_CONFIG says. Raises: RecipeError."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        chiefs, workers = (list(config["cluster"].get(job, [])) for job in ("chief", "worker"))
        kind, index = config["task"]["type"], int(config["task"]["index"])
        known = {"chief": range(len(chiefs)), "worker": range(len(workers))}
        if index not in known[kind]:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RecipeError(
            f"distribute is multiworker, but TF_CONFIG is {text or 'not set'}, wanted the cluster and this process's place "
            f"in it. Set for example TF_CONFIG='{EXAMPLE}'."
        ) from None
    return index + (len(chiefs) if kind == "worker" else 0), len(chiefs) + len(workers)


def join(recipe) -> Workers:
    """Meets the other workers of a recipe, before TensorFlow computes anything; waits until all are there.

    Raises: RecipeError, as `place`.
    """
    if recipe.distribute == "none":
        return Workers()
    index, count = place()
    from sfkeras.tensorflow import tf

    return Workers(index, count, tf.distribute.MultiWorkerMirroredStrategy())
