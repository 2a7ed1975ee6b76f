"""Tasks: the order of images, the layers and the loss of training, and the metrics of testing."""

import math

import numpy as np

from sfkeras.data import batches
from sfkeras.data.pairs import balanced
from sfkeras.errors import RecipeError
from sfkeras.nn.layers import ClassCosines
from sfkeras.tensorflow import tf
from sfkeras.training import metrics
from sfkeras.training.optimisation.losses import additive_angular_margin_loss, segmentation_loss, semi_hard_triplet_loss

keras = tf.keras
PIXELS_AT_ONCE = 1 << 21  # per batch of test images: a network then needs less than 1 GB for its maps


def make_task(recipe, split):
    """Return the task of a recipe for its data. Raises: RecipeError if the data do not suit it."""
    kinds = {"classification": Classification, "triplet": Triplets, "arc": ArcFaces, "segmentation": Segmentation}
    return kinds[recipe.task](recipe, split)


class Task:
    """What all tasks have in common.

    Args:
        recipe: Recipe.
        split: data.split.Split.
    Attributes:
        images: LabelledImages to train on, of all people who take part.
        classes: number of classes or people.
        order: batches.Order of these images.
        has_threshold: whether outputs are compared with a threshold.
    """

    has_threshold = False

    def __init__(self, recipe, split):
        self.recipe = recipe
        self.check_labels(split)
        fewest = recipe.data.min_images
        self.images = split.train.with_min_images(fewest) if fewest else split.train
        self.classes = len(self.images.class_names)
        self.order = self.make_order(self.images)

    def check_labels(self, split):
        """Refuse data without the labels that the task needs. Raises: RecipeError."""
        if split.train.has_masks:
            raise RecipeError(
                f"task is {self.recipe.task}, but data.source {self.recipe.data.source} has one class per pixel. "
                "Write task=segmentation."
            )

    def meaning(self):
        """Return what each output of the network stands for, as fields of export.graph.meaning.Meaning."""
        raise NotImplementedError

    def make_order(self, images):
        """Return the order in which the images are trained on."""
        settings = self.recipe.data
        return batches.shuffled(images, settings.batch_size, self.recipe.seed, self.recipe.training.steps_per_epoch)

    def training_model(self, model):
        """Return a model with the outputs that training needs after the heads.

        The layer NAME.output of each head has its measured output.
        """
        outputs = []
        for name, output in zip(self.recipe.heads, tf.nest.flatten(model.output)):
            outputs.append(self.training_output(self.measured_output(output, name), name))
        return keras.Model(model.input, outputs[0] if len(outputs) == 1 else outputs)

    def measured_output(self, output, name):
        """Return the measured output of one head: (batch, outputs)."""
        return keras.layers.Flatten(name=f"{name}.output")(output)

    def training_output(self, output, name):
        """Return the input of the loss, from the measured output of one head."""
        return output

    def compile(self, model, optimizer):
        """Compile a training model. Each head has the same loss."""
        metrics = self.training_metrics()
        model.compile(
            optimizer, self.loss, metrics=metrics if len(model.outputs) == 1 else [metrics] * len(model.outputs)
        )

    def loss(self, labels, outputs):
        """Return the loss of a batch, float32: a scalar, or one number per image or pixel."""
        raise NotImplementedError

    def training_metrics(self):
        """Return the Keras metrics that training prints."""
        return []

    def targets(self, images, labels):
        """Return a batch of batches.stream as inputs and targets of the training model."""
        heads = len(self.recipe.heads)
        return images, labels if heads == 1 else (labels,) * heads

    def evaluate(self, predict, split):
        """Measure all heads.

        Args:
            predict: function of images (batch, height, width, channels), float32, to a list of
                arrays, one per head: its measured outputs.
            split: data.split.Split.
        Returns: {metric: float}; with several heads {head.metric: float}.
        """
        at_once = max(1, PIXELS_AT_ONCE // math.prod(split.test.pixels.shape[1:3]))
        outputs = [predict(images) for images, _ in batches.in_order(split.test, min(200, at_once))]
        return self.measure_all([np.concatenate(head) for head in zip(*outputs)], split)

    def measure_all(self, outputs, split):
        """Measure all heads on their outputs for all test images.

        Args:
            outputs: list of arrays (images, ...), one per head.
            split: data.split.Split.
        Returns: as evaluate.
        """
        measured = {}
        for name, output in zip(self.recipe.heads, outputs):
            prefix = f"{name}." if len(self.recipe.heads) > 1 else ""
            measured |= {prefix + metric: value for metric, value in self.measure(output, split).items()}
        return measured

    def measure(self, outputs, split):
        """Return the metrics of one head: {metric: float}. Args: as correct_cases."""
        raise NotImplementedError

    def correct_cases(self, outputs, split):
        """Return which test cases a head gets right: the cases whose share is its first metric.

        Args:
            outputs: (images, ...), the head's outputs for all test images.
            split: data.split.Split.
        Returns: (cases,) bool, or None if the cases are not independent, such as the pixels of an
            image.
        """

    def baseline(self, split):
        """Return {name: metrics} of a method that needs no training, if there is one."""
        return {}

    def error_rates(self, outputs, split, threshold):
        """Return {name: share} of the wrong test cases at a threshold, if the task has one."""
        return {}


class Classification(Task):
    """One logit per class, cross-entropy."""

    def meaning(self):
        names = ("".join(c if c.isprintable() else "?" for c in name) for name in self.images.class_names)
        return {"task": "classification", "classes": tuple(names)}

    def __init__(self, recipe, split):
        super().__init__(recipe, split)
        for name, head in recipe.heads.items():
            if head.outputs != self.classes:
                raise RecipeError(
                    f"heads.{name}.outputs is {head.outputs}, but the images have {self.classes} classes. "
                    f"Write heads.{name}.outputs={self.classes}."
                )

    def loss(self, labels, logits):
        smoothing = self.recipe.loss.label_smoothing
        targets = tf.one_hot(tf.reshape(labels, [-1]), self.classes, 1 - smoothing, smoothing / self.classes)
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)

    def training_metrics(self):
        return ["accuracy"]

    def measure(self, outputs, split):
        return metrics.top_k_metrics(flatten(outputs), split.test.labels)

    def correct_cases(self, outputs, split):
        return metrics.label_ranks(flatten(outputs), split.test.labels) == 0


