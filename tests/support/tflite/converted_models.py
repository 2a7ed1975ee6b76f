"""Small networks with random weights as TensorFlow's own converter quantises and writes them."""

import warnings

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

keras = tf.keras
L = keras.layers


def convert(model, io=tf.int8, batch=1) -> bytes:
    """Post-training quantisation to int8, calibrated with random images. A batch of None is any."""
    random = np.random.default_rng(0)
    shape = (1, *model.input.shape[1:])
    any_shape = tf.TensorSpec((batch, *shape[1:]))
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(any_shape)
    # Frozen before: the converter takes a tenth of the time that from_keras_model would.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(function)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([random.normal(size=shape).astype(np.float32)] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = io
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the ranges are calibrated and not given
        return converter.convert()


def normalised(x, activation=None):
    """Batch-norm with statistics as after a training, and an activation."""
    random = np.random.default_rng(x.shape[-1])
    statistics = {
        "beta_initializer": keras.initializers.Constant(random.normal(size=x.shape[-1])),
        "moving_variance_initializer": keras.initializers.Constant(random.uniform(0.5, 2, x.shape[-1])),
    }
    x = L.BatchNormalization(**statistics)(x)
    return L.Activation(activation)(x) if activation else x


def mobilenet_v2():
    """Inverted residuals, padding apart from the convolutions, global average."""

    def block(x, out, stride, expansion=4):
        y = normalised(L.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x), tf.nn.relu6)
        if stride == 2:
            y = L.ZeroPadding2D(((0, 1), (0, 1)))(y)
        y = L.DepthwiseConv2D(3, stride, "valid" if stride == 2 else "same", use_bias=False)(y)
        y = normalised(L.Conv2D(out, 1, use_bias=False)(normalised(y, tf.nn.relu6)))
        return L.Add()([x, y]) if y.shape == x.shape else y

    image = keras.Input((24, 20, 3))
    x = L.Conv2D(8, 3, 2, "valid", use_bias=False)(L.ZeroPadding2D(((0, 1), (0, 1)))(image))
    x = normalised(x, tf.nn.relu6)
    for out, stride in ((8, 1), (12, 2), (12, 1)):
        x = block(x, out, stride)
    return keras.Model(image, L.Dense(5, "softmax")(L.GlobalAveragePooling2D()(x)))


def resnet_v2():
    """Residuals whose batch-norms stand alone, padded max-pool, dilation, and a shortcut that is a max-pool."""

    def block(x, out, stride, dilation=1):
        before = normalised(x, "relu")
        shortcut = L.MaxPooling2D(1, stride)(x) if out == x.shape[-1] else L.Conv2D(out, 1, stride)(before)
        y = normalised(L.Conv2D(out // 2, 3, padding="same", dilation_rate=dilation)(before), "relu")
        return L.Add()([shortcut, L.Conv2D(out, 3, stride, "same")(y)])

    image = keras.Input((26, 22, 3))
    x = L.Conv2D(8, 7, 2)(L.ZeroPadding2D(3)(image))
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(L.ReLU()(x)))
    for out, stride, dilation in ((16, 1, 1), (16, 2, 2)):
        x = block(x, out, stride, dilation)
    x = L.Flatten()(L.AveragePooling2D(2)(normalised(x, "relu")))
    return keras.Model(image, L.Dense(4)(x))


def ds_cnn():
    """Keyword spotting: one channel, a tall kernel, a depth multiplier."""
    features = keras.Input((49, 10, 1))
    x = normalised(L.DepthwiseConv2D((10, 4), 2, "same", depth_multiplier=6)(features), "relu")
    for _ in range(2):
        x = normalised(L.DepthwiseConv2D(3, padding="same")(x), "relu")
        x = normalised(L.Conv2D(8, 1)(x), "relu")
    x = L.Flatten()(L.AveragePooling2D(x.shape[1:3])(x))
    return keras.Model(features, L.Dense(6, "softmax")(x))


def shuffled():
    """Splits, channel shuffles, a gate, hard-swish, concatenation."""

    def shuffle(x):
        height, width, channels = x.shape[1:]
        x = tf.transpose(tf.reshape(x, (1, height, width, 2, channels // 2)), (0, 1, 2, 4, 3))
        return tf.reshape(x, (1, height, width, channels))

    image = keras.Input((12, 10, 3), batch_size=1)
    x = L.Conv2D(8, 3, 2, "same", activation="relu")(image)
    for _ in range(2):
        kept, worked = tf.split(x, 2, axis=3)
        worked = L.Conv2D(4, 1, activation="relu")(L.DepthwiseConv2D(3, padding="same")(worked))
        x = shuffle(tf.concat([kept, worked], axis=3))
    x = L.Conv2D(8, 1)(x)
    x = x * tf.nn.relu6(x + 3) * (1 / 6)
    x = L.Multiply()([x, L.Conv2D(8, 3, padding="same", activation="sigmoid")(x)])
    return keras.Model(image, L.Conv2D(2, 1, activation="tanh")(x[:, :, :, 2:7]))


def autoencoder():
    """Dense all through."""
    features = keras.Input((64,))
    x = features
    for units in (32, 8, 32):
        x = normalised(L.Dense(units)(x), "relu")
    return keras.Model(features, L.Dense(64)(x))


def temporal():
    """Convolutions and pools along time alone, padded before, dilated, and a Reshape."""
    signal = keras.Input((40, 3))
    x = L.MaxPooling1D(2)(L.Conv1D(6, 3, activation="relu")(signal))
    x = L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = L.AveragePooling1D(2)(L.Conv1D(6, 5, 2, padding="same")(x))
    x = L.Conv2D(4, (3, 1))(L.Reshape((x.shape[1], 1, 6))(x))
    return keras.Model(signal, L.Dense(4)(L.Flatten()(x)))
