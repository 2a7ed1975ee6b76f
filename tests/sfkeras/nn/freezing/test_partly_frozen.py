"""Filters of ordinary models that `freeze` keeps: the same function, codes that never move, and two tasks on one core."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import export
import sfkeras
from export.backends.run import run_on
from export.datapath import task_image
from export.graph.graph import core_digest
from sfkeras.nn.freezing import partly_frozen
from sfkeras.nn.freezing.partly_frozen import PartlyFrozenConv2D, PartlyFrozenDepthwiseConv2D
from sfkeras.nn.quantisation.fixed8 import frozen_codes, unwrapped
from sfkeras.tensorflow import tf
from tests.sfkeras.nn.quantisation.test_ordinary import outputs

keras = tf.keras
L = keras.layers
SHAPE = (16, 12, 3)


def network(name="net"):
    """A convolution of each kind, in a model and in one inside it; batch-norms have factors of both signs."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 6, 8))
    x = L.Conv2D(16, 1, activation="relu")(image)
    x = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, use_bias=False, padding="same")(x)))
    inner = keras.Model(image, L.BatchNormalization()(L.Conv2D(8, 1, dilation_rate=2, name="last")(x)), name="inner")
    image = keras.Input(SHAPE)
    x = L.Conv2D(8, (3, 2), strides=2, padding="same", use_bias=False, name="first")(image)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = L.GlobalAveragePooling2D()(L.Add()([x, inner(x)]))
    made = keras.Model(image, L.Dense(3)(L.Dropout(0.2)(x)), name=name)
    random = np.random.default_rng(0)
    for norm in (layer for layer in (*made.layers, *inner.layers) if isinstance(layer, L.BatchNormalization)):
        gamma, beta, mean, variance = norm.get_weights()
        signs = random.choice([-1, 1], gamma.shape)
        norm.set_weights([gamma * signs, beta + 0.1, random.normal(0, 0.1, mean.shape), variance * 0.5])
    return made


IMAGES = np.random.default_rng(2).integers(-128, 128, (16, *SHAPE)).astype(np.float32) / 128


def trained(model, labels=3):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=True)  # one step, for which tracing would take longer
    model.fit(IMAGES, np.arange(len(IMAGES)) % labels, verbose=0)
    return model


def all_codes(model):
    """{layer: bytes of its frozen codes} of a model and those inside it."""
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    found = {name: codes.tobytes() for name, codes in frozen_codes(model).items()}
    return found | {name: codes for each in inside for name, codes in all_codes(each).items()}


SCHEMES = {
    "uniform": ({"share": 0.5}, [4, 8, 8, 4]),
    "rising": ({"share": (0, 0.75)}, [0, 4, 8, 6]),
    "falling": ({"share": (1, 0.25)}, [8, 12, 8, 2]),
    "first layers": ({"layers": 2}, [8, 16, 0, 0]),
    "everything": ({}, [8, 16, 16, 8]),
    "each": ({"share": [0, 1, 0.25, 0]}, [0, 16, 4, 0]),
}


