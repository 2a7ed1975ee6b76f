"""Rejuvenation: a channel that was killed on purpose lives again, and a healthy one is never touched."""

import numpy as np
import pytest
import tensorflow as tf  # after sfkeras, which selects Keras 2

from sfkeras.nn.freezing.rejuvenation import Rejuvenation, convolutions_with_batch_norm, trainable_kernel, unwrapped
from sfkeras.nn.layers import FrozenConv2D, FrozenDepthwiseConv2D
from sfkeras.nn.quantisation.fixed8 import quantise

layers = tf.keras.layers
DEAD = 2
THRESHOLD = 1e-3
IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 8)).astype("float32")
LABELS = IMAGES.mean(axis=(1, 2, 3), keepdims=False)[:, None] * 10


def network(*convolutions):
    """Convolutions, each with a quick batch-norm, and a head."""
    x = image = tf.keras.Input((8, 8, 8))
    for convolution in convolutions:
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.1)(convolution(x)))
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return tf.keras.Model(image, layers.Flatten()(layers.Conv2D(1, 1, name="head")(x)))


def compiled(model, optimizer="adam", in_graph=False):
    model.compile(optimizer=optimizer, loss="mse", run_eagerly=not in_graph)
    return model


def pairs(model):
    return {unwrapped(layer).name: (layer, batch_norm) for layer, batch_norm in convolutions_with_batch_norm(model)}


def kill(model, name="convolution"):
    """Sets one channel's kernel to zero, and its batch-norm so that no gradient brings it back."""
    layer, batch_norm = pairs(model)[name]
    kernel = trainable_kernel(layer)
    array = kernel.numpy()
    array.reshape(-1, batch_norm.moving_variance.shape[0])[:, DEAD] = 0
    kernel.assign(array)
    beta = batch_norm.beta.numpy()
    beta[DEAD] = -5
    batch_norm.beta.assign(beta)


def fit(model, callback, epochs=1, **kwargs):
    return model.fit(IMAGES, LABELS, batch_size=4, epochs=epochs, callbacks=[callback], verbose=0, **kwargs)


def channels(variable, count):
    return variable.numpy().reshape(-1, count)


def slot_of(slot, variable):
    return slot.name.endswith(f"/{variable.name}")


class Before(Rejuvenation):
    """Remembers every variable as it was before the channels were revived."""

    def on_epoch_end(self, epoch, logs=None):
        self.before = {v.name: v.numpy() for v in self.model.weights + self.model.optimizer.variables}
        super().on_epoch_end(epoch, logs)


