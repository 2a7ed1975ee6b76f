"""The order of images in an epoch, and the tf.data pipeline that makes batches of them.

An order depends on the epoch alone, and a batch on (seed, epoch, step) alone. So a training that is
killed and resumed at epoch 7 gets the same batches as one that is not killed.
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
    """Return a random order of the images, each once per epoch.

    Images that do not fill a batch are left out, other ones in each epoch.

    Args:
        images: LabelledImages or RecordedImages.
        batch_size: images per batch.
        seed: of the random order.
        steps: batches per epoch. None is as many as the images fill. Above that, the images are
            repeated in a new order.
    Raises: RecipeError if the images do not fill one batch.
    """
    if batch_size > len(images):
        raise RecipeError(
            f"data.batch_size is {batch_size}, but {images.name} has {len(images)} images. "
            f"Set data.batch_size to at most {len(images)}."
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
    """Return an order of batches of P people with K images each, for triplets.

    See Schroff et al. 2015, section 3.2.

    Args:
        people_per_batch, images_per_person: P and K.
        min_images: None: everybody takes part and must have K images. A number: people with fewer
            images are left out, and people with fewer than K images repeat some.
        steps: batches per epoch. None is as many as show each image once, on average.
    Raises: RecipeError if there are too few people or images.
    """
    people = eligible_people(images, images_per_person, min_images)
    if people_per_batch > len(people):
        raise RecipeError(
            f"data.people_per_batch is {people_per_batch}, but {len(people)} people of {images.name} take part. "
            f"Set data.people_per_batch to at most {len(people)}."
        )
    images_of = [np.flatnonzero(images.labels == person) for person in people]
    steps = steps or max(1, sum(map(len, images_of)) // (people_per_batch * images_per_person))

    def order(epoch: int) -> np.ndarray:
        random = np.random.default_rng([seed, epoch])
        chosen = [random.choice(len(people), people_per_batch, replace=False) for _ in range(steps)]
        return np.array(
            [
                np.concatenate([sample(random, images_of[person], images_per_person) for person in step])
                for step in chosen
            ]
        )

    return order


def eligible_people(images: LabelledImages, images_per_person: int, min_images: int | None) -> np.ndarray:
    """Return the labels of the people who take part.

    Raises: RecipeError if min_images is None and somebody has too few images.
    """
    counts = images.counts()
    fewer, least = np.count_nonzero(counts < images_per_person), counts.argmin()
    if min_images is None and fewer:
        fix = (
            f"Set data.images_per_person to at most {counts[least]}, or data.min_images=2 to repeat images."
            if counts[least] > 1
            else "Set data.min_images=2 to leave out people with one image."
        )
        raise RecipeError(
            f"data.images_per_person is {images_per_person}, but {fewer} of {len(counts)} people have fewer than "
            f"{images_per_person} images (fewest: {images.class_names[least]} with {counts[least]}). "
            f"{fix}"
        )
    people = np.flatnonzero(counts >= max(min_images or images_per_person, 2))  # a pair needs two images
    log.info(
        "%s: %d of %d people take part, with %d images", images.name, len(people), len(counts), counts[people].sum()
    )
    return people


def sample(random: np.random.Generator, indices: np.ndarray, count: int) -> np.ndarray:
    """Return `count` of the indices. No index is repeated before each was used once."""
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
    """Return the training batches of some epochs, prepared while the network trains.

    Args:
        images: LabelledImages or RecordedImages, of any size. They are resized to `shape`.
        order: from `shuffled` or `by_people`.
        augmentation: one of augment.AUGMENTATIONS.
        shape: (height, width, channels) of the network's input.
        seed: of the augmentation.
        epochs: range(7, 30) starts at the eighth epoch, with the same batches as range(0, 30) has
            there.
        part: (i, n) selects the i-th of n equal parts of each batch, from 0: the share of one of n
            workers.
    Returns: tf.data.Dataset of len(epochs) * steps batches: images, (batch, *shape) float32 as from
        to_input, and labels, (batch,) int32. Instead of labels there may be masks, (batch, height,
        width) uint8, moved like the images.
    Raises: RecipeError if the augmentation does not exist.
    """
    from sfkeras.data import augment
    from sfkeras.tensorflow import tf  # late, so that errors in the data appear at once

    if augmentation not in augment.AUGMENTATIONS:
        raise RecipeError(f"data.augment is {augmentation}. Expected one of {', '.join(augment.AUGMENTATIONS)}.")
    compiled = augment.compiled(augmentation, tuple(shape))
    steps, whole = order(epochs.start).shape
    number, parts = part
    batch = whole // parts

    def made():
        # The augmentation is called here and not in a dataset's map, which would trace it when the dataset
        # is made, and compile it again for each iterator.
        for epoch in epochs:
            for step, indices in enumerate(order(epoch)):
                pixels, labels = images.take(indices[number::parts])
                drawn = tf.constant([seed + (number << 32), (epoch << 32) + step], tf.int64)
                yield compiled(pixels, drawn, labels) if images.has_masks else (compiled(pixels, drawn), labels)

    signature = (
        tf.TensorSpec((batch, *shape), tf.float32),
        tf.TensorSpec((batch, *shape[:2]), tf.uint8) if images.has_masks else tf.TensorSpec((batch,), tf.int32),
    )
    batches = tf.data.Dataset.from_generator(made, output_signature=signature).prefetch(4)
    return batches.apply(tf.data.experimental.assert_cardinality(steps * len(epochs)))


@contextlib.contextmanager
def raise_recipe_errors():
    """Re-raise a RecipeError from inside tf.data, for example for an unreadable image, as a
    RecipeError.
    """
    from sfkeras.tensorflow import tf

    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"RecipeError: (.*)", str(error))
        if not found:
            raise
        raise RecipeError(found[1]) from None


def in_order(images: LabelledImages, batch_size: int):
    """Return all images once, in their own order and unchanged, for testing: a tf.data.Dataset like
    `stream`'s.
    """
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
