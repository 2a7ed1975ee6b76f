"""Comparisons with the networks of the paper: `python -m sfkeras.compare training_speed`."""

import statistics
import sys
import time

import fire

from sfkeras.errors import RecipeError
from sfkeras.startup import load_tensorflow


class Comparisons:
    """Each is one command."""

    def training_speed(self, size=96, batch=64, steps=10, rounds=3):
        """Prints training images a second of a SemifreddoNet and of the fully trainable ShuffleNetV2 1.0x.

        Both train in one loop, in turn, on the same random images with the same loss, so that only the networks differ.
        """
        load_tensorflow()
        from sfkeras.backbone import SemifreddoNet
        from sfkeras.baselines import ShuffleNetV2
        from sfkeras.core import Core
        from sfkeras.heads import Head

        shape = (size, size, 3)
        networks = {
            "SemifreddoNet, two trainable cores": SemifreddoNet(shape, [Head(128)], core=Core.load("tiny_imagenet")),
            "ShuffleNetV2 1.0x": ShuffleNetV2(shape, 128, 1.0),
        }
        seconds = {name: [] for name in networks}
        trained = {name: training_loop(model, shape, batch) for name, model in networks.items()}
        for _ in range(rounds + 1):
            for name, train in trained.items():
                seconds[name].append(train(steps))
        for name, measured in seconds.items():
            rates = sorted(steps * batch / each for each in measured[1:])  # the first round traces
            median = statistics.median(rates)
            print(
                f"{name}: {median:.0f} images a second ({rates[0]:.0f} to {rates[-1]:.0f}), {size}x{size}, batch {batch}"
            )


def training_loop(model, shape, batch):
    """Returns a function of a number of steps that trains so many and returns the seconds that they took."""
    import tensorflow as tf

    model.compile("adam", "mse")
    images = tf.random.stateless_uniform((batch, *shape), (1, 2), -1, 1)
    targets = tf.zeros((batch, *model.output_shape[1:]))
    data = tf.data.Dataset.from_tensors((images, targets)).repeat()

    def train(steps):
        start = time.perf_counter()
        model.fit(data, steps_per_epoch=steps, verbose=0)
        return time.perf_counter() - start

    return train


def main():
    try:
        fire.Fire(Comparisons, name="python -m sfkeras.compare")
    except RecipeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