class Segmentation(Classification):
    """One logit per class for each 16x16 pixels, enlarged to the mask; cross-entropy of the pixels
    that are not void.
    """

    def meaning(self):
        return {**super().meaning(), "task": "segmentation"}

    def __init__(self, recipe, split):
        super().__init__(recipe, split)
        for name, head in recipe.heads.items():
            if head.pooling:
                raise RecipeError(
                    f"heads.{name}.pooling is true, so the head has one output per image, but task is segmentation. "
                    f"Write heads.{name}.pooling=false."
                )
        self.weights = class_weights(np.bincount(self.images.labels.ravel(), minlength=self.classes), recipe)

    def check_labels(self, split):
        if not split.train.has_masks:
            raise RecipeError(
                f"task is segmentation, but data.source {self.recipe.data.source} has one label per image. "
                "Write data.source=camvid data.root=FOLDER, or task=classification."
            )
        if self.recipe.data.min_images:
            raise RecipeError(
                "data.min_images is set, but the images of segmentation are not grouped by person. Write data.min_images=null."
            )

    def measured_output(self, output, name):
        return keras.layers.Activation("linear", name=f"{name}.output")(output)

    def loss(self, masks, logits):
        return segmentation_loss(masks, logits, self.weights)

    def training_metrics(self):
        return []

    def measure(self, outputs, split):
        return metrics.segmentation_metrics(outputs, split.test.labels)

    def correct_cases(self, outputs, split):
        return None

    def baseline(self, split):
        """Predict for each pixel the class that is most frequent there in the training images."""
        seen = np.stack([np.mean(self.images.labels == label, axis=0) for label in range(self.classes)], axis=-1)
        return {"position alone": self.measure(np.broadcast_to(seen, (len(split.test), *seen.shape)), split)}


