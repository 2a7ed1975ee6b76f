"""Augmentation of training images with keras-cv, compiled by XLA inside tf.data.

An augmentation is a pure function of (images, seed): the same seed gives the same bytes in every
process. keras-cv alone cannot guarantee this. Its factors use stateful operators whose seeds depend
on the graph, and its generators start from the machine's entropy. So every random number of every
layer comes from `Draws`.

Measured in microseconds per image on one core, in batches of 64:
- 96x96x3 with keras-cv's own layers: RandomFlip 320; RandomTranslation, RandomRotation and
  RandomZoom 430 each; brightness, contrast and cutout 455 together. Fused by XLA: RandomFlip 11;
  brightness, contrast and cutout 85.
- The three geometric layers use an operator that XLA lacks. RandomAffine, below, replaces them by
  one gather in 70.
- RandomCropAndResize, which is not vectorised, takes 170 from 32x32x3 to 64x64x3. RandomAffine
  takes 40.
- All of `faces`, with gathering and queues: 100 at 64x64x3, 210 at 96x96x3, 80 at 96x96x1. `photos`
  from 32x32x3 to 64x64x3: 130. At 1,000 images per second that is an eighth of a core or less.
  Compilation takes about 4 s per size.
"""

import contextlib
import functools
import io
import math
from collections.abc import Callable

from sfkeras.data.images import to_input
from sfkeras.tensorflow import tf

with contextlib.redirect_stdout(io.StringIO()):  # keras-cv prints a message on import
    import keras_cv

VALUES = (0, 255)
IMAGES, MASKS = "images", "segmentation_masks"  # the keys of a keras-cv scene
GREY = 128.0  # its int8 code is 0


class Draws(keras_cv.core.FactorSampler):
    """Random numbers that depend on a seed alone: the n-th draw folds n into the seed.

    keras-cv's layers use it as their random generator, through `uniform`, and as a factor sampler,
    through `between`.

    Args:
        seed: (2,) int64 tensor.
    """

    def __init__(self, seed, low=0.0, high=1.0, count=None):
        self.seed, self.low, self.high = seed, low, high
        # Where it was made: outside of the compiled programs.
        self.outside = contextlib.nullcontext if tf.executing_eagerly() else tf.compat.v1.get_default_graph().as_default
        self.count = [0] if count is None else count

    def between(self, low: float, high: float) -> "Draws":
        """Return a factor sampler over [low, high) that shares the draw counter of this one."""
        return Draws(self.seed, low, high, self.count)

    def __call__(self, shape=(), dtype="float32"):
        return self.uniform(shape, self.low, self.high, dtype)

    def uniform(self, shape, minval=0.0, maxval=1.0, dtype="float32"):
        """Return random numbers, as tf.random.Generator.uniform does."""
        self.count[0] += 1
        shape = tf.zeros(shape).shape
        with self.outside():
            numbers = uniform(shape.num_elements(), dtype)(self.seed, tf.constant(self.count[0]))
        return minval + (maxval - minval) * tf.reshape(numbers, shape)


@functools.cache
def uniform(count: int, dtype: str) -> Callable:
    """Return a function of a seed and the number of a draw to random numbers from 0 to 1, (count,).

    It is a program of its own, because XLA compiles each draw inside of another program for 0.3 s.
    """

    @tf.function(jit_compile=True, autograph=False)
    def draw(seed, number):
        folded = tf.random.experimental.stateless_fold_in(seed, number)
        return tf.random.stateless_uniform((count,), folded, dtype=dtype, alg="philox")

    return draw


