"""The paper's experiments, one command each: `python -m sfkeras.compare table3 lfw=FOLDER
tiny_imagenet=FOLDER`.

Every training is an ordinary run in runs/EXPERIMENT/. It adds a line to results/EXPERIMENT.jsonl. A
training with a line there, or in another experiment's file, is not repeated. docs/results.md is
made from these files. Words, in any order:

    TASK=FOLDER      data of a task: lfw=, tiny_imagenet=, camvid=, fashion=, photos=
    seeds=1,2,3      seeds, one after another; default 1
    tasks= rows=     some of them only; an error lists their names
    results=FOLDER   another folder of results files, with a page of its own
    KEY=VALUE        a recipe key for all trainings: training.epochs=1
"""

import statistics
import sys
import time

from sfkeras import command, startup
from sfkeras.errors import RecipeError
from sfkeras.startup import load_tensorflow


class Comparisons:
    """One command each."""

    def table3(self, *words):
        """Configurations of SemifreddoNets and ShuffleNetV2, on classes and faces (Table 3)."""
        run_experiment("table3", words)

    def figure6(self, *words):
        """Segmentation against the frozen share of the weights (Fig. 6)."""
        run_experiment("figure6", words)

    def repeats(self, *words):
        """Faces with 1 to 4 passes through the last module (section 3.4)."""
        run_experiment("repeats", words)

    def ablations(self, *words):
        """Batch-norm, first pointwise convolutions, alphas and rejuvenation (section 5)."""
        run_experiment("ablations", words)

    def schemes(self, *words):
        """Freezing by cores, uniformly, gradually, or by the first layers (Figs. 1 and 2)."""
        run_experiment("schemes", words)

    def three_tasks(self, *words):
        """Classes, faces and streets on one frozen core, trained one by one and joined to one
        network (section 3.2).
        """
        run_experiment("three_tasks", words)

    def transfer(self, *words):
        """The frozen core on clothes, faces and streets, against networks from scratch and a linear head."""
        run_experiment("transfer", words)

    def bits(self, *words):
        """Accuracy against silicon: frozen cores whose codes have 8, 5 and 4 bits."""
        run_experiment("bits", words)

    def table2(self):
        """Frames per second with 1 to 6 repeats, by the cycle model (Table 2). Trains nothing."""
        from sfkeras.experiments import tables
        from sfkeras.experiments.questions import repeats

        print("\n".join(tables.markdown(repeats.frames_table())))

    def results(self, folder=None):
        """Write docs/results.md and its plots again from the results files. Trains nothing."""
        from sfkeras.experiments import page

        page.draw(folder or page.RESULTS)

    def training_speed(self, size: int = 96, batch: int = 64, steps: int = 10, rounds: int = 3):
        """Print the training images per second of a SemifreddoNet and of the fully trainable
        ShuffleNetV2 1.0x.

        Both train in turn in one loop, on the same random images and with the same loss. So only
        the networks differ.
        """
        load_tensorflow()
        from sfkeras.nn.backbone import SemifreddoNet
        from sfkeras.nn.baselines import ShuffleNetV2
        from sfkeras.nn.freezing.core import Core
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
            rates = sorted(steps * batch / each for each in measured[1:])  # without the first round, which traces
            median = statistics.median(rates)
            print(
                f"{name}: {median:.0f} images per second ({rates[0]:.0f} to {rates[-1]:.0f}), {size}x{size}, batch {batch}"
            )


def run_experiment(name, words):
    """Run an experiment by name."""
    from sfkeras.experiments import EXPERIMENTS, runner

    runner.run(EXPERIMENTS[name], words)


def training_loop(model, shape, batch):
    """Return a function that trains for a number of steps and returns their duration in seconds."""
    from sfkeras.tensorflow import tf

    model.compile("adam", "mse")
    images = tf.random.stateless_uniform((batch, *shape), (1, 2), -1, 1)
    targets = tf.zeros((batch, *model.output_shape[1:]))
    data = tf.data.Dataset.from_tensors((images, targets)).repeat()

    def train(steps):
        """Train for a number of steps and return the seconds."""
        start = time.perf_counter()
        model.fit(data, steps_per_epoch=steps, verbose=0)
        return time.perf_counter() - start

    return train


def main(words=None, name="python -m sfkeras.compare"):
    """Run a command and return its exit code: 0 done, 2 a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    words = sys.argv[1:] if words is None else words
    return command.run(
        name,
        __doc__.replace("python -m sfkeras.compare", name),
        command.commands_of(Comparisons),
        words,
        interrupted="stopped. The same command continues where it stopped.",
        mistakes=(RecipeError, OSError, ImportError, command.Mistake),
    )


if __name__ == "__main__":
    sys.exit(main())
