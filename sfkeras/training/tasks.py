"""What a recipe trains the network for: the order of images, the layers and loss of training, the metrics of testing."""

import math

import numpy as np

from sfkeras.data import batches
from sfkeras.errors import RecipeError
from sfkeras.nn.layers import ClassCosines
from sfkeras.tensorflow import tf
from sfkeras.training import metrics
from sfkeras.training.losses import additive_angular_margin_loss, segmentation_loss, semi_hard_triplet_loss

keras = tf.keras
PIXELS_AT_ONCE = 1 << 21  # of the images that are measured in one go: what a network holds for them stays under 1 GB


def make(recipe, split):
    """Returns the task of a recipe for its data. Raises: RecipeError if the data do not suit it."""
    kinds = {"classification": Classification, "triplet": Triplets, "arc": ArcFaces, "segmentation": Segmentation}
    return kinds[recipe.task](recipe, split)


class Task:
    """What all tasks share.

    Attributes:
        images: data.images.LabelledImages that are trained on: of all people who take part.
        order: batches.Order of these images.
    """

    def __init__(self, recipe, split):
        self.recipe = recipe
        self.check_labels(split)
        fewest = recipe.data.min_images
        self.images = split.train.of_people_with(fewest) if fewest else split.train
        self.classes = len(self.images.names)
        self.order = self.make_order(self.images)

    def check_labels(self, split):
        """Refuses data that are not labelled as the task needs it: RecipeError."""
        if split.train.has_masks:
            raise RecipeError(
                f"task is {self.recipe.task}, but data.source {self.recipe.data.source} has a class for each pixel. "
                "Write task=segmentation."
            )

    def make_order(self, images):
        settings = self.recipe.data
        return batches.shuffled(images, settings.batch_size, self.recipe.seed, self.recipe.training.steps_per_epoch)

    def trainee(self, model):
        """Adds what only training needs behind the heads: the vector NAME.vector of each, and what the loss reads."""
        outputs = []
        for name, output in zip(self.recipe.heads, tf.nest.flatten(model.output)):
            outputs.append(self.training_output(self.vector(output, name), name))
        return keras.Model(model.input, outputs[0] if len(outputs) == 1 else outputs)

    def vector(self, output, name):
        """What is measured of one head: (batch, outputs)."""
        return keras.layers.Flatten(name=f"{name}.vector")(output)

    def training_output(self, vector, name):
        """What the loss reads, of one head's vector."""
        return vector

    def compile(self, model, optimizer):
        """Compiles a trainee; each head has the same loss."""
        metrics = self.training_metrics()
        model.compile(
            optimizer, self.loss, metrics=metrics if len(model.outputs) == 1 else [metrics] * len(model.outputs)
        )

    def training_metrics(self):
        return []

    def targets(self, images, labels):
        """Turns a batch of batches.stream into what the trainee takes."""
        heads = len(self.recipe.heads)
        return images, labels if heads == 1 else (labels,) * heads

    def evaluate(self, predict, split):
        """Measures all heads.

        Args:
            predict: function of images (batch, height, width, channels) float32 to a list of vectors, one a head.
            split: data.images.Split.
        Returns: {metric: float}; with several heads {head.metric: float}.
        """
        at_once = max(1, PIXELS_AT_ONCE // math.prod(split.test.pixels.shape[1:3]))
        vectors = [predict(images) for images, _ in batches.in_order(split.test, min(200, at_once))]
        return self.measure_all([np.concatenate(head) for head in zip(*vectors)], split)

    def measure_all(self, vectors, split):
        """As evaluate, for vectors (images, ...) of all test images, one array a head."""
        measured = {}
        for name, vector in zip(self.recipe.heads, vectors):
            prefix = f"{name}." if len(self.recipe.heads) > 1 else ""
            measured |= {prefix + metric: value for metric, value in self.measure(vector, split).items()}
        return measured

    def answers(self, vectors, split):
        """Which test cases a head answers rightly, the cases that its first metric is a share of.

        Args: as measure.
        Returns: (cases,) bool, or None where they are not independent, as the pixels of an image.
        """

    def baseline(self, split):
        """Returns {what needs no training: its metrics}, if there is such a thing."""
        return {}


class Classification(Task):
    """One logit a class, cross-entropy."""

    def __init__(self, recipe, split):
        super().__init__(recipe, split)
        for name, head in recipe.heads.items():
            if head.outputs != self.classes:
                raise RecipeError(
                    f"heads.{name}.outputs is {head.outputs}, but the images are of {self.classes} classes. "
                    f"Write heads.{name}.outputs={self.classes}."
                )

    def loss(self, labels, logits):
        smoothing = self.recipe.loss.label_smoothing
        targets = tf.one_hot(tf.reshape(labels, [-1]), self.classes, 1 - smoothing, smoothing / self.classes)
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)

    def training_metrics(self):
        return ["accuracy"]

    def measure(self, vectors, split):
        return metrics.top_k_metrics(flat(vectors), split.test.labels)

    def answers(self, vectors, split):
        return metrics.ahead_of_right(flat(vectors), split.test.labels) == 0