CONVOLUTIONS = {
    "pointwise": lambda: layers.Conv2D(8, 1, use_bias=False, name="convolution"),
    "3x3": lambda: layers.Conv2D(8, 3, padding="same", name="convolution"),
    "grouped": lambda: layers.Conv2D(8, 1, groups=4, use_bias=False, name="convolution"),
    "depthwise": lambda: layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="convolution"),
    "depthwise with multiplier": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, name="convolution"),
}
OPTIMIZERS = {
    "adam": tf.keras.optimizers.Adam,
    "adamw": tf.keras.optimizers.AdamW,
    "sgd": lambda: tf.keras.optimizers.SGD(0.01, momentum=0.9),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_revives_the_dead_channel_and_touches_nothing_else(kind, capsys):
    model = compiled(network(CONVOLUTIONS[kind]()))
    kill(model)
    callback = Before(THRESHOLD, seed=3)
    history = fit(model, callback)
    layer, batch_norm = pairs(model)["convolution"]
    kernel, count = trainable_kernel(layer), batch_norm.moving_variance.shape[0]

    assert callback.revived == {0: {"convolution": [DEAD]}} and callback.reported == {0: {}}
    assert history.history["revived"] == [1]
    assert "epoch 1: revived 1 channel: convolution 2" in capsys.readouterr().out
    assert channels(kernel, count)[:, DEAD].all()
    state = [batch_norm.gamma, batch_norm.beta, batch_norm.moving_mean, batch_norm.moving_variance]
    assert [variable.numpy()[DEAD] for variable in state] == [1, 0, 0, 1]

    renewed = {variable.name for variable in (kernel, *state)}
    for variable in model.weights + model.optimizer.variables:
        now, before = variable.numpy(), callback.before[variable.name]
        if variable.name in renewed or any(slot_of(variable, renewed_one) for renewed_one in (kernel, *state[:2])):
            now, before = (np.delete(array.reshape(-1, count), DEAD, axis=1) for array in (now, before))
        assert now.tobytes() == before.tobytes(), variable.name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_clears_the_optimizer_slots_of_the_dead_channel(name):
    model = compiled(network(CONVOLUTIONS["pointwise"]()), OPTIMIZERS[name](), in_graph=True)
    fit(model, tf.keras.callbacks.Callback())  # fills the slots
    kill(model)
    callback = Before(THRESHOLD)
    fit(model, callback)
    kernel = trainable_kernel(pairs(model)["convolution"][0])
    slots = [slot for slot in model.optimizer.variables if slot_of(slot, kernel)]
    assert len(slots) == {"adam": 2, "adamw": 2, "sgd": 1}[name]
    for slot in slots:
        assert callback.before[slot.name].reshape(-1, 8)[:, DEAD].any()
        assert not channels(slot, 8)[:, DEAD].any()
        assert np.delete(channels(slot, 8), DEAD, axis=1).any()


def test_a_revived_channel_learns():
    model = compiled(network(CONVOLUTIONS["3x3"]()))
    kill(model)
    fit(model, Rejuvenation(THRESHOLD))
    layer, batch_norm = pairs(model)["convolution"]
    fresh = channels(layer.kernel, 8)[:, DEAD].copy()
    callback = Rejuvenation(THRESHOLD)
    fit(model, callback, epochs=2)
    assert callback.revived == {0: {}, 1: {}}
    assert (channels(layer.kernel, 8)[:, DEAD] != fresh).all()
    assert batch_norm.moving_variance.numpy()[DEAD] > THRESHOLD


def test_healthy_channels_train_as_if_it_were_not_there():
    def trained(*callbacks):
        tf.keras.utils.set_random_seed(1)
        model = compiled(network(CONVOLUTIONS["3x3"]()))
        model.fit(IMAGES, LABELS, batch_size=4, epochs=2, shuffle=False, callbacks=[*callbacks], verbose=0)
        return b"".join(weight.tobytes() for weight in model.get_weights())

    assert trained(Rejuvenation(THRESHOLD)) == trained()


def test_same_seed_and_epoch_draw_the_same_weights_and_others_do_not():
    def drawn(seed, epoch):
        model = compiled(network(CONVOLUTIONS["3x3"]()))
        kill(model)
        fit(model, Rejuvenation(THRESHOLD, seed), epochs=epoch + 1, initial_epoch=epoch)
        return channels(pairs(model)["convolution"][0].kernel, 8)[:, DEAD].tobytes()

    assert drawn(1, 0) == drawn(1, 0)
    assert len({drawn(1, 0), drawn(2, 0), drawn(1, 1)}) == 3


def test_new_weights_have_the_scale_of_the_initialiser():
    model = compiled(network(layers.Conv2D(64, 3, kernel_initializer="he_normal", name="convolution")))
    layer, _ = pairs(model)["convolution"]
    healthy = layer.kernel.numpy().std()
    fit(model, Rejuvenation(threshold=1e9))
    assert layer.kernel.numpy().std() == pytest.approx(healthy, rel=0.1)


def frozen_by_flag():
    return layers.Conv2D(8, 1, use_bias=False, name="convolution", trainable=False, kernel_initializer="zeros")


@pytest.mark.parametrize(
    "frozen",
    [frozen_by_flag, lambda: FrozenConv2D(8, name="convolution"), lambda: FrozenDepthwiseConv2D(name="convolution")],
)
def test_frozen_channels_are_only_reported_and_once(frozen, capsys):
    model = compiled(network(frozen()))
    callback = Before(THRESHOLD)
    fit(model, callback, epochs=2)
    every = {"convolution": list(range(8))}
    assert callback.reported == {0: every, 1: every} and callback.revived == {0: {}, 1: {}}
    assert capsys.readouterr().out.count("nearly dead, not revived: 8 channels: convolution 0, 1, 2") == 1
    for variable in model.weights + model.optimizer.variables:
        assert variable.numpy().tobytes() == callback.before[variable.name].tobytes()


def test_from_until_on_channels_are_only_reported():
    model = compiled(network(CONVOLUTIONS["3x3"]()))
    kill(model)
    callback = Rejuvenation(THRESHOLD, until=0)
    history = fit(model, callback)
    assert callback.reported == {0: {"convolution": [DEAD]}} and history.history["revived"] == [0]


def test_without_a_step_nothing_is_revived():
    model = compiled(network(CONVOLUTIONS["3x3"]()))
    _, batch_norm = pairs(model)["convolution"]
    batch_norm.moving_variance.assign(np.zeros(8))
    callback = Rejuvenation(THRESHOLD)
    callback.set_model(model)
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, logs := {})
    assert callback.revived == {0: {}} and logs == {"revived": 0}


