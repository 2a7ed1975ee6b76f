"""One training: the data, network, task and schedule of a recipe, phase by phase."""

import dataclasses
import functools
import hashlib
import platform
import sys

import numpy as np

from sfkeras import data
from sfkeras.errors import RecipeError
from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.baselines import MobileNetV2, ShuffleNetV2
from sfkeras.nn.freezing import core as cores
from sfkeras.nn.freezing import parameters, schemes
from sfkeras.nn.freezing.rejuvenation import NEARLY_DEAD, Rejuvenation, count_nearly_dead
from sfkeras.nn.heads import Head
from sfkeras.nn.options import NetworkOptions
from sfkeras.nn.quantisation import fixed8, piecewise
from sfkeras.tensorflow import tf
from sfkeras.training import tasks
from sfkeras.training.optimisation.optimizers import build_before_tracing
from sfkeras.training.optimisation.schedules import image_sizes, optimizer, without_static_size
from sfkeras.training.optimisation.statistics import BATCHES, take_statistics
from sfkeras.training.progress import Progress
from sfkeras.training.run_folder import plots
from sfkeras.training.run_folder.folder import Run, restore_mean
from sfkeras.training.run_folder.journal import Journal
from sfkeras.training.workers import SINGLE_WORKER

keras = tf.keras
MOST_FOR_THRESHOLD = 1000  # training images