class Segmentation(Classification):
    """One logit a class for every 16x16 pixels, enlarged to the mask; cross-entropy of the pixels that are not void."""

    def __init__(self, recipe, split):
        super().__init__(recipe, split)
        for name, head in recipe.heads.items():
            if head.pooling:
                raise RecipeError(
                    f"heads.{name}.pooling is true, which leaves one answer an image, but task is segmentation. "
                    f"Write heads.{name}.pooling=false."
                )
        self.weights = class_weights(np.bincount(self.images.labels.ravel(), minlength=self.classes), recipe)

    def check_labels(self, split):
        if not split.train.has_masks:
            raise RecipeError(
                f"task is segmentation, but data.source {self.recipe.data.source} has one label an image. "
                "Write data.source=camvid data.root=FOLDER, or task=classification."
            )
        if self.recipe.data.min_images:
            raise RecipeError(
                "data.min_images counts the images of people, of whom segmentation has none. Leave it out."
            )

    def vector(self, output, name):
        return keras.layers.Activation("linear", name=f"{name}.vector")(output)

    def loss(self, masks, logits):
        return segmentation_loss(masks, logits, self.weights)

    def training_metrics(self):
        return []

    def measure(self, vectors, split):
        return metrics.segmentation_metrics(vectors, split.test.labels)

    def answers(self, vectors, split):
        return None

    def baseline(self, split):
        """What is seen most often at each place of the training images."""
        seen = np.stack([np.mean(self.images.labels == label, axis=0) for label in range(self.classes)], axis=-1)
        return {"position alone": self.measure(np.broadcast_to(seen, (len(split.test), *seen.shape)), split)}


class Faces(Task):
    """Embeddings that tell people apart, also people who were never seen in training."""

    def __init__(self, recipe, split):
        super().__init__(recipe, split)
        if split.pairs is None:
            raise RecipeError(
                f"task is {recipe.task}, which is tested on people who are not trained on, but the test images are of the "
                "same classes as the training images. Keep some people apart (data.test_people=10) or write "
                "task=classification."
            )

    def measure(self, vectors, split):
        return metrics.face_metrics(flat(vectors), split.test.labels, split.pairs)

    def answers(self, vectors, split):
        similarity = metrics.similarities(metrics.normalised(flat(vectors)), split.pairs)
        return metrics.judged_rightly(similarity, split.pairs.same, split.pairs.fold)

    def baseline(self, split):
        return {"raw pixels": self.measure(metrics.raw_pixels(split.test.pixels), split)}


class Triplets(Faces):
    """FaceNet's semi-hard triplets in batches of P people with K images each."""

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
    """ArcFace: each person of the training set is a class, told apart by angle with a margin."""

    def training_output(self, vector, name):
        return ClassCosines(self.classes, name=f"{name}.cosines")(vector)

    def loss(self, labels, cosines):
        settings = self.recipe.loss
        return additive_angular_margin_loss(labels, cosines, settings.scale, settings.margin, settings.label_smoothing)

    def training_metrics(self):
        return ["accuracy"]


def flat(vectors):
    """(images, ...) as (images, outputs): the integer graph gives maps of one pixel."""
    return vectors.reshape(len(vectors), -1)


def class_weights(counts, recipe):
    """Weights of the classes, and 0 for void, whose mean over all pixels is 1.

    Args:
        counts: pixels of each class, and of void behind them.
        recipe: its loss.class_balance is the power of a class's share that its weight is divided by.
    Returns: float32 (classes + 1,).
    """
    shares = np.maximum(counts[:-1], 1) / counts[:-1].sum()
    weights = shares**-recipe.loss.class_balance
    return np.append(weights / (weights @ shares), 0).astype(np.float32)