@pytest.mark.parametrize("arguments, filters", SCHEMES.values(), ids=SCHEMES)
def test_a_scheme_freezes_so_many_filters_and_computes_nearly_the_same(arguments, filters):
    model = network()
    frozen = sfkeras.freeze(model, **arguments)
    sizes = [layer.get_weights()[0].size for layer in partly_frozen.convolutions(model)]
    expected = sum(size * count // total for size, count, total in zip(sizes, filters, [8, 16, 16, 8]))
    assert sum(map(len, all_codes(frozen).values())) == expected
    for made, expected in zip(outputs(frozen, IMAGES), outputs(model, IMAGES)):
        np.testing.assert_allclose(made, expected, atol=0.03 * np.abs(expected).max())


def test_training_moves_all_but_the_codes_and_their_scales():
    model = sfkeras.freeze(network(), share=0.5)
    before, codes = {each.name: each.numpy() for each in model.weights}, all_codes(model)
    trained(model)
    moved = {each.name for each in model.weights if (each.numpy() != before[each.name]).any()}
    still = {name for name in before if name.split("/")[-1].split(":")[0] in ("codes", "scales")}
    assert moved == before.keys() - still
    quantised = trained(sfkeras.quantise(model, IMAGES))
    assert all_codes(quantised) == codes == all_codes(model)


@pytest.fixture(scope="module")
def two_tasks():
    """Networks of two tasks that were trained, in float and fixed8, from one frozen copy."""
    made, start = [], network()
    for labels in (2, 3):
        model = trained(sfkeras.freeze(start, share=(0.75, 0.4)), labels)
        made.append(
            (quantised := trained(sfkeras.quantise(model, IMAGES * labels / 3), labels), export.open(quantised))
        )
    return made


def test_the_graph_marks_what_is_frozen_and_computes_what_keras_does(two_tasks):
    quantised, net = two_tasks[0]
    assert net.graph.parameters().frozen_codes == sum(map(len, all_codes(quantised).values()))
    assert {f"{name}.frozen" for name in frozen_codes(quantised)} <= {operator.name for operator in net.graph.operators}
    codes, _ = run_on(net, (IMAGES * 128).astype(np.int8), "golden")
    tensor = net.graph.tensor(net.graph.outputs[0])
    made = next(iter(codes.values())).reshape(len(IMAGES), -1) * tensor.scale
    away = np.abs(made - quantised(IMAGES).numpy())  # TFLite rounds sums twice
    assert away.mean() <= tensor.scale and away.max() < 8 * tensor.scale


@pytest.mark.compiler
def test_the_c_of_one_task_loads_the_other_on_the_same_frozen_codes(two_tasks):
    (_, first), (_, second) = two_tasks
    assert core_digest(first.graph) == core_digest(second.graph) is not None
    image = task_image.write(second.as_task_of(first.plan).plan).content
    codes = (IMAGES * 128).astype(np.int8)
    for name, alone in run_on(second, codes, "golden")[0].items():
        loaded = run_on(first, codes, "c-native", image)[0]
        assert np.array_equal(loaded.get(name, next(iter(loaded.values()))), alone)
    assert first.verify(inputs=4, on=["stream", "tflm", "c-native"]).passed


def test_a_frozen_model_is_loaded_from_its_file(tmp_path):
    model = sfkeras.freeze(network(), share=0.5)
    for each in (model, sfkeras.quantise(model, IMAGES)):
        each.save(tmp_path / "model.keras")
        loaded = sfkeras.load_model(tmp_path / "model.keras")
        assert all_codes(loaded) == all_codes(each)
        np.testing.assert_array_equal(loaded(IMAGES), each(IMAGES))


@given(
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
    use_bias=st.booleans(),
    activation=st.sampled_from(["linear", "relu"]),
    depthwise=st.booleans(),
    frozen=st.integers(1, 6),
)
@settings(max_examples=25, deadline=None)
def test_a_partly_frozen_layer_convolves_as_kerass_own(size, strides, padding, use_bias, activation, depthwise, frozen):
    common = {"strides": strides, "padding": padding, "use_bias": use_bias, "activation": activation}
    own = L.DepthwiseConv2D(size, **common) if depthwise else L.Conv2D(6, size, **common)
    arguments = {"frozen": frozen, **common}
    layer = PartlyFrozenDepthwiseConv2D(size, **arguments) if depthwise else PartlyFrozenConv2D(6, size, **arguments)
    image = np.random.default_rng(frozen).normal(size=(2, 7, 6, 6)).astype(np.float32)
    own(image)
    layer(image)
    own.set_weights([np.random.default_rng(1).normal(size=weight.shape) for weight in own.get_weights()])
    layer.set_weights(partly_frozen._frozen_weights(own, frozen, np.float32(1)))
    np.testing.assert_allclose(layer(image), own(image), atol=0.1)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(
    "make, arguments, said",
    [
        (lambda x: L.SeparableConv2D(4, 3, name="s")(x), {}, "layer s is a SeparableConv2D"),
        (lambda x: L.Conv2D(6, 3, groups=3, name="g")(x), {}, "layer g is a Conv2D that cannot be frozen"),
        (lambda x: L.ReLU()(x), {}, "no convolution"),
        (lambda x: L.Conv2D(6, 3)(x), {"share": 1.5}, "Expected numbers from 0 to 1"),
        (lambda x: L.Conv2D(6, 3)(x), {"share": [1, 1, 1]}, "got 3 shares. Expected 1, 2 or 1"),
        (lambda x: L.Conv2D(6, 3)(x), {"core": "tiny_imagenet"}, "frozen to its own weights"),
    ],
)
def test_what_cannot_be_frozen_is_named(make, arguments, said):
    image = keras.Input(SHAPE)
    with pytest.raises(ValueError, match=said):
        sfkeras.freeze(keras.Model(image, make(image)), **arguments)


def test_a_factor_that_frozen_codes_cannot_take_is_refused():
    model = sfkeras.freeze(network(), share=0.5)
    norm = next(layer for layer in model.layers if isinstance(layer, L.BatchNormalization))
    norm.set_weights([-norm.get_weights()[0], *norm.get_weights()[1:]])
    with pytest.raises(ValueError, match="Keep the gamma_constraint"):
        sfkeras.quantise(model, IMAGES)


def test_a_semifreddonet_names_its_core():
    with pytest.raises(ValueError, match="frozen to a core. Name one"):
        sfkeras.freeze(sfkeras.SemifreddoNet((32, 32, 3), cores=0, core=None, width=0.25))


def test_the_layers_are_unwrapped_as_others():
    quantised = sfkeras.quantise(sfkeras.freeze(network(), share=0.5), IMAGES)
    kinds = {type(unwrapped(layer)) for layer in quantised.layers}
    assert {PartlyFrozenConv2D, PartlyFrozenDepthwiseConv2D} <= kinds
