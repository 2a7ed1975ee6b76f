"""What a recipe trains the network for: the order of images, the layers and loss of training, the metrics of testing."""

import numpy as np
import tensorflow as tf

from sfkeras import metrics
from sfkeras.data import batches
from sfkeras.errors import RecipeError
from sfkeras.layers import ClassCosines
from sfkeras.losses import additive_angular_margin_loss, semi_hard_triplet_loss

keras = tf.keras


def make(recipe, split):
    """Returns the task of a recipe for its data. Raises: RecipeError if the data do not suit it."""
    return {"classification": Classification, "triplet": Triplets, "arc": ArcFaces}[recipe.task](recipe, split)


class Task:
    """What all tasks share.

    Attributes:
        images: data.images.LabelledImages that are trained on: of all people who take part.
        order: batches.Order of these images.
    """

    def __init__(self, recipe, split):
        self.recipe = recipe
        fewest = recipe.data.min_images
        self.images = split.train.of_people_with(fewest) if fewest else split.train
        self.classes = len(self.images.names)
        self.order = self.make_order(self.images)

    def make_order(self, images):
        settings = self.recipe.data
        return batches.shuffled(images, settings.batch_size, self.recipe.seed, self.recipe.training.steps_per_epoch)

    def trainee(self, model):
        """Adds what only training needs behind the heads: the vector NAME.vector of each, and what the loss reads."""
        outputs = []
        for name, output in zip(self.recipe.heads, tf.nest.flatten(model.output)):
            vector = keras.layers.Flatten(name=f"{name}.vector")(output)
            outputs.append(self.training_output(vector, name))
        return keras.Model(model.input, outputs[0] if len(outputs) == 1 else outputs)

    def training_output(self, vector, name):
        """What the loss reads, of one head's vector (batch, outputs)."""
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
            predict: function of images (batch, height, width, channels) float32 to a list of (batch, outputs), one a head.
            split: data.images.Split.
        Returns: {metric: float}; with several heads {head.metric: float}.
        """
        vectors = [predict(images) for images, _ in batches.in_order(split.test, 200)]
        return self.measure_all([np.concatenate(head) for head in zip(*vectors)], split)

    def measure_all(self, vectors, split):
        """As evaluate, for vectors (images, ...) of all test images, one array a head."""
        measured = {}
        for name, vector in zip(self.recipe.heads, vectors):
            prefix = f"{name}." if len(self.recipe.heads) > 1 else ""
            metrics_of_head = self.measure(vector.reshape(len(vector), -1), split)
            measured |= {prefix + metric: value for metric, value in metrics_of_head.items()}
        return measured

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
        return metrics.top_k_metrics(vectors, split.test.labels)


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
        return metrics.face_metrics(vectors, split.test.labels, split.pairs)

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