def test_batch_norm_that_does_not_train_is_left_alone():
    model = network(CONVOLUTIONS["3x3"]())
    _, batch_norm = pairs(model)["convolution"]
    batch_norm.trainable = False
    batch_norm.moving_variance.assign(np.zeros(8))
    callback = Rejuvenation(THRESHOLD)
    fit(compiled(model), callback)
    assert callback.revived == callback.reported == {0: {}}


def test_batch_norm_without_gamma_and_beta():
    x = image = tf.keras.Input((8, 8, 8))
    x = layers.Conv2D(8, 1, use_bias=False, kernel_initializer="zeros", name="convolution")(x)
    x = layers.BatchNormalization(momentum=0.1, center=False, scale=False)(x)
    model = compiled(tf.keras.Model(image, layers.GlobalAveragePooling2D()(x)))
    callback = Rejuvenation(THRESHOLD)
    model.fit(IMAGES, np.zeros((16, 8)), batch_size=4, callbacks=[callback], verbose=0)
    assert callback.revived == {0: {"convolution": list(range(8))}}


def test_finds_the_convolution_in_a_nested_model():
    inner = network(CONVOLUTIONS["3x3"]())
    image = tf.keras.Input((8, 8, 8))
    model = compiled(tf.keras.Model(image, inner(image)))
    kill(model)
    callback = Rejuvenation(THRESHOLD)
    fit(model, callback)
    assert callback.revived == {0: {"convolution": [DEAD]}}


@pytest.mark.parametrize("kind", ["3x3", pytest.param("grouped", marks=pytest.mark.thorough), "depthwise"])
def test_works_under_quantisation_aware_training(kind):
    frozen = FrozenConv2D(8, name="frozen")
    convolution = CONVOLUTIONS[kind]()
    floating = network(frozen, convolution)
    codes = np.random.default_rng(1).integers(-127, 128, (1, 1, 8, 8), np.int8)
    codes[..., 5] = 1  # nearly dead; the batch-norm after it still feeds what follows
    frozen.freeze(codes, np.full(8, 0.01, np.float32))
    fit(compiled(floating), tf.keras.callbacks.Callback())
    model = compiled(quantise(floating, IMAGES), in_graph=True)
    kill(model)
    callback = Before(THRESHOLD)
    fit(model, callback)

    layer, batch_norm = pairs(model)["convolution"]
    kernel = trainable_kernel(layer)
    assert callback.revived == {0: {"convolution": [DEAD]}} and callback.reported == {0: {"frozen": [5]}}
    fresh = channels(kernel, 8).copy()
    assert fresh[:, DEAD].all()
    before = callback.before[kernel.name].reshape(-1, 8)
    assert np.delete(fresh, DEAD, axis=1).tobytes() == np.delete(before, DEAD, axis=1).tobytes()
    slots = [slot for slot in model.optimizer.variables if slot_of(slot, kernel)]
    assert len(slots) == 2 and not any(channels(slot, 8)[:, DEAD].any() for slot in slots)

    callback = Rejuvenation(THRESHOLD)
    fit(model, callback)
    assert callback.revived == {0: {}}
    assert (channels(kernel, 8)[:, DEAD] != fresh[:, DEAD]).any()
    assert batch_norm.moving_variance.numpy()[DEAD] > THRESHOLD
    assert pairs(model)["frozen"][0].layer.codes.numpy().tobytes() == codes.tobytes()
