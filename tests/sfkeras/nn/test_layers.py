"""Every layer of the package: shapes, weights, round trip, a training step, and what it computes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.nn import layers
from sfkeras.nn.freezing.core import snap
from sfkeras.nn.layers import (
    AlphaBlend,
    ChannelShuffle,
    ChannelSplit,
    ClassCosines,
    CoreShuffle,
    FrozenConv2D,
    FrozenDepthwiseConv2D,
    GreyToRGB,
)
from sfkeras.nn.quantisation import piecewise
from sfkeras.nn.quantisation.piecewise import PiecewiseLinear

keras = tf.keras
MAP = (4, 6, 8)


@dataclass
class Case:
    """A layer, the shapes that it takes and gives, and how many weights of it do and do not train."""

    make: Callable
    inputs: list
    outputs: list
    trainable: int = 0
    frozen: int = 0


CASES = {
    "blend": Case(AlphaBlend, [MAP, MAP], [MAP], trainable=8),
    "fixed blend": Case(lambda: AlphaBlend(alpha=0.5), [MAP, MAP], [MAP]),
    "blend with a start": Case(lambda: AlphaBlend(alpha_start=0.2), [MAP, MAP], [MAP], trainable=8),
    "blend in fixed8": Case(lambda: AlphaBlend(exponent=4), [MAP, MAP], [MAP], trainable=8),
    "split": Case(ChannelSplit, [MAP], [(4, 6, 4)] * 2),
    "shuffle": Case(lambda: ChannelShuffle(groups=4), [MAP], [MAP]),
    "shuffle of two cores": Case(CoreShuffle, [MAP] * 2, [MAP] * 2),
    "shuffle of three cores": Case(CoreShuffle, [MAP] * 3, [MAP] * 3),
    "shuffle that is off": Case(lambda **options: CoreShuffle(on=False, **options), [MAP] * 2, [MAP] * 2),
    "grey": Case(GreyToRGB, [(4, 6, 1)], [(4, 6, 3)]),
    "frozen convolution": Case(lambda: FrozenConv2D(6, 3, 2), [MAP], [(2, 3, 6)], frozen=3 * 3 * 8 * 6 + 6),
    "frozen depthwise": Case(lambda: FrozenDepthwiseConv2D(3, 2), [MAP], [(2, 3, 8)], frozen=3 * 3 * 8 + 8),
    "cosines": Case(lambda: ClassCosines(5), [(16,)], [(5,)], trainable=16 * 5),
    "relu": Case(lambda: PiecewiseLinear("relu"), [MAP], [MAP]),
    "sigmoid": Case(lambda: PiecewiseLinear("sigmoid"), [MAP], [MAP]),
    "own points": Case(lambda: PiecewiseLinear([(-1, 2), (0, 0), (1, 3)]), [MAP], [MAP]),
}


def random(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def fill(layer):
    """Gives a layer random weights; codes are int8."""
    for i, weight in enumerate(layer.weights):
        values = random(weight.shape, i)
        weight.assign(np.rint(values * 40) if weight.dtype == tf.int8 else np.abs(values) * 0.1)


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_no_layer_is_without_a_case():
    own = {
        kind
        for module in (layers, piecewise)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, keras.layers.Layer)
    }
    assert own == {type(case.make()) for case in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_shapes_weights_round_trip_and_a_training_step(name, tmp_path):
    case = CASES[name]
    layer = case.make()
    images = [keras.Input(shape) for shape in case.inputs]
    before = [keras.layers.Dense(shape[-1], name=f"before{i}") for i, shape in enumerate(case.inputs)]
    features = [dense(image) for dense, image in zip(before, images)]
    outputs = tf.nest.flatten(layer(features if len(features) > 1 else features[0]))
    assert [tuple(output.shape[1:]) for output in outputs] == case.outputs
    assert (count(layer.trainable_weights), count(layer.non_trainable_weights)) == (case.trainable, case.frozen)

    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()

    fill(layer)
    model = keras.Model(images, outputs)
    x = [random((2, *shape), i) for i, shape in enumerate(case.inputs)]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for now, then in zip(tf.nest.flatten(again(x)), tf.nest.flatten(model(x))):
        assert now.numpy().tobytes() == then.numpy().tobytes()

    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)  # quicker than to trace one step
    old = {weight.name: weight.numpy() for weight in model.weights}
    model.train_on_batch(x, [np.ones((2, *shape), "float32") for shape in case.outputs])
    for weight in model.trainable_weights:
        if "bias" not in weight.name:
            assert (weight.numpy() != old[weight.name]).any(), weight.name
    for weight in model.non_trainable_weights:
        assert weight.numpy().tobytes() == old[weight.name].tobytes()


# ---- AlphaBlend


@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 1])
def test_a_fixed_blend_is_equation_1(alpha):
    frozen, trainable = random((2, *MAP), 0), random((2, *MAP), 1)
    y = AlphaBlend(alpha)([frozen, trainable]).numpy()
    np.testing.assert_allclose(y, alpha * frozen + (1 - alpha) * trainable, atol=1e-6)
    if alpha in (0, 1):
        assert y.tobytes() == (frozen if alpha else trainable).tobytes()


def test_a_free_blend_is_equation_1_with_the_sigmoid_of_one_w_a_channel():
    frozen, trainable = random((2, *MAP), 0), random((2, *MAP), 1)
    blend = AlphaBlend()
    y = blend([frozen, trainable]).numpy()
    w = blend.w.numpy().astype(float)
    alpha = 1 / (1 + np.exp(-w))
    assert len(np.unique(w)) == 8, "a random start"
    np.testing.assert_allclose(y, alpha * frozen + (1 - alpha) * trainable, atol=1e-6)


@pytest.mark.parametrize("start", [0.01, 0.2, 0.5, 0.99])
def test_every_alpha_starts_where_it_is_told(start):
    for rate in 1.0, 10.0:
        blend = AlphaBlend(alpha_start=start, rate=rate)
        blend([random((1, *MAP))] * 2)
        np.testing.assert_allclose(blend.alphas(), np.full(8, start), rtol=1e-6)


def test_alphas_of_rate_10_move_ten_times_as_far_in_a_step():
    moved = {}
    for rate in 1.0, 10.0:
        blend, optimizer = AlphaBlend(alpha_start=0.5, rate=rate), tf.keras.optimizers.Adam(1e-3)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(blend([np.full((1, *MAP), 2, "float32"), np.zeros((1, *MAP), "float32")]))
        optimizer.apply_gradients([(tape.gradient(loss, blend.w), blend.w)])
        moved[rate] = 0.5 - blend.alphas().numpy()
    np.testing.assert_allclose(moved[10.0], 10 * moved[1.0], rtol=1e-2)
    assert (moved[1.0] > 0).all()


@settings(deadline=None, max_examples=30)
@given(st.one_of(st.none(), st.floats(0, 1)), st.integers(0, 7), st.integers(0, 99))
def test_a_blend_in_fixed8_stays_on_its_grid_and_near_equation_1(alpha, exponent, seed):
    frozen, trainable = random((1, *MAP), seed), random((1, *MAP), seed + 1)
    blend = AlphaBlend(alpha, exponent)
    y = blend([frozen, trainable]).numpy()
    step = 2.0**-exponent
    codes = y / step
    assert (codes == np.rint(codes)).all() and codes.min() >= -128 and codes.max() <= 127
    alphas = blend.alphas().numpy()
    expected = np.clip(alphas * frozen + (1 - alphas) * trainable, -128 * step, 127 * step)
    # Two products are rounded by half a step each; an alpha is rounded to 1/128, or kept away from 0 and 1 by as much.
    inside = np.maximum(np.abs(frozen), np.abs(trainable)) < 127 * step
    assert (np.abs(y - expected)[inside] <= (step + np.abs(frozen - trainable) / 127 + 1e-5)[inside]).all()


def test_blends_of_other_shapes_and_alphas_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"blend: the frozen features are \(1, 4, 4, 8\) and .* Expected equal"):
        AlphaBlend(name="blend")([random((1, 4, 4, 8)), random((1, 4, 4, 6))])
    with pytest.raises(ValueError, match="blend: alpha is 1.5. Expected None or a number from 0 to 1."):
        AlphaBlend(1.5, name="blend")
    for start in (0, 1, float("nan")):
        with pytest.raises(ValueError, match=f"blend: alpha_start is {start}. Expected None or a number above 0"):
            AlphaBlend(alpha_start=start, name="blend")


# ---- splits and shuffles


def test_a_split_gives_the_first_and_the_second_half():
    x = random((2, *MAP))
    passing, transformed = ChannelSplit()(x)
    assert np.array_equal(passing, x[..., :4]) and np.array_equal(transformed, x[..., 4:])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_a_shuffle_is_the_transpose_of_groups(groups, size, height, width):
    channels = groups * size
    x = random((2, height, width, channels))
    layer = ChannelShuffle(groups)
    y = layer(x).numpy()
    assert np.array_equal(y, x.reshape(2, height, width, groups, size).swapaxes(3, 4).reshape(x.shape))
    assert np.array_equal(y, x[..., layer.order(channels)])
    for group in range(groups):
        for i in range(size):
            assert np.array_equal(y[..., i * groups + group], x[..., group * size + i])


def test_two_cores_swap_halves_and_swap_them_back():
    first, second = random((2, *MAP), 0), random((2, *MAP), 1)
    swapped = CoreShuffle()([first, second])
    assert np.array_equal(swapped[0], np.concatenate([first[..., :4], second[..., 4:]], -1))
    assert np.array_equal(swapped[1], np.concatenate([second[..., :4], first[..., 4:]], -1))
    back = CoreShuffle()(swapped)
    assert np.array_equal(back[0], first) and np.array_equal(back[1], second)


@pytest.mark.parametrize("cores", [2, 3, 4])
def test_as_many_shuffles_as_there_are_cores_change_nothing(cores):
    maps = [random((1, *MAP), i) for i in range(cores)]
    shuffled = maps
    for turn in range(1, cores + 1):
        shuffled = CoreShuffle()(shuffled)
        for own in range(cores):
            assert np.array_equal(shuffled[own][..., :4], maps[own][..., :4])
            assert np.array_equal(shuffled[own][..., 4:], maps[(own + turn) % cores][..., 4:])


def test_channels_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="split: the input has 7 channels. Expected an even number."):
        ChannelSplit(name="split")(random((1, 4, 4, 7)))
    with pytest.raises(ValueError, match="shuffle: the input has 8 channels. Expected a multiple of groups, 3."):
        ChannelShuffle(3, name="shuffle")(random((1, *MAP)))
    with pytest.raises(ValueError, match="cores: the cores' features are .* Expected equal shapes with an even"):
        CoreShuffle(name="cores")([random((1, 4, 4, 7))] * 2)
    with pytest.raises(ValueError, match="cores: the cores' features are .* Expected equal shapes with an even"):
        CoreShuffle(name="cores")([random((1, 4, 4, 8)), random((1, 4, 4, 6))])


# ---- frozen convolutions and the rest


@pytest.mark.parametrize("size, strides", [(1, 1), (3, 1), (3, 2)])
def test_frozen_convolutions_are_those_of_keras_with_codes_times_scales(size, strides):
    x = random((2, 7, 6, 8))
    pairs = [
        (FrozenConv2D(5, size, strides), keras.layers.Conv2D(5, size, strides, "same", use_bias=False)),
        (FrozenDepthwiseConv2D(size, strides), keras.layers.DepthwiseConv2D(size, strides, "same", use_bias=False)),
    ]
    for frozen, plain in pairs:
        frozen(x), plain(x)
        depthwise = isinstance(frozen, FrozenDepthwiseConv2D)
        codes, scales = snap(random(plain.weights[0].shape), depthwise)
        frozen.freeze(codes, scales)
        plain.set_weights([codes * (scales[:, None] if depthwise else scales)])
        assert frozen(x).numpy().tobytes() == plain(x).numpy().tobytes()


def test_a_frozen_convolution_does_not_train_even_if_it_is_told_to():
    layer = FrozenConv2D(4)
    layer(random((1, *MAP)))
    layer.trainable = True
    assert layer.trainable_weights == []


def test_cosines_are_those_of_the_angles():
    x = random((3, 16))
    layer = ClassCosines(5)
    y = layer(x).numpy()
    kernel = layer.kernel.numpy()
    expected = x @ kernel / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    with pytest.raises(ValueError, match="cosines: classes is 1. Expected 2 or more."):
        ClassCosines(1, name="cosines")
