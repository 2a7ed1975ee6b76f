"""One training: data, network, task and schedule of a recipe, phase by phase."""

import functools
import hashlib
import json
import platform
import sys
import time

import numpy as np
import tensorflow as tf

from sfkeras import area, atomic, data, fixed8, freezing, piecewise, plots, tasks
from sfkeras import core as cores
from sfkeras.backbone import SemifreddoNet
from sfkeras.baselines import ShuffleNetV2
from sfkeras.errors import RecipeError
from sfkeras.heads import Head
from sfkeras.recipe import nearest_side
from sfkeras.rejuvenation import NEARLY_DEAD, Rejuvenation, count_nearly_dead
from sfkeras.workers import Workers

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
        self.parameters = area.parameters(backbone)
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
            atomic.write(path, json.dumps(found))
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


class Journal(keras.callbacks.Callback):
    """After each epoch: measures, keeps a row of metrics, writes TensorBoard's logs and the checkpoint.

    Args:
        training: Training.
        phase: its name.
        measured: the model that is measured: what trains, or where several workers train, a copy that is not mirrored.
    """

    def __init__(self, training, phase, measured):
        super().__init__()
        self.training, self.phase, self.measured = training, phase, measured
        self.rows = training.run.rows(phase)
        self.writes = training.workers.index == 0  # the chief
        folder = str(training.run.folder / "logs" / phase)
        self.writer = tf.summary.create_file_writer(folder) if self.writes else tf.summary.create_noop_writer()

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if self.model is not self.measured:
            self.measured.set_weights(self.model.get_weights())  # each worker: reading is a collective operation
        measured = self.training.evaluate(self.measured)
        measured["seconds"] = time.monotonic() - self.start
        row = {"phase": self.phase, "epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}, **measured}
        self.rows.append(row)
        if not self.writes:
            return
        with self.writer.as_default(step=epoch + 1):
            for name, value in row.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self.writer.flush()
        self.training.run.save(self.phase, self.measured, self.model.optimizer, self.rows)
        print("  " + "  ".join(f"{name} {value:.4f}" for name, value in measured.items()), flush=True)


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


def of_any_size(images, labels):
    """Forgets the sides of a batch, so that streams of several sizes are one, and the step is traced once for all."""
    images = tf.compat.v1.placeholder_with_default(images, (images.shape[0], None, None, images.shape[3]))
    if labels.shape.rank > 1:  # masks
        labels = tf.compat.v1.placeholder_with_default(labels, (labels.shape[0], None, None))
    return images, labels


def growth(shape, epochs, start_scale):
    """Yields (range of epochs, input shape): sides grow from start_scale to 1 over the first three quarters.

    Small images come first because a convolutional network learns most of what it learns on them at a fraction of the
    time; the last quarter is at full size, where the network is used.
    """
    scales = [min(1, start_scale + (1 - start_scale) * epoch / (3 / 4 * epochs)) for epoch in range(epochs)]
    sizes = [tuple(nearest_side(side * scale) for side in shape[:2]) for scale in scales]
    start = 0
    for epoch in range(1, epochs + 1):
        if epoch == epochs or sizes[epoch] != sizes[start]:
            yield range(start, epoch), (*sizes[start], shape[2])
            start = epoch


def optimizer(model, settings, training, steps):
    """Builds the optimizer: warm-up from 0, then a cosine to 0; no weight decay on vectors (batch-norm, bias, alpha)."""
    warmup = min(round(getattr(settings, "warmup_epochs", 0) * steps), steps * settings.epochs - 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup > 0 else settings.learning_rate,
        max(1, steps * settings.epochs - max(0, warmup)),
        warmup_target=settings.learning_rate if warmup > 0 else None,
        warmup_steps=max(0, warmup),
    )
    if training.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if training.optimizer == "adamw":
        made = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay)
    else:
        made = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=training.weight_decay)
    made.exclude_from_weight_decay([v for v in model.trainable_variables if v.shape.rank == 1])
    return made