class Faces(Task):
    """Embeddings that distinguish people, including people who are not in the training images."""

    has_threshold = True

    def meaning(self):
        return {"task": "faces"}

    def check_labels(self, split):
        super().check_labels(split)
        if split.pairs is None:
            raise RecipeError(
                f"task is {self.recipe.task}, whose test people must not be training people, but the test images have the same "
                f"classes as the training images. {self.fix(len(split.train.class_names))}"
            )

    def fix(self, people):
        """Return what to do if training and test people are the same, as a sentence."""
        heads = " ".join(f"heads.{name}.outputs={people}" for name in self.recipe.heads)
        classify = f"task=classification {heads}"
        if self.recipe.data.source != "folder":
            return f"Write {classify}."
        if self.recipe.data.test_people or people < 4:  # the folder is split, or has too few to keep some
            return f"Put images of other people into the folder's test part, or write {classify}."
        return f"Write data.test_people={min(10, people - 2)}, or write {classify}."

    def measure(self, outputs, split):
        return metrics.face_metrics(flatten(outputs), split.test.labels, split.pairs)

    def correct_cases(self, outputs, split):
        similarity = metrics.similarities(metrics.normalised(flatten(outputs)), split.pairs)
        return metrics.correct_pairs(similarity, split.pairs.same, split.pairs.fold)

    def baseline(self, split):
        return {"raw pixels": self.measure(metrics.raw_pixels(split.test.pixels), split)}

    def threshold(self, embeddings, labels):
        """Return the cosine from which on two embeddings count as one person, or None if there are too few images.

        It is the one with the most correct pairs: of all pairs of one person, and as many of two.

        Args:
            embeddings: (images, dimensions), of training images, so that test people play no part in it.
            labels: (images,), int: the person in each.
        """
        try:
            pairs = balanced(labels, "the training people")
        except RecipeError:
            return None
        return metrics.best_threshold(metrics.similarities(metrics.normalised(embeddings), pairs), pairs.same)

    def error_rates(self, outputs, split, threshold):
        """Return metrics.error_rates of the test pairs at a cosine. Args: as correct_cases."""
        similarity = metrics.similarities(metrics.normalised(flatten(outputs)), split.pairs)
        return metrics.error_rates(similarity, split.pairs.same, threshold)


class Triplets(Faces):
    """FaceNet's semi-hard triplets, in batches of P people with K images each."""

    def make_order(self, images):
        settings = self.recipe.data
        return batches.by_people(
            images,
            settings.people_per_batch,
            settings.images_per_person,
            self.recipe.seed,
            settings.min_images,
            self.recipe.training.steps_per_epoch,
        )

    def loss(self, labels, embeddings):
        return semi_hard_triplet_loss(labels, embeddings, self.recipe.loss.margin)


class ArcFaces(Faces):
    """ArcFace: each person of the training set is a class, separated by an angular margin."""

    def training_output(self, output, name):
        return ClassCosines(self.classes, name=f"{name}.cosines")(output)

    def loss(self, labels, cosines):
        settings = self.recipe.loss
        return additive_angular_margin_loss(labels, cosines, settings.scale, settings.margin, settings.label_smoothing)

    def training_metrics(self):
        return ["accuracy"]


def flatten(outputs):
    """Return (images, ...) as (images, outputs). The integer graph returns maps of one pixel."""
    return outputs.reshape(len(outputs), -1)


def class_weights(counts, recipe):
    """Return the loss weights of the classes, and 0 for void. Their mean over all pixels is 1.

    Args:
        counts: number of pixels per class, then of void.
        recipe: loss.class_balance is the power p in weight = share ** -p, with a class's share of
            the pixels.
    Returns: float32 (classes + 1,).
    """
    shares = np.maximum(counts[:-1], 1) / counts[:-1].sum()
    weights = shares**-recipe.loss.class_balance
    return np.append(weights / (weights @ shares), 0).astype(np.float32)