class RandomAffine(keras_cv.layers.VectorizedBaseImageAugmentationLayer):
    """Rotate, zoom, stretch, shift and resize each image around its centre, in one cubic
    interpolation.

    The kernel is that of Keys (1981) with a = -1, because a bilinear kernel blurs. The variance of
    the channels of the frozen stem, as a share of that of clean images, measured on Tiny ImageNet:

        kernel      bilinear    a = -0.5    a = -0.75    a = -1
        median      0.85        0.92        0.95         0.99
        smallest    0.47        0.65        0.69         0.74

    Batch-norm statistics of blurred images cost a trained core 8 points on sharp test images.
    Pixels outside of the image repeat its border. With all ranges 0 and no change of size every
    pixel stays as it is. Masks use the nearest pixel.

    Args:
        size: (height, width) of the output.
        rotation: in turns. Angles are drawn from [-rotation, rotation).
        zoom: factors are exp of a draw from [-zoom, zoom). A factor above 1 shows more than the
            image.
        stretch: factors of the aspect ratio are exp of a draw from [-stretch, stretch).
        shift: share of height and of width. Shifts are drawn from [-shift, shift).
    Call arguments: (batch, height, width, channels), float32.
    Returns: (batch, *size, channels), float32.
    """

    def __init__(self, size, rotation=0.0, zoom=0.0, stretch=0.0, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.rotation, self.zoom, self.stretch, self.shift = rotation, zoom, stretch, shift

    def get_random_transformation_batch(self, batch_size, images=None, **kwargs):
        """Return (batch, 2, 3): maps from output positions to source pixels.

        A map takes (x, y, 1), in sides of the output from its centre, to source pixels from their
        centre.
        """
        draw = functools.partial(self._random_generator.uniform, (batch_size,))
        angle = math.tau * draw(-self.rotation, self.rotation)
        zoom, stretch = draw(-self.zoom, self.zoom), draw(-self.stretch, self.stretch) / 2
        down, right = draw(-self.shift, self.shift), draw(-self.shift, self.shift)
        height, width = images.shape[1:3]
        across, along = width * tf.exp(zoom + stretch), height * tf.exp(zoom - stretch)
        rows = [
            [tf.cos(angle) * across, -tf.sin(angle) * along, right * width],
            [tf.sin(angle) * across, tf.cos(angle) * along, down * height],
        ]
        return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=1)

    def augment_images(self, images, transformations, **kwargs):
        batch, height, width, channels = images.shape
        x, y = sources(transformations, self.size, (height, width))
        flat = tf.reshape(images, (batch, height * width, channels))
        columns, across = taps(x, width)
        rows, down = taps(y, height)
        moved = 0.0
        for row, share in zip(rows, down):
            line = sum(
                tf.gather(flat, row * width + column, batch_dims=1) * weight[..., None]
                for column, weight in zip(columns, across)
            )
            moved += line * share[..., None]
        return moved

    def augment_segmentation_masks(self, segmentation_masks, transformations, **kwargs):
        batch, height, width, _ = segmentation_masks.shape
        x, y = sources(transformations, self.size, (height, width))
        place = tf.cast(tf.round(y) * width + tf.round(x), tf.int32)
        return tf.gather(tf.reshape(segmentation_masks, (batch, height * width, 1)), place, batch_dims=1)


def sources(transformations, size: tuple[int, int], source_size: tuple[int, int]):
    """Return the source position of each output pixel: x and y, each (batch, height, width), in
    source pixels.

    Positions outside of the source are moved to its border.
    """
    u, v = tf.meshgrid(*((tf.range(side, dtype=tf.float32) + 0.5) / side - 0.5 for side in size[::-1]))
    # Not a matrix product, because XLA would not fuse that with the gather.
    a = tf.transpose(transformations, (1, 2, 0))[..., None, None]
    x, y = (a[row, 0] * u + a[row, 1] * v + a[row, 2] for row in range(2))
    height, width = source_size
    return tf.clip_by_value(x + width / 2 - 0.5, 0, width - 1), tf.clip_by_value(y + height / 2 - 0.5, 0, height - 1)


def taps(place, side: int) -> tuple[list, list]:
    """Return the four source pixels around a place along one axis, clipped to the image, and their weights."""
    first = tf.floor(place)
    beyond = place - first
    pixels = [tf.cast(tf.clip_by_value(first + step, 0, side - 1), tf.int32) for step in (-1, 0, 1, 2)]
    return pixels, [outer(1 + beyond), inner(beyond), inner(1 - beyond), outer(2 - beyond)]


def inner(distance):
    """Return the weight of a pixel at most one pixel away (Keys 1981, a = -1)."""
    return (distance - 2) * distance * distance + 1


def outer(distance):
    """Return the weight of a pixel between one and two pixels away (Keys 1981, a = -1)."""
    return ((5 - distance) * distance - 8) * distance + 4