class Training:
    """The training of one run: built from its recipe, resumed from its folder.

    Args:
        run: run.Run.
        workers: workers.Workers, if this process is one of several.
        progress: progress.Progress, which says what the training is at; None says nothing.
    Raises: RecipeError if the data or the core do not suit the recipe.
    """

    def __init__(self, run, workers=SINGLE_WORKER, progress=None):
        self.run, self.recipe, self.workers = run, run.recipe, workers
        self.progress = progress or Progress(is_silent=True)
        keras.utils.set_random_seed(self.recipe.seed)
        settings = self.recipe.data
        self.shape = tuple(self.recipe.network.input)
        self.core = cores.Core.load(self.recipe.network.core) if self.recipe.takes_core else None
        self.split = data.load(
            settings.source,
            self.shape,
            settings.root,
            settings.test_people,
            settings.crop,
            settings.name,
            settings.fit,
        )
        self.task = tasks.make_task(self.recipe, self.split)
        self.steps, self.batch_size = self.task.order(0).shape
        self.output_function = functools.cache(self._output_function)  # traced once, called after each epoch
        self._check_batch_size()
        self._print_activation_errors()

    def _check_batch_size(self):
        """Refuse a batch that the workers cannot share evenly. Raises: RecipeError."""
        count = self.workers.count
        if self.batch_size % count:
            raise RecipeError(
                f"data.batch_size is {self.batch_size}, but {count} workers cannot share that evenly. "
                f"Write data.batch_size={max(1, self.batch_size // count) * count}."
            )

    def _print_activation_errors(self):
        """Print how far the piecewise-linear form of each named activation is from its curve."""
        for name, head in self.recipe.heads.items():
            if isinstance(head.activation, str):
                error = piecewise.worst_error(head.activation)
                print(
                    f"heads.{name}.activation: {head.activation} as a piecewise-linear function, error <= {error:.5f}"
                )

    # ---- phases

    def build(self):
        """Build the float network, `self.model`, and count its parameters. Raises: RecipeError."""
        network = self._build_float_network()
        self.parameters = parameters.parameters(network)
        model = self.task.training_model(network)
        restore_mean([Run.at(start) for start in self.recipe.starts], model)
        self.model = self._with_core_bits(model)

    def train_float(self):
        """Train `self.model` in float."""
        settings = self.recipe.training
        with self.progress.phase("float", self._work("float", settings, settings.start_scale)):
            self._fit("float", self._build_float_model, self.model, settings, settings.start_scale)

    def train_fixed8(self):
        """Build the fixed8 form of `self.model`, `self.quantised`, and fine-tune it."""
        with self.progress.phase("fixed8", self._work("qat", self.recipe.qat)):
            self.quantised = self._build_fixed8_model()
            self._fit("qat", self._build_fixed8_model, self.quantised, self.recipe.qat)

    def _work(self, phase, settings, start_scale=1):
        """Return the pixels of an image in each epoch that is left of a phase."""
        sizes = image_sizes(self.shape, settings.epochs, start_scale)
        pixels = [height * width for epochs, (height, width, _) in sizes for _ in epochs]
        return pixels[len(self.run.rows(phase)) :]

    # ---- models

    def _build_float_network(self):
        """Return a float network. Its input has no fixed size if images grow during training."""
        shape = self.shape if self.recipe.training.start_scale == 1 else (None, None, self.shape[2])
        return build_network(self.recipe, shape, self.core)

    def _with_core_bits(self, model):
        """Return a float model whose frozen core trains with codes of the recipe's bits."""
        bits = self.recipe.network.core_bits
        return model if bits == 8 else fixed8.round_frozen_kernels(model, bits)

    def _build_float_model(self):
        """Return a float network with its training outputs."""
        return self._with_core_bits(self.task.training_model(self._build_float_network()))

    def _build_fixed8_model(self):
        """Return the fixed8 form of `self.model`, with the exponents of this run."""
        model = self.task.training_model(build_network(self.recipe, self.shape, self.core))
        model.set_weights(self.model.get_weights())
        return fixed8.quantise(model, exponents=self._calibrate(model))

    def _calibrate(self, model):
        """Return {layer: exponent}: calibrated in the first call, then read from the run folder."""
        if self.run.exponents() is None:
            count = -(-self.recipe.qat.calibration_images // self.batch_size)
            known = self.core.settled_exponents(model) if self.core else {}
            self.run.write_exponents(fixed8.calibrate(model, self._clean_batches(count), known))
        return self.run.exponents()

    def _clean_batches(self, count):
        """Yield batches of training images without augmentation, (batch, *shape) float32: at most
        `count`, and at most one epoch of them.
        """
        stream = data.batches.stream(self.task.images, self.task.order, "none", self.shape, self.recipe.seed, range(1))
        for images, _ in stream.take(count):
            yield images

    def build_deployable_model(self):
        """Return the quantised model from the image to the heads, without its training outputs."""
        outputs = [self.quantised.get_layer(f"{head}.output").input for head in self.recipe.heads]
        return keras.Model(self.quantised.input, outputs)

    # ---- one phase

    def _fit(self, phase, build, model, settings, start_scale=1):
        """Train a model for a phase, from the phase's newest checkpoint on.

        Args:
            phase: "float" or "qat".
            build: function that builds such a model. Other workers need one of their own.
            model: the model. It has the trained weights at the end.
            settings: recipe.TrainingSettings or recipe.QatSettings.
            start_scale: sides of the first images as a share of the network's input.
        """
        trained = self.workers.replicate(build, model)
        with self.workers.scope():
            self.task.compile(trained, optimizer(trained, settings, self.recipe.training, self.steps))
            self.run.restore(phase, trained)
        journal = Journal(self, phase, model)
        first = len(journal.rows)
        if first < settings.epochs:
            batches = self._batches(range(first, settings.epochs), start_scale)
            if self.workers.is_single:
                build_before_tracing(trained, batches.element_spec[1])
            with data.batches.raise_recipe_errors():
                trained.fit(
                    self.workers.distribute(batches),
                    initial_epoch=first,
                    epochs=settings.epochs,
                    steps_per_epoch=self.steps,
                    callbacks=[*self._rejuvenation(settings.epochs), journal],
                    verbose=self._verbosity(),
                )
        if not self.workers.is_single:
            model.set_weights(trained.get_weights())
            print(f"{self.workers}: {phase} ends with weights {digest(model)}", flush=True)

    def _batches(self, epochs, start_scale):
        """Return the training batches of some epochs as one dataset, whose images may grow."""
        settings, batches, part = self.recipe.data, None, (self.workers.index, self.workers.count)
        for same_size, shape in image_sizes(self.shape, epochs.stop, start_scale):
            some = range(max(epochs.start, same_size.start), same_size.stop)
            if some:
                stream = data.batches.stream(
                    self.task.images, self.task.order, settings.augment, shape, self.recipe.seed, some, part
                ).map(without_static_size)
                batches = stream if batches is None else batches.concatenate(stream)
        return batches.map(self.task.targets)

    def _rejuvenation(self, epochs):
        """Return the rejuvenation callback in a list, or an empty list if it is off."""
        threshold = self.recipe.rejuvenation.threshold
        return [Rejuvenation(threshold, self.recipe.seed, epochs - 1)] if threshold else []

    def _verbosity(self):
        """Return Keras's verbosity: a bar in a terminal, a line per epoch in a log, chief only."""
        if not self.workers.is_chief:
            return 0
        return 1 if sys.stdout.isatty() else 2

    # ---- measurements

    def evaluate(self, model):
        """Return the task's metrics of a model on the test images: {metric: float}."""
        outputs_of = self.output_function(model)
        return self.task.evaluate(lambda images: [output.numpy() for output in outputs_of(images)], self.split)

    def _output_function(self, model):
        """Return a function of images to the measured output of each head, a list of tensors."""
        outputs = [model.get_layer(f"{head}.output").output for head in self.recipe.heads]
        measured = keras.Model(model.input, outputs)
        return tf.function(lambda images: tf.nest.flatten(measured(images, training=False)), reduce_retracing=True)

    def measure(self, outputs):
        """Return the task's metrics: {metric: float}.

        Args:
            outputs: list of arrays, one per head: its outputs for all test images.
        """
        return self.task.measure_all(outputs, self.split)

    def correct_cases(self, outputs):
        """Return which test cases the first head gets right, (cases,) bool or None.

        Args:
            outputs: as measure.
        """
        return self.task.correct_cases(outputs[0], self.split)

    def meanings(self):
        """Return what the outputs of the deployed network stand for, one dict per head: fields of
        export.graph.meaning.Meaning.
        """
        if not self.task.has_threshold:
            return [self.task.meaning() for _ in self.recipe.heads]
        images, labels = self._some_training_images()
        outputs = self.output_function(self.quantised)
        embedded = zip(*([output.numpy() for output in outputs(some)] for some in images))
        thresholds = (self.task.threshold(np.concatenate(head), labels) for head in embedded)
        return [{**self.task.meaning(), "threshold": threshold} for threshold in thresholds]

    def _some_training_images(self):
        """Return batches of training images as the network's input, and all of their labels."""
        images = self.task.images
        chosen = np.random.default_rng(self.recipe.seed).permutation(len(images))[:MOST_FOR_THRESHOLD]
        order = chosen[: len(chosen) // self.batch_size * self.batch_size].reshape(-1, self.batch_size)
        stream = data.batches.stream(images, lambda _: order, "none", self.shape, self.recipe.seed, range(1))
        batches, labels = zip(*((images, labels.numpy()) for images, labels in stream))
        return batches, np.concatenate(labels)

    # ---- results

    def write_results(self):
        """Write the accuracy of the float and the quantised model, a summary and two plots."""
        measured = {"float": self.evaluate(self.model), "fake-quant": self.evaluate(self.quantised)}
        self.run.write_accuracy(self.task.baseline(self.split) | measured)
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
            self.run.write_alphas({name: np.ravel(self._float_alphas(name)) for name in alphas})

    def _float_alphas(self, name):
        """Return the alphas of a blend as float training left them, (channels,) or a number."""
        return fixed8.unwrapped(self.model.get_layer(f"{name}.blend")).alphas().numpy()

    def save_core(self):
        """Take its statistics on clean images, round the trained frozen core to int8 codes, write it,
        and measure the accuracy it loses.
        """
        take_statistics(self.model, self._clean_batches(BATCHES))
        core = cores.Core.from_model(self.model, self.recipe.name, bits=self.recipe.network.core_bits)
        rounded = self.task.training_model(build_network(self.recipe, self.shape, core))
        for layer in rounded.layers:
            if layer.name.startswith("head."):
                layer.set_weights(self.model.get_layer(layer.name).get_weights())
        accuracy = {"before": self.evaluate(self.model), "after": self.evaluate(rounded)}
        runs = [*map(Run.at, self.recipe.starts), self.run]
        curve = [row for run in runs for row in run.rows("float")]
        core.provenance.update(self.provenance(), accuracy=accuracy, curve=curve)
        core.save(self._core_path())
        print(f"\n{self._core_path()}: digest {core.digest}, before and after rounding: {accuracy}")

    def save_settled_core(self):
        """Write the frozen core with this task's batch-norms and exponents, so that tasks can be
        joined.

        Only a task whose heads all read the frozen core, without repeats, settles a core.
        """
        heads, once = self.recipe.heads.values(), self.recipe.network.repeats == 1
        if once and fixed8.frozen_codes(self.quantised) and all(head.on == "frozen" for head in heads):
            core = cores.settle(self.core, self.quantised, self.run.exponents(), self.recipe.name, self.provenance())
            core.save(self._core_path())

    def _core_path(self):
        """Return the path of the core file that this run makes."""
        return self.run.export / f"{self.recipe.name}.npz"

    def provenance(self):
        """Return what this training is made from: recipe, seed, data and versions."""
        return {
            "recipe": self.recipe.name,
            "seed": self.recipe.seed,
            "data": f"{len(self.task.images):,} training images of {len(self.task.images.class_names)} classes",
            "versions": {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__},
        }


def digest(model):
    """Return the first 16 hexadecimal digits of the SHA-256 of all weights."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()[:16]


def build_network(recipe, input_shape, core):
    """Return the float network of a recipe: a SemifreddoNet, or one that is compared with it."""
    heads = [Head(name=name, **vars(head)) for name, head in recipe.heads.items()]
    if recipe.network.kind == "shufflenet":
        return ShuffleNetV2(input_shape, heads, recipe.network.width)
    if recipe.network.kind == "mobilenet":
        return MobileNetV2(input_shape, heads, recipe.network.width)
    return SemifreddoNet(input_shape, heads, network_options(recipe.network, core))


def network_options(settings, core):
    """Return the NetworkOptions of a recipe's network section.

    Options and keys have the same names, apart from the core and its frozen shares.

    Args:
        settings: recipe.NetworkSettings.
        core: Core or None. The core that the section names.
    """
    names = {option.name for option in dataclasses.fields(NetworkOptions)} - {"core", "shares"}
    same = {name: getattr(settings, name) for name in names}
    return NetworkOptions(**same, core=core, shares=frozen_shares(settings, core))


def frozen_shares(settings, core):
    """Return the frozen share of each of a core's layers, or None if the whole core is frozen."""
    if settings.frozen_share is not None:
        return schemes.by_depth(settings.frozen_share, schemes.depth(core))
    if settings.frozen_layers is not None:
        return schemes.first_layers(settings.frozen_layers, schemes.depth(core))
    return None
