"""One training: data, network, task and schedule of a recipe, phase by phase."""

import functools
import hashlib
import json
import platform
import sys

import numpy as np

from sfkeras import atomic_file, data
from sfkeras.errors import RecipeError
from sfkeras.nn import core as cores
from sfkeras.nn import fixed8, freezing, parameters, piecewise
from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.baselines import ShuffleNetV2
from sfkeras.nn.heads import Head
from sfkeras.nn.rejuvenation import NEARLY_DEAD, Rejuvenation, count_nearly_dead
from sfkeras.tensorflow import tf
from sfkeras.training import plots, tasks
from sfkeras.training.journal import Journal
from sfkeras.training.schedules import growth, of_any_size, optimizer
from sfkeras.training.workers import Workers

keras = tf.keras
ALONE = Workers()


class Training:
    """The training of one run: built from its recipe, resumed from its folder.

    Args:
        run: run.Run.
        workers: workers.Workers, if this process is one of several.
    Raises: RecipeError.
    """

    def __init__(self, run, workers=ALONE):
        self.run, self.recipe, self.workers = run, run.recipe, workers
        keras.utils.set_random_seed(self.recipe.seed)
        settings = self.recipe.data
        self.shape = tuple(self.recipe.network.input)
        self.core = cores.Core.load(self.recipe.network.core) if self.recipe.takes_core else None
        self.split = data.load(
            settings.source, self.shape, settings.root, settings.test_people, settings.crop, settings.name
        )
        self.task = tasks.make(self.recipe, self.split)
        self.vectors_of = functools.cache(self.make_vectors_of)  # traced once, evaluated after each epoch
        batch_size = self.task.order(0).shape[1]
        if batch_size % workers.count:
            raise RecipeError(
                f"data.batch_size is {batch_size}, which {workers.count} workers cannot share evenly. "
                f"Write data.batch_size={max(1, batch_size // workers.count) * workers.count}."
            )
        for name, head in self.recipe.heads.items():
            if isinstance(head.activation, str):
                error = piecewise.worst_error(head.activation)
                print(f"heads.{name}.activation: {head.activation} as straight lines, worst error {error:.5f}")

    # ---- phases

    def build(self):
        """Builds the float network, of any size if that is to grow. Leaves `self.model`. Raises: RecipeError."""
        backbone = self.float_backbone()
        self.parameters = parameters.parameters(backbone)
        self.model = self.task.trainee(backbone)

    def float_phase(self):
        """Trains `self.model` in float."""
        self.fit("float", self.float_model, self.model, self.recipe.training, self.recipe.training.start_scale)

    def fixed8_phase(self):
        """Calibrates and fine-tunes in fixed8. Leaves `self.quantised`."""
        self.quantised = self.fixed8_model()
        self.fit("qat", self.fixed8_model, self.quantised, self.recipe.qat)

    def float_backbone(self):
        shape = self.shape if self.recipe.training.start_scale == 1 else (None, None, self.shape[2])
        return network(self.recipe, shape, self.core)

    def float_model(self):
        """Builds a float trainee."""
        return self.task.trainee(self.float_backbone())

    def fixed8_model(self):
        """Builds the fixed8 form of `self.model`, calibrated."""
        model = self.task.trainee(network(self.recipe, self.shape, self.core))
        model.set_weights(self.model.get_weights())
        return fixed8.quantise(model, self.exponents(model))

    def exponents(self, model):
        """Calibrates once; a resumed run keeps what it found."""
        path = self.run.folder / "exponents.json"
        if not path.exists():
            _, batch_size = self.task.order(0).shape
            stream = data.batches.stream(
                self.task.images, self.task.order, "none", self.shape, self.recipe.seed, range(1)
            )
            batches = stream.take(-(-self.recipe.qat.calibration_images // batch_size))
            settled = self.core.settled_exponents(model) if self.core else {}
            found = fixed8.calibrate(model, (images for images, _ in batches), settled)
            atomic_file.write(path, json.dumps(found))
        return json.loads(path.read_text())

    def save_settled_core(self):
        """Writes the frozen core as this task computes it, if the task reads it alone: for tasks to be joined with it."""
        heads, once = self.recipe.heads.values(), self.recipe.network.repeats == 1
        if once and fixed8.frozen_codes(self.quantised) and all(head.on == "frozen" for head in heads):
            exponents = json.loads((self.run.folder / "exponents.json").read_text())
            core = cores.settle(self.core, self.quantised, exponents, self.recipe.name, self.provenance())
            core.save(self.run.export / f"{self.recipe.name}.npz")

    def save_core(self):
        """Snaps the trained frozen core to codes, writes it, and measures what snapping cost."""
        core = cores.freeze(self.model, self.recipe.name)
        snapped = self.task.trainee(network(self.recipe, self.shape, core))
        heads = [layer for layer in snapped.layers if layer.name.startswith("head.")]
        for layer in heads:
            layer.set_weights(self.model.get_layer(layer.name).get_weights())
        accuracy = {"before": self.evaluate(self.model), "after": self.evaluate(snapped)}
        core.provenance.update(self.provenance(), accuracy=accuracy, curve=self.run.rows("float"))
        path = self.run.export / f"{self.recipe.name}.npz"
        core.save(path)
        print(f"\n{path}: digest {core.digest}, before and after snapping: {accuracy}")

    # ---- parts

    def fit(self, phase, make, model, settings, start_scale=1):
        """Trains a model, which `make` builds, for a phase, from its newest checkpoint on."""
        steps, _ = self.task.order(0).shape
        trained = self.workers.replicate(make, model)
        with self.workers.scope():
            self.task.compile(trained, optimizer(trained, settings, self.recipe.training, steps))
            self.run.restore(phase, trained)
        journal = Journal(self, phase, model)
        callbacks = [journal]
        if self.recipe.rejuvenation.threshold:
            rejuvenation = self.recipe.rejuvenation
            callbacks = [Rejuvenation(rejuvenation.threshold, self.recipe.seed, settings.epochs - 1), journal]
        first = len(journal.rows)
        if first < settings.epochs:
            with data.batches.told():
                trained.fit(
                    self.workers.feed(self.stream(range(first, settings.epochs), start_scale).map(self.task.targets)),
                    initial_epoch=first,
                    epochs=settings.epochs,
                    steps_per_epoch=steps,
                    callbacks=callbacks,
                    verbose=0 if self.workers.index else 1 if sys.stdout.isatty() else 2,
                )
        if not self.workers.alone:
            model.set_weights(trained.get_weights())
            print(f"{self.workers}: {phase} ends with weights {digest(model)}", flush=True)

    def stream(self, epochs, start_scale):
        """Returns the training batches of some epochs; of any size, because they grow."""
        settings, batches, share = self.recipe.data, None, (self.workers.index, self.workers.count)
        for same_size, shape in growth(self.shape, epochs.stop, start_scale):
            part = range(max(epochs.start, same_size.start), same_size.stop)
            if part:
                stream = data.batches.stream(
                    self.task.images, self.task.order, settings.augment, shape, self.recipe.seed, part, share
                ).map(of_any_size)
                batches = stream if batches is None else batches.concatenate(stream)
        return batches

    def evaluate(self, model):
        """Returns the task's metrics on the test images: {name: float}."""
        vectors = self.vectors_of(model)
        return self.task.evaluate(lambda images: [each.numpy() for each in vectors(images)], self.split)

    def make_vectors_of(self, model):
        """The part of a trainee that gives each head's vector, as a function of images to a list of tensors."""
        ends = keras.Model(model.input, [model.get_layer(f"{head}.vector").output for head in self.recipe.heads])
        return tf.function(lambda images: tf.nest.flatten(ends(images, training=False)), reduce_retracing=True)

    def measure(self, outputs):
        """Returns the task's metrics for what the heads gave for all test images: list of arrays, one a head."""
        return self.task.measure_all(outputs, self.split)

    def answers(self, outputs):
        """As Task.answers, of the first head; outputs as measure."""
        return self.task.answers(outputs[0], self.split)

    def report(self):
        """Measures the float and the quantised model, and draws the curves and the alphas."""
        accuracy = self.task.baseline(self.split) | {
            "float": self.evaluate(self.model),
            "fake-quant": self.evaluate(self.quantised),
        }
        self.run.write_accuracy(accuracy)
        epochs = self.run.rows("float") + self.run.rows("qat")
        self.run.write_summary(
            {
                "parameters": self.parameters,
                "nearly_dead_channels": count_nearly_dead(self.quantised, NEARLY_DEAD),
                "seconds": round(sum(row.get("seconds", 0) for row in epochs)),
            }
        )
        plots.curves(self.run.folder / "curves.png", epochs)
        blends = {layer.name: fixed8.unwrapped(layer) for layer in self.quantised.layers if ".blend" in layer.name}
        if blends:
            alphas = {name.removesuffix(".blend"): blend.alphas().numpy() for name, blend in blends.items()}
            plots.alphas(self.run.folder / "alphas.png", alphas)

    def deployable(self):
        """The quantised model without what only training needs: from the image to the heads."""
        ends = [self.quantised.get_layer(f"{head}.vector").input for head in self.recipe.heads]
        return keras.Model(self.quantised.input, ends)

    def provenance(self):
        """Returns what this training was made of: recipe, seed, versions."""
        return {
            "recipe": self.recipe.name,
            "seed": self.recipe.seed,
            "data": f"{len(self.task.images):,} training images of {len(self.task.images.names)} classes",
            "versions": {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__},
        }


def digest(model):
    """The first 16 hexadecimal digits of a SHA-256 of all weights."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()[:16]


def network(recipe, input_shape, core):
    """Builds the network of a recipe."""
    settings = recipe.network
    heads = [Head(name=name, **vars(head)) for name, head in recipe.heads.items()]
    if settings.kind == "shufflenet":
        return ShuffleNetV2(input_shape, heads, settings.width)
    return SemifreddoNet(
        input_shape,
        heads,
        cores=settings.cores,
        frozen=settings.frozen,
        core=core,
        width=settings.width,
        core_shuffle=settings.core_shuffle,
        alpha=settings.alpha,
        start=settings.start,
        alpha_start=settings.alpha_start,
        repeats=settings.repeats,
        first_pointwise=settings.first_pointwise,
        train_batch_norm=settings.train_batch_norm,
        shares=frozen_shares(settings, core),
    )


def frozen_shares(settings, core):
    """Returns the frozen share of each of a core's layers, or None where all of it is taped out."""
    if settings.frozen_share is not None:
        return freezing.by_depth(settings.frozen_share, freezing.depth(core))
    if settings.frozen_layers is not None:
        return freezing.first_layers(settings.frozen_layers, freezing.depth(core))
    return None