def faces(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return the changes for aligned faces: small rotations, zooms and shifts, mirroring,
    brightness, contrast, a grey rectangle.
    """
    return [
        RandomAffine(size, rotation=0.03, zoom=0.08, shift=0.05),
        keras_cv.layers.RandomFlip(),
        keras_cv.layers.RandomBrightness(draws.between(-0.15, 0.15), VALUES),
        contrast(draws, 0.7, 1.3),
        patch(draws, 0.4),
    ]


def wild_faces(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return the changes for a few faces in any light: as `faces`, but stronger, with stretches and
    weaker colours.

    So the network cannot recognise a photo by its tint or its frame.
    """
    return [
        RandomAffine(size, rotation=0.04, zoom=0.15, stretch=0.1, shift=0.08),
        keras_cv.layers.RandomFlip(),
        keras_cv.layers.RandomBrightness(draws.between(-0.25, 0.25), VALUES),
        contrast(draws, 0.5, 1.5),
        *fade(draws, 1.0, channels),
        patch(draws, 0.5),
    ]


def photos(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return the changes for photos of objects: as `faces`, with more zoom and stretch, less
    rotation, and weaker colours.
    """
    return [
        RandomAffine(size, rotation=0.02, zoom=0.3, stretch=0.2, shift=0.1),
        keras_cv.layers.RandomFlip(),
        keras_cv.layers.RandomBrightness(draws.between(-0.12, 0.12), VALUES),
        contrast(draws, 0.7, 1.3),
        *fade(draws, 0.5, channels),
        patch(draws, 0.4),
    ]


def mild_photos(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return the changes for photos of objects and a network too small to learn them by heart.

    As `photos`, with a third of the zoom, and without rectangles.
    """
    return [
        RandomAffine(size, zoom=0.1, stretch=0.1, shift=0.08),
        keras_cv.layers.RandomFlip(),
        keras_cv.layers.RandomBrightness(draws.between(-0.12, 0.12), VALUES),
        contrast(draws, 0.8, 1.2),
        *fade(draws, 0.3, channels),
    ]


def streets(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return the changes for scenes with a mask: zooms and shifts without rotation, mirroring,
    brightness, contrast and colours.
    """
    return [
        RandomAffine(size, zoom=0.25, stretch=0.1, shift=0.1),
        keras_cv.layers.RandomFlip(),
        keras_cv.layers.RandomBrightness(draws.between(-0.12, 0.12), VALUES),
        contrast(draws, 0.7, 1.3),
        *fade(draws, 0.5, channels),
    ]


def none(draws: Draws, size: tuple[int, int], channels: int) -> list:
    """Return no change but the resizing."""
    return [RandomAffine(size)]


def contrast(draws: Draws, low: float, high: float):
    """Return keras-cv's RandomContrast, with our sampler in place of its own."""
    layer = keras_cv.layers.RandomContrast(VALUES, 0.0)
    layer.factor = draws.between(low, high)
    return layer


def fade(draws: Draws, most: float, channels: int) -> list:
    """Return a layer that weakens colours by a share up to `most`, in a list.

    For grey images the list is empty.
    """
    return [keras_cv.layers.RandomColorDegeneration(draws.between(0, most))] if channels == 3 else []


def patch(draws: Draws, side: float):
    """Return a layer that covers a rectangle with grey, which is the network's input 0.

    Args:
        side: largest side of the rectangle, as a share of the image's side.
    """
    return keras_cv.layers.RandomCutout(draws.between(0, side), draws.between(0, side), fill_value=GREY)


AUGMENTATIONS = {
    "faces": faces,
    "wild_faces": wild_faces,
    "photos": photos,
    "mild_photos": mild_photos,
    "streets": streets,
    "none": none,
}


@functools.cache
def compiled(name: str, shape: tuple[int, int, int]) -> Callable:
    """Return an augmentation, traced and compiled once per process for each batch shape.

    Args:
        name: one of AUGMENTATIONS.
        shape: (height, width, channels) of the network's input.
    Returns: function of images, (batch, height, width, channels) uint8 with a static shape, and
        seed, (2,) int64. It returns the network's input, (batch, *shape) float32, rounded to the
        int8 codes of deployment. Given masks too, (batch, height, width) uint8, it returns (images,
        masks), moved in the same way.
    """

    @tf.function(autograph=False)
    def augment(images, seed, masks=None):
        draws = Draws(seed)
        move, *change = AUGMENTATIONS[name](draws, shape[:2], shape[2])
        scene = {IMAGES: images} if masks is None else {IMAGES: images, MASKS: masks[..., None]}
        # Two programs: in one, XLA would compute each moved pixel again for every use of it.
        scene = program(change, draws, to_codes_grid)(program([move], draws)(scene))
        return scene[IMAGES] if masks is None else (scene[IMAGES], tf.cast(scene[MASKS][..., 0], masks.dtype))

    return augment


def program(layers: list, draws: Draws, last: Callable = tf.identity) -> Callable:
    """Return one XLA program that applies the layers to a scene, and then `last` to its images."""

    @tf.function(jit_compile=True, autograph=False)
    def run(scene):
        for layer in layers:
            layer._random_generator = draws  # documented by keras-cv's base layer
            scene = layer(scene)
        return {**scene, IMAGES: last(scene[IMAGES])}

    return run


def to_codes_grid(images):
    """Return network input whose values are exactly int8 codes."""
    return to_input(tf.clip_by_value(tf.round(images), *VALUES))
