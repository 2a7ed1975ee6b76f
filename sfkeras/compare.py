"""The paper's experiments, each as one command: `python -m sfkeras.compare table3 lfw=FOLDER tiny_imagenet=FOLDER`.

Every training is an ordinary run, in runs/EXPERIMENT/, and leaves a line in results/EXPERIMENT.jsonl; one that has its
line, here or in another experiment's file, is not done again. docs/results.md is drawn from these files. Words, in any order:

    TASK=FOLDER      data of a task: lfw=, tiny_imagenet=, camvid=
    seeds=1,2,3      seed by seed; 1 without it
    tasks= rows=     only some of them, by the names that a mistake lists
    results=FOLDER   other results files, for a try: they are drawn beside themselves
    KEY=VALUE        a key of the recipe, for all trainings: training.epochs=1
"""

import statistics
import sys
import time

from sfkeras import command, startup
from sfkeras.errors import RecipeError
from sfkeras.startup import load_tensorflow


class Comparisons:
    """Each is one command."""

    def table3(self, *words):
        """Configurations of SemifreddoNets and ShuffleNetV2, on classes and faces (Table 3)."""
        run_experiment("table3", words)

    def figure6(self, *words):
        """Segmentation against the share of weights that are frozen (Fig. 6)."""
        run_experiment("figure6", words)

    def repeats(self, *words):
        """Faces with 1 to 4 passes through the last module (section 3.4)."""
        run_experiment("repeats", words)

    def ablations(self, *words):
        """Batch-norm, first pointwise convolutions, alphas and rejuvenation (section 5)."""
        run_experiment("ablations", words)

    def schemes(self, *words):
        """Freezing by cores, uniformly, gradually, or the first layers (Figs. 1 and 2)."""
        run_experiment("schemes", words)

    def three_tasks(self, *words):
        """Classes, faces and streets on one frozen core, trained one by one and joined to one network (section 3.2)."""
        run_experiment("three_tasks", words)

    def table2(self):
        """Frames a second of 1 to 6 repeats, by the cycle model (Table 2). Trains nothing."""
        from sfkeras.experiments import repeats, tables

        print("\n".join(tables.markdown(repeats.frames_table())))

    def results(self, folder=None):
        """Draws docs/results.md and its pictures anew from the results files. Trains nothing."""
        from sfkeras.experiments import page

        page.draw(folder or page.RESULTS)

    def training_speed(self, size: int = 96, batch: int = 64, steps: int = 10, rounds: int = 3):
        """Prints training images a second of a SemifreddoNet and of the fully trainable ShuffleNetV2 1.0x.

        Both train in one loop, in turn, on the same random images with the same loss, so that only the networks differ.
        """
        load_tensorflow()
        from sfkeras.nn.backbone import SemifreddoNet
        from sfkeras.nn.baselines import ShuffleNetV2
        from sfkeras.nn.core import Core
        from sfkeras.nn.heads import Head

        shape = (size, size, 3)
        networks = {
            "SemifreddoNet, two trainable cores": SemifreddoNet(shape, [Head(128)], core=Core.load("tiny_imagenet")),
            "ShuffleNetV2 1.0x": ShuffleNetV2(shape, [Head(128)], 1.0),
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


def run_experiment(name, words):
    from sfkeras.experiments import EXPERIMENTS, runner

    runner.run(EXPERIMENTS[name], words)


def training_loop(model, shape, batch):
    """Returns a function of a number of steps that trains so many and returns the seconds that they took."""
    from sfkeras.tensorflow import tf

    model.compile("adam", "mse")
    images = tf.random.stateless_uniform((batch, *shape), (1, 2), -1, 1)
    targets = tf.zeros((batch, *model.output_shape[1:]))
    data = tf.data.Dataset.from_tensors((images, targets)).repeat()

    def train(steps):
        start = time.perf_counter()
        model.fit(data, steps_per_epoch=steps, verbose=0)
        return time.perf_counter() - start

    return train


def main(words=None, name="python -m sfkeras.compare"):
    """Runs a command. Returns its exit code: 0 done, 2 a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    words = sys.argv[1:] if words is None else words
    return command.run(
        name,
        __doc__.replace("python -m sfkeras.compare", name),
        command.commands_of(Comparisons),
        words,
        interrupted="stopped; the same command goes on where it was",
        mistakes=(RecipeError, OSError, ImportError, command.Mistake),
    )


if __name__ == "__main__":
    sys.exit(main())
