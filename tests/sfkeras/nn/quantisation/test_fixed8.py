"""fixed8: which tensors share an exponent, how it is chosen, and that the quantised network rounds as it will be run."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.freezing.core import snap
from sfkeras.nn.heads import Head
from sfkeras.nn.quantisation.fixed8 import (
    Kernel,
    Mean,
    calibrate,
    frozen_codes,
    producers,
    quantise,
    scale_groups,
    trainable_kernel,
    unwrapped,
)
from tests.support.networks.keras_networks import SHAPE, WIDTH, fit, images, module_core, narrow_core, one_module

keras = tf.keras
STAGES = ("stage1", "stage2", "stage3", "stage4")


# ---- scale groups


@pytest.fixture(scope="module", params=[True, False], ids=["core shuffle", "no core shuffle"])
def network(request):
    options = {"cores": 2, "core": narrow_core(), "width": WIDTH, "core_shuffle": request.param}
    return request.param, SemifreddoNet(SHAPE, [Head(4)], **options)


def test_tensors_between_which_bytes_only_move_share_an_exponent(network):
    shuffled, model = network
    names = [layer.name for layer in producers(model)]
    groups = {frozenset(group) for group in scale_groups(model)}
    assert sorted(name for group in groups for name in group) == sorted(names)

    def pointwise(core, *stages):
        expected = tuple(f"{core}.{stage}." for stage in stages)
        return frozenset(name for name in names if name.startswith(expected) and name.endswith(".pointwise.relu"))

    def blends(*cores_and_stages):
        return frozenset(f"{core}.{stage}.blend" for core, stage in cores_and_stages)

    expected = {frozenset([name]) for name in names if ".depthwise." in name or ".stem." in name}
    # Stage 3 of the frozen core does not downscale: half of what stage 2 made passes through it.
    expected |= {pointwise("frozen", "stage1"), pointwise("frozen", "stage2", "stage3"), pointwise("frozen", "stage4")}
    for core in ("core1", "core2"):
        expected |= {pointwise(core, stage) for stage in STAGES}
    pairs = [(core, stage) for stage in STAGES for core in ("core1", "core2")]
    if shuffled:
        expected |= {blends(("core1", stage), ("core2", stage)) for stage in STAGES[:3]}
    else:
        expected |= {blends(pair) for pair in pairs[:6]}
    # The head reads both cores side by side.
    expected |= {blends(*pairs[6:]), frozenset(["head.task.pointwise", "head.task.pool"])}
    assert groups == expected


@pytest.mark.parametrize("alpha, core", [(0, "core1"), (1, "frozen")])
def test_a_blend_that_takes_one_core_as_it_is_shares_its_exponent(alpha, core):
    model = one_module(module_core(), cores=1, alpha=alpha)
    group = next(group for group in scale_groups(model) if "core1.stage1.blend" in group)
    assert {name.split(".")[0] for name in group} == {"core1", core}
    assert any(name.startswith(f"{core}.stage1.") and name.endswith("pointwise.relu") for name in group)


# ---- calibration


@pytest.mark.parametrize("exponent", [-2, 0, 3, 7])
def test_calibration_finds_the_grid_that_values_lie_on(exponent):
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.ReLU(name="relu")(image))
    values = np.arange(128).reshape(2, 8, 8, 1) * 2.0**-exponent
    assert calibrate(model, [values.astype("float32")]) == {"relu": exponent}


def test_calibration_takes_the_exponent_with_the_least_squared_error():
    image = keras.Input((64, 64, 1))
    model = keras.Model(image, keras.layers.ReLU(name="relu")(image))
    batches = [np.random.default_rng(i).normal(0, 3, (2, 64, 64, 1)).astype("float32") for i in range(3)]
    values = np.maximum(np.concatenate(batches), 0)
    errors = {n: np.square(np.clip(np.rint(values * 2.0**n), -128, 127) / 2.0**n - values).sum() for n in range(-3, 12)}
    assert calibrate(model, batches) == {"relu": min(errors, key=errors.get)}


def test_calibration_gives_every_producer_its_groups_exponent():
    model = one_module(module_core())
    exponents = calibrate(model, [images()])
    assert exponents.keys() == {layer.name for layer in producers(model)}
    for group in scale_groups(model):
        assert len({exponents[name] for name in group}) == 1


# ---- the quantised network


@pytest.fixture(scope="module")
def floating():
    return one_module(module_core())


@pytest.fixture(scope="module")
def exponents(floating):
    return calibrate(floating, [images()])


@pytest.fixture(scope="module")
def model(floating, exponents):
    return quantise(floating, exponents=exponents)


def test_an_iterable_of_batches_calibrates_as_an_array_does_and_given_exponents_stay(floating, exponents, model):
    def weights_and_outputs(quantised):
        return [*quantised.get_weights(), *computed(quantised, [quantised.output])]

    by_batches = quantise(floating, iter([images()]))
    for one, other in zip(weights_and_outputs(by_batches), weights_and_outputs(model), strict=True):
        np.testing.assert_array_equal(one, other)
    name = "head.task.pool"
    again = quantise(floating, images(), exponents={name: exponents[name] - 2})
    assert again.get_layer(name).quantize_config.exponent == exponents[name] - 2


def test_a_layer_without_exponent_is_refused(floating, exponents):
    name, *_ = exponents
    with pytest.raises(ValueError, match=f"1 layers have no exponent .first: {name}.. .* Pass images to calibrate on."):
        quantise(floating, exponents={other: exponents[other] for other in exponents if other != name})


def computed(model, tensors):
    return [np.asarray(value) for value in keras.Model(model.input, tensors)(images(), training=False)]


def test_every_producer_is_on_its_grid_and_within_int8(model, exponents):
    values = computed(model, [model.get_layer(name).output for name in exponents])
    for (name, exponent), value in zip(exponents.items(), values):
        codes = value * 2.0**exponent
        assert np.array_equal(codes, np.rint(codes)), name
        assert codes.min() >= -128 and codes.max() <= 127, name
        assert len(np.unique(codes)) > 1, name


def test_the_quantised_network_is_close_to_the_float_one(model, floating):
    np.testing.assert_allclose(model(images()), floating(images()), atol=0.15)


def test_trainable_kernels_are_rounded_in_the_forward_pass(model):
    convolutions = [layer for layer in model.layers if trainable_kernel(layer) is not None]
    kinds = {type(unwrapped(layer)) for layer in convolutions}
    assert kinds == {keras.layers.Conv2D, keras.layers.DepthwiseConv2D}
    convolutions = [layer for layer in convolutions if not unwrapped(layer).use_bias]
    values = computed(model, [tensor for layer in convolutions for tensor in (layer.input, layer.output)])
    for layer, x, y in zip(convolutions, values[::2], values[1::2]):
        depthwise = isinstance(unwrapped(layer), keras.layers.DepthwiseConv2D)
        kernel = trainable_kernel(layer).numpy()
        codes, scales = snap(kernel, depthwise)
        rounded = codes * (scales[:, None] if depthwise else scales)
        stride = unwrapped(layer).strides[0]
        if depthwise:
            expected = tf.nn.depthwise_conv2d(x, rounded, [1, stride, stride, 1], "SAME")
        else:
            expected = tf.nn.conv2d(x, rounded, stride, "SAME")
        assert np.abs(rounded - kernel).max() > 0
        np.testing.assert_allclose(y, expected, atol=1e-4, err_msg=layer.name)


@pytest.mark.parametrize("shape, depthwise", [((3, 3, 8, 1), True), ((3, 3, 4, 5), False), ((1, 1, 32, 1), False)])
def test_a_kernel_is_rounded_as_a_core_is_snapped(shape, depthwise):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    codes, scales = snap(kernel, depthwise)
    rounded = Kernel(depthwise)(tf.constant(kernel), True, {}).numpy()
    np.testing.assert_allclose(rounded, codes * (scales[:, None] if depthwise else scales), rtol=1e-5)
    channels = rounded[..., 0].reshape(-1, shape[2]).T if depthwise else rounded.reshape(-1, shape[3]).T
    assert all(len(np.unique(channel)) <= 255 for channel in channels)


def average_pool(codes):
    """AVERAGE_POOL_2D over whole maps of int8 codes (batch, height, width, channels)."""
    total, count = codes.sum(axis=(1, 2), dtype=int, keepdims=True), codes.shape[1] * codes.shape[2]
    return np.sign(total) * ((np.abs(total) + count // 2) // count)


@settings(deadline=None)
@given(arrays.arrays(np.int8, st.tuples(st.just(1), *[st.integers(1, 6)] * 2, st.integers(1, 8))), st.integers(-3, 11))
def test_a_mean_is_rounded_as_the_integer_graph_rounds_it_and_its_gradient_passes(codes, exponent):
    maps = tf.constant(codes * np.float32(2.0**-exponent))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(maps)
        rounded = Mean(exponent)(mean, True, {})
    assert np.array_equal(rounded * 2.0**exponent, average_pool(codes))
    assert np.allclose(tape.gradient(rounded, maps), 1 / (codes.shape[1] * codes.shape[2]))


def test_the_mean_of_the_head_is_that_of_the_integer_graph(model, exponents):
    maps, mean = computed(model, [model.get_layer(f"head.task.{part}").output for part in ("pointwise", "pool")])
    unit = 2.0 ** exponents["head.task.pool"]
    assert np.array_equal(mean * unit, average_pool(maps * unit))


def test_gradients_reach_every_trainable_kernel_through_its_rounding(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(images(), training=True) ** 2)
    kernels = [trainable_kernel(layer) for layer in model.layers if trainable_kernel(layer) is not None]
    assert all(tf.reduce_any(gradient != 0) for gradient in tape.gradient(loss, kernels))


def test_no_frozen_code_or_scale_is_trainable(model):
    frozen = [unwrapped(layer) for layer in model.layers if hasattr(unwrapped(layer), "codes")]
    assert len(frozen) == len(module_core().codes)
    trainable = {id(weight) for weight in model.trainable_variables}
    for layer in frozen:
        assert not {id(layer.codes), id(layer.scales)} & trainable


def test_a_training_step_changes_kernels_but_neither_exponents_nor_frozen_codes(floating, exponents):
    model = quantise(floating, exponents=exponents)

    def kept():
        configs = {layer.name: getattr(layer, "quantize_config", None) for layer in model.layers}
        found = {name: config.exponent for name, config in configs.items() if config is not None}
        blends = {layer.name: unwrapped(layer).exponent for layer in model.layers if ".blend" in layer.name}
        return found | blends, {name: codes.tobytes() for name, codes in frozen_codes(model).items()}

    before = kept()
    assert {name: before[0][name] for name in exponents} == exponents
    kernels = [trainable_kernel(layer) for layer in model.layers if trainable_kernel(layer) is not None]
    old = [kernel.numpy() for kernel in kernels]
    fit(model)
    assert all((kernel.numpy() != values).any() for kernel, values in zip(kernels, old))
    assert kept() == before


LAYERS = tf.keras.layers


@pytest.mark.parametrize(
    "layers, told",
    [
        (
            [LAYERS.Conv2D(2, 3), LAYERS.Flatten(), LAYERS.Dense(2, name="dense")],
            "layer dense is a Dense, which fixed8 does",
        ),
        ([tf.keras.Sequential([LAYERS.Conv2D(2, 3)], name="inner")], "layer inner is a Sequential, which fixed8 does"),
        ([LAYERS.Conv2D(2, 3), LAYERS.Activation("swish", name="swish")], "layer swish is a Activation"),
        (None, "the model has no inputs of known shape."),
    ],
)
def test_a_model_is_not_calibrated_if_a_layer_would_stay_in_float(layers, told):
    model = tf.keras.Sequential([LAYERS.Conv2D(2, 3)] if layers is None else [tf.keras.Input((8, 8, 3)), *layers])
    with pytest.raises(ValueError, match=told):
        calibrate(model, [])


def test_a_model_that_is_not_built_is_not_quantised():
    model = tf.keras.Sequential([LAYERS.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="the model has no inputs of known shape."):
        quantise(model, np.zeros((1, 8, 8, 3)))
