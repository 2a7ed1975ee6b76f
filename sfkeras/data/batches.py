"""The order of images in an epoch, and the tf.data pipeline that turns it into batches.

An order is a function of the epoch alone, and a batch one of (seed, epoch, step) alone, whatever was run before: a
training that is killed and goes on at epoch 7 meets the batches that it would have met.
"""

import contextlib
import logging
import re
from collections.abc import Callable

import numpy as np

from sfkeras.data.images import LabelledImages, to_input
from sfkeras.errors import RecipeError

log = logging.getLogger(__name__)

# Epoch to (steps, batch size), indices of images.
Order = Callable[[int], np.ndarray]


def shuffled(images: LabelledImages, batch_size: int, seed: int, steps: int | None = None) -> Order:
    """Each image once an epoch, in random order; those that fill no batch are left out, others in each epoch.

    Args:
        steps: batches an epoch; None: as many as the images fill. With more, the images come in a new order again.
    Raises: RecipeError if the images do not fill one batch.
    """
    if batch_size > len(images):
        raise RecipeError(
            f"data.batch_size is {batch_size}, but {images.called} has {len(images)} images. "
            f"Lower batch_size to at most {len(images)}."
        )
    steps = steps or len(images) // batch_size

    def order(epoch: int) -> np.ndarray:
        random = np.random.default_rng([seed, epoch])
        passes = -(-steps * batch_size // len(images))
        indices = np.concatenate([random.permutation(len(images)) for _ in range(passes)])
        return indices[: steps * batch_size].reshape(steps, batch_size)

    return order


def by_people(
    images: LabelledImages,
    people_per_batch: int,
    images_per_person: int,
    seed: int,
    min_images: int | None = None,
    steps: int | None = None,
) -> Order:
    """Batches of P people with K images each, for triplets (Schroff et al. 2015, section 3.2).

    Args:
        people_per_batch, images_per_person: P and K.
        min_images: None: everybody takes part and must have K images. A number: who has fewer images takes no part, and
            who has fewer than K shows some of them twice.
        steps: batches an epoch; None: as many as would show each image of those who take part once.
    Raises: RecipeError if people or images are too few.
    """
    people = taking_part(images, images_per_person, min_images)
    if people_per_batch > len(people):
        raise RecipeError(
            f"data.people_per_batch is {people_per_batch}, but {len(people)} people of {images.called} take part. "
            f"Lower people_per_batch to at most {len(people)}."
        )
    images_of = [np.flatnonzero(images.labels == person) for person in people]
    steps = steps or max(1, sum(map(len, images_of)) // (people_per_batch * images_per_person))

    def order(epoch: int) -> np.ndarray:
        random = np.random.default_rng([seed, epoch])
        chosen = [random.choice(len(people), people_per_batch, replace=False) for _ in range(steps)]
        return np.array(
            [np.concatenate([draw(random, images_of[person], images_per_person) for person in step]) for step in chosen]
        )

    return order


def taking_part(images: LabelledImages, images_per_person: int, min_images: int | None) -> np.ndarray:
    """The labels of the people who take part. Raises: RecipeError if min_images is None and somebody has too few."""
    counts = images.counts()
    fewer, least = np.count_nonzero(counts < images_per_person), counts.argmin()
    if min_images is None and fewer:
        mend = f"Lower images_per_person to at most {counts[least]}, or let images repeat by data.min_images=2."
        raise RecipeError(
            f"data.images_per_person is {images_per_person}, but {fewer} of {len(counts)} people have fewer than "
            f"{images_per_person} images (fewest: {images.names[least]} with {counts[least]}). "
            + (mend if counts[least] > 1 else "Leave out who has one image by data.min_images=2.")
        )
    people = np.flatnonzero(counts >= max(min_images or images_per_person, 2))  # one image makes no pair
    log.info(
        "%s: %d of %d people take part, with %d images", images.called, len(people), len(counts), counts[people].sum()
    )
    return people


def draw(random: np.random.Generator, indices: np.ndarray, count: int) -> np.ndarray:
    """So many of the indices: all different if there are enough, else each of them before one comes again."""
    passes = -(-count // len(indices))
    return np.concatenate([random.permutation(indices) for _ in range(passes)])[:count]


def stream(
    images: LabelledImages,
    order: Order,
    augmentation: str,
    shape: tuple[int, int, int],
    seed: int,
    epochs: range,
    part: tuple[int, int] = (0, 1),
):
    """Training batches of some epochs, one after another, made ready while the network trains.

    Args:
        images: LabelledImages or RecordedImages, of any size; they are resized to `shape`.
        order: from `shuffled` or `by_people`.
        augmentation: one of augment.AUGMENTATIONS.
        shape: (height, width, channels) of the network's input.
        epochs: range(7, 30) begins at the eighth epoch, with the batches that range(0, 30) has there.
        part: (i, n) gives the i-th of n equal parts of each batch, counted from 0: what one of n workers trains on.
    Returns: a tf.data.Dataset of len(epochs) * steps batches: images, (batch, *shape) float32 as from to_input, and
        labels, (batch,) int32; or masks, (batch, height, width) uint8, moved as the images are.
    Raises: RecipeError if there is no such augmentation.
    """
    from sfkeras.data import augment
    from sfkeras.tensorflow import tf  # late: errors in the data are told without it

    if augmentation not in augment.AUGMENTATIONS:
        raise RecipeError(f"data.augment is {augmentation}, wanted one of {', '.join(augment.AUGMENTATIONS)}.")
    compiled = augment.compiled(augmentation, tuple(shape))
    steps, whole = order(epochs.start).shape
    number, parts = part
    batch = whole // parts

    def plan():
        for epoch in epochs:
            for step, indices in enumerate(order(epoch)):
                yield indices[number::parts], np.array([seed + (number << 32), (epoch << 32) + step])

    kinds = (tf.uint8, tf.uint8 if images.has_masks else tf.int32)

    @tf.autograph.experimental.do_not_convert
    def make(indices, seed):
        pixels, labels = tf.numpy_function(images.take, [indices], kinds, stateful=False)
        pixels = tf.ensure_shape(pixels, (batch, *images.shape))
        labels = tf.ensure_shape(labels, (batch, *images.shape[:2]) if images.has_masks else (batch,))
        return compiled(pixels, seed, labels) if images.has_masks else (compiled(pixels, seed), labels)

    signature = (tf.TensorSpec((batch,), tf.int64), tf.TensorSpec((2,), tf.int64))
    batches = tf.data.Dataset.from_generator(plan, output_signature=signature).map(make, num_parallel_calls=1)
    return batches.prefetch(4).apply(tf.data.experimental.assert_cardinality(steps * len(epochs)))


@contextlib.contextmanager
def told():
    """Lets a RecipeError that is raised inside of tf.data, for an image that cannot be read, come out as it was."""
    from sfkeras.tensorflow import tf

    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"RecipeError: (.*)", str(error))
        if not found:
            raise
        raise RecipeError(found[1]) from None


def in_order(images: LabelledImages, batch_size: int):
    """All images once, in their own order and as they are, for testing: a tf.data.Dataset like `stream`'s."""
    from sfkeras.tensorflow import tf

    def plan():
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            yield to_input(images.pixels[rows]), images.labels[rows]

    signature = tuple(
        tf.TensorSpec((None, *array.shape[1:]), dtype)
        for array, dtype in ((images.pixels, tf.float32), (images.labels, images.labels.dtype))
    )
    batches = tf.data.Dataset.from_generator(plan, output_signature=signature).prefetch(2)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-len(images) // batch_size)))
