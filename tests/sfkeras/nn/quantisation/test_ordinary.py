"""Ordinary Keras models: rewritten they compute the same, and in fixed8 they are lowered, exact to the integer graph."""

import numpy as np
import pytest

import export
from export.graph import golden
from sfkeras.nn.quantisation import fixed8, ordinary
from sfkeras.tensorflow import tf

keras = tf.keras
L = keras.layers


def plain():
    return keras.Sequential(
        [
            keras.Input((24, 20, 3)),
            L.Conv2D(8, 3, padding="same", activation="relu"),
            L.MaxPooling2D(),
            L.Conv2D(12, 3, strides=2, use_bias=False),
            L.BatchNormalization(),
            L.ReLU(6.0),
            L.ZeroPadding2D(((0, 1), (1, 0))),
            L.DepthwiseConv2D(3, strides=2),
            L.BatchNormalization(scale=False),
            L.Activation("relu"),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(9, activation="relu"),
            L.Dense(5, activation="softmax"),
        ]
    )


def residual():
    image = keras.Input((16, 16, 1), name="picture")
    x = L.Conv2D(8, 3, padding="same", name="first")(image)
    x = L.Activation(tf.nn.relu6)(L.BatchNormalization()(x))
    y = L.BatchNormalization()(L.SeparableConv2D(8, 3, padding="same", use_bias=False)(x))
    x = L.ReLU()(L.Add()([x, y]))
    x = L.ReLU()(L.AveragePooling2D(3, strides=2, padding="same")(L.Concatenate()([x, y])))
    x = L.Conv2D(16, 3, dilation_rate=2, groups=2, padding="same", activation="relu")(x)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(image, [L.Dense(3, name="a")(x), L.BatchNormalization()(L.Dense(4, name="b")(x))])


def nested():
    inner = keras.Sequential([keras.Input((8, 8, 4)), L.Conv2D(6, 3, activation="relu"), L.GlobalAveragePooling2D()])
    image = keras.Input((16, 16, 3))
    return keras.Model(image, L.Dense(2)(inner(L.Conv2D(4, 3, strides=2, padding="same")(image))))


def mobilenet():
    return keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, weights=None, classes=4)


MODELS = [plain, residual, nested, mobilenet]


@pytest.fixture(scope="module", params=MODELS, ids=lambda make: make.__name__)
def model(request):
    """A model whose batch-norms are as after a training: any mean, any variance, factors of both signs."""
    keras.utils.set_random_seed(1)
    made = request.param()
    random = np.random.default_rng(0)
    layers = [layer for each in made.layers for layer in getattr(each, "layers", [each])]
    for norm in (layer for layer in layers if isinstance(layer, L.BatchNormalization)):
        weights = [random.uniform(0.5, 1.5, weight.shape) for weight in norm.get_weights()]
        signs = random.choice([-1, 1], weights[0].shape) if norm.scale else 1
        norm.set_weights([weights[0] * signs, *weights[1:-2], weights[-2] * 0.1, weights[-1]])
    return made


@pytest.fixture(scope="module")
def images(model):
    return np.random.default_rng(2).integers(-128, 128, (8, *model.input_shape[1:])).astype(np.float32) / 128


def outputs(model, images):
    return [output.numpy().reshape(len(images), -1) for output in tf.nest.flatten(model(images, training=False))]


def test_rewritten_it_computes_the_same(model, images):
    for made, expected in zip(outputs(ordinary.rewritten(model), images), outputs(model, images), strict=True):
        np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_in_fixed8_it_is_lowered_to_what_it_computes(model, images):
    quantised = fixed8.quantise(model, images)
    network = export.open(quantised)
    graph = network.graph
    codes = golden.run(graph, {graph.inputs[0]: (images * 128).astype(np.int8)}, keep=graph.outputs)
    for name, expected in zip(graph.outputs, outputs(quantised, images), strict=True):
        tensor = graph.tensor(name)
        made = (codes[name].reshape(len(images), -1).astype(float) - tensor.zero_point) * tensor.scale
        assert np.abs(made - expected).mean() <= tensor.scale and np.abs(made - expected).max() < 8 * tensor.scale


def test_a_model_of_ordinary_layers_can_train_in_fixed8():
    model = fixed8.quantise(plain(), np.zeros((4, 24, 20, 3), np.float32))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [weight.copy() for weight in model.get_weights()]
    model.fit(np.ones((8, 24, 20, 3), np.float32), np.arange(8) % 5, verbose=0)
    assert any((a != b).any() for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize(
    "layer, said",
    [
        (lambda: L.Conv2DTranspose(3, 2, name="up"), "layer up is a Conv2DTranspose"),
        (lambda: L.Conv2D(3, 2, activation="swish", name="c"), "the activation of layer c is swish"),
        (lambda: L.BatchNormalization(name="bn"), "batch-norm bn does not follow a convolution"),
        (lambda: L.ReLU(negative_slope=0.1, name="leaky"), "leaky or shifted"),
        (lambda: L.DepthwiseConv2D(3, depth_multiplier=2, name="dw"), "dw has depth_multiplier 2"),
        (lambda: L.Reshape((64, 3), name="r"), "layer r reshapes to"),
        (lambda: L.Flatten(), "a map is flattened, and no dense layer follows"),
    ],
    ids=["transposed", "swish", "norm", "leaky", "multiplier", "reshape", "flatten"],
)
def test_what_has_no_int8_form_is_named(layer, said):
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match=said):
        fixed8.quantise(keras.Model(image, layer()(image)), np.zeros((1, 8, 8, 3), np.float32))


def test_a_layer_that_is_used_twice_is_named():
    image, shared = keras.Input((8, 8, 3)), L.Conv2D(3, 1, name="shared")
    with pytest.raises(ValueError, match="layer shared is used twice"):
        fixed8.quantise(keras.Model(image, L.Add()([shared(image), shared(shared(image))])), np.zeros((1, 8, 8, 3)))
