import numpy as np
import pytest
import tensorflow as tf

from sfkeras.data import augment
from sfkeras.data.images import to_input
from sfkeras.nn.freezing.core import Core

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 24, 20, 3), np.uint8)


def run(name, shape, seed=(1, 2), pixels=PIXELS):
    return augment.compiled(name, shape)(tf.constant(pixels), tf.constant(seed, tf.int64)).numpy()


def test_without_augmentation_pixels_are_what_they_were():
    assert (run("none", (24, 20, 3)) == to_input(PIXELS)).all()


def test_an_affine_map_that_moves_nothing_enlarges_as_keys_kernel_does():
    size = (48, 40)
    layer = augment.RandomAffine(size)
    layer._random_generator = augment.Draws(tf.constant([1, 2], tf.int64))
    resized = layer(tf.constant(PIXELS, tf.float32)).numpy()
    # At twice the size each pixel lies a quarter of a source pixel beside one: the weights of Keys' kernel with a = -1.
    weights = np.array([-0.140625, 0.890625, 0.296875, -0.046875])
    row = PIXELS[0, :, :, 0].astype(float)
    along = sum(weight * row[9 + step] for step, weight in zip((-1, 0, 1, 2), weights))  # output row 19
    expected = sum(weight * along[7 + step] for step, weight in zip((-1, 0, 1, 2), weights))  # output column 15
    np.testing.assert_allclose(resized[0, 19, 15, 0], expected, atol=1e-2)


def test_an_affine_map_moves_pixels_and_repeats_the_border():
    pixels = tf.constant(PIXELS, tf.float32)
    # The output's (x, y) shows the source's (x + 3, y - 2), or in the second image (y, x) about the centre.
    shift, turn = [[20, 0, 3], [0, 24, -2]], [[0, 24, 0], [20, 0, 0]]
    moved = augment.RandomAffine((24, 20)).augment_images(pixels, tf.constant([shift, turn, shift, turn], tf.float32))
    y, x = np.mgrid[:24, :20]
    expected = PIXELS[0][np.clip(y - 2, 0, 23), np.clip(x + 3, 0, 19)]
    np.testing.assert_allclose(moved[0], expected, atol=1e-2)
    expected = PIXELS[1][np.clip(x + 2, 0, 23), np.clip(y - 2, 0, 19)]
    np.testing.assert_allclose(moved[1], expected, atol=1e-2)


@pytest.mark.parametrize("name, channels", [pytest.param("faces", 1, marks=pytest.mark.thorough), ("photos", 3)])
def test_augmentation_is_a_function_of_the_seed(name, channels):
    pixels = np.tile(PIXELS[:1, ..., :channels], (8, 1, 1, 1))
    shape = (32, 32, channels)
    first = run(name, shape, (1, 2), pixels)
    tf.random.set_seed(7)
    assert (run(name, shape, (1, 2), pixels) == first).all()
    assert (run(name, shape, (1, 3), pixels) != first).any() and (run(name, shape, (2, 2), pixels) != first).any()
    # One image eight times: each must come out in its own way.
    assert len({image.tobytes() for image in first}) == 8
    assert first.dtype == np.float32 and first.shape == (8, *shape)
    codes = first * 128
    assert (codes == np.round(codes)).all() and codes.min() >= -128 and codes.max() <= 127


def test_a_mask_moves_with_its_image():
    masks = np.repeat(np.repeat(np.random.default_rng(2).integers(0, 12, (4, 2, 2), np.uint8), 12, 1), 10, 2)  # blocks
    images = np.repeat(20.0 * masks[..., None], 3, -1)
    scene = {augment.IMAGES: tf.constant(images, tf.float32), augment.MASKS: tf.constant(masks[..., None], tf.float32)}
    draws = augment.Draws(tf.constant([5, 6], tf.int64))
    layers = [augment.RandomAffine((36, 30), 0.05, 0.2, 0.2, 0.1), augment.keras_cv.layers.RandomFlip()]
    moved = augment.program(layers, draws)(scene)
    pixels, classes = moved[augment.IMAGES][..., 0].numpy(), moved[augment.MASKS][..., 0].numpy()

    def agreement(classes):
        return np.mean(np.abs(pixels - 20 * classes) < 10)

    # At the edges of blocks the image is a mixture, but nowhere else; five pixels aside far fewer would agree.
    assert set(np.unique(classes)) <= set(np.unique(masks))
    assert agreement(classes) > 0.8 > 1.1 * agreement(np.roll(classes, 5, axis=2))


@pytest.mark.parametrize(
    "name",
    [
        "photos",
        "streets",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in ("faces", "wild_faces", "mild_photos")),
    ],
)
def test_moving_images_does_not_blur_them(name):
    """The stem of the shipped core sees the variance of clean images, channel by channel, within a few percent."""
    random = np.random.default_rng(3)
    spectrum = 1 / np.maximum(np.hypot(*np.meshgrid(*[np.fft.fftfreq(64)] * 2)), 1 / 64)  # as photos have it
    noise = np.fft.ifft2(np.fft.fft2(random.standard_normal((64, 3, 64, 64))) * spectrum).real
    noise = noise / noise.std(axis=(2, 3), keepdims=True) * 50 + 128
    pixels = tf.constant(np.clip(noise, 0, 255).transpose(0, 2, 3, 1).astype(np.uint8))
    draws = augment.Draws(tf.constant([1, 2], tf.int64))
    move = augment.AUGMENTATIONS[name](draws, (64, 64), 3)[0]
    moved = augment.program([move], draws)({augment.IMAGES: tf.cast(pixels, tf.float32)})[augment.IMAGES]
    kernel = Core.load("tiny_imagenet").float_kernel("stem").astype(np.float32)
    moved, clean = (
        tf.math.reduce_variance(tf.nn.conv2d(tf.cast(images, tf.float32), kernel, 2, "VALID"), (0, 1, 2)).numpy()
        for images in (moved, pixels)
    )
    shares = moved / clean
    assert 0.93 < np.median(shares) < 1.05, shares
    assert np.min(shares) > 0.6, shares


def test_draws_fill_their_range_and_differ():
    draws = augment.Draws(tf.constant([3, 4], tf.int64))
    between = draws.between(-2.0, 6.0)
    first, second = between((1000,)).numpy(), between((1000,)).numpy()
    assert first.min() >= -2 and first.max() < 6 and abs(first.mean() - 2) < 0.3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert not set(draws.uniform((1000,)).numpy()) & set(second)
