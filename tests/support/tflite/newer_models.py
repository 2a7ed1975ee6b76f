"""More small networks as TensorFlow's own converter writes them: heads, gates, and maps that become larger again."""

import tensorflow as tf

from tests.support.tflite.converted_models import L, keras, normalised


def squeeze_and_excite():
    """MobileNetV3: hard-swish, and gates that depend on the whole map, by two ways of writing them."""

    def gated(x, with_dense):
        channels = x.shape[-1]
        pooled = L.GlobalAveragePooling2D(keepdims=not with_dense)(x)
        if with_dense:
            gate = L.Dense(channels, "sigmoid")(L.Dense(channels // 2, "relu")(pooled))
            return L.Multiply()([x, L.Reshape((1, 1, channels))(gate)])
        gate = L.Conv2D(channels, 1)(L.Conv2D(channels // 2, 1, activation="relu")(pooled))
        return L.Multiply()([x, tf.nn.relu6(gate + 3) * (1 / 6)])

    image = keras.Input((16, 12, 3), batch_size=1)
    x = normalised(L.Conv2D(8, 3, 2, "same")(image))
    x = x * tf.nn.relu6(x + 3) * (1 / 6)
    for with_dense in (False, True):
        y = normalised(L.DepthwiseConv2D(3, padding="same")(normalised(L.Conv2D(16, 1)(x), "relu")), "relu")
        x = L.Add()([x, L.Conv2D(8, 1)(gated(y, with_dense))])
    return keras.Model(image, L.Dense(5, "softmax")(L.GlobalAveragePooling2D()(x)))


def detector(batch=1):
    """Boxes and classes of two scales, each joined, and a channel that gates its map."""
    image = keras.Input((24, 16, 3), batch_size=batch)
    x = L.Conv2D(8, 3, 2, "same", activation="relu")(image)
    scales = [L.Conv2D(8, 3, 2, "same", activation="relu")(x)]
    scales.append(L.Conv2D(8, 3, 2, "same", activation="relu")(scales[0]))
    scales[0] = scales[0] + L.UpSampling2D(2)(scales[1])
    heads = []
    for values in (4, 3):
        of_scales = [L.Reshape((-1, values))(L.Conv2D(2 * values, 3, padding="same")(each)) for each in scales]
        heads.append(L.Concatenate(axis=1)(of_scales))
    boxes, classes = heads
    return keras.Model(image, [boxes, L.Activation("sigmoid")(classes)])


def segmentation():
    """DeepLab: dilated convolutions, the mean of the whole map made as large as the map again, bilinear."""
    image = keras.Input((20, 16, 3), batch_size=1)
    x = L.Conv2D(8, 3, 2, "same", activation="relu")(image)
    branches = [L.Conv2D(6, 3, padding="same", dilation_rate=rate, activation="relu")(x) for rate in (1, 2)]
    mean = L.Conv2D(6, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    branches.append(tf.image.resize(mean, x.shape[1:3]))
    x = L.Conv2D(4, 1)(L.Concatenate()(branches))
    return keras.Model(image, tf.image.resize(x, image.shape[1:3]))


def u_net():
    """Down, and up again by transposed convolutions, with shortcuts, and slopes of its own."""
    image = keras.Input((16, 12, 2), batch_size=1)
    first = L.PReLU(shared_axes=(1, 2), alpha_initializer="random_uniform")(L.Conv2D(6, 3, padding="same")(image))
    second = L.PReLU(alpha_initializer="random_uniform")(L.Conv2D(8, 3, padding="same")(L.MaxPooling2D()(first)))
    x = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(second))
    x = L.Concatenate()([L.Conv2DTranspose(8, 2, 2)(x), second])
    x = L.Concatenate()([L.Conv2DTranspose(6, 3, 2, "same")(L.Conv2D(8, 1, activation="relu")(x)), first])
    return keras.Model(image, L.Conv2D(2, 1, activation="sigmoid")(x))


def statistics():
    """Means and largest values over channels, rows and columns; a spatial gate; differences."""
    image = keras.Input((12, 10, 3), batch_size=1)
    x = L.Conv2D(8, 3, padding="same", activation="relu")(image)
    both = tf.concat([tf.reduce_mean(x, 3, keepdims=True), tf.reduce_max(x, 3, keepdims=True)], 3)
    x = x * L.Conv2D(1, 3, padding="same", activation="sigmoid")(both)
    centred = x - tf.reduce_mean(x, (1, 2), keepdims=True)
    spread = tf.reduce_mean(tf.math.squared_difference(x, tf.reduce_mean(x, (1, 2), keepdims=True)), (1, 2))
    rows, columns = tf.reduce_sum(centred, 1), tf.reduce_max(centred, 2)
    return keras.Model(image, [spread, L.Dense(3)(rows), L.Dense(3)(columns)])


def moved():
    """Rows and columns that are turned, cut, joined, mirrored, folded into channels and back."""
    image = keras.Input((12, 8, 4), batch_size=1)
    x = L.Conv2D(4, 3, padding="same")(image)
    top, bottom = tf.split(x, 2, axis=1)
    x = tf.concat([bottom, top, x[:, 2:6]], axis=1)
    x = tf.concat([x, x[:, :, ::-1]], axis=2)
    x = tf.nn.space_to_depth(x, 2)
    x = L.Conv2D(16, 1, activation="relu")(x)
    x = tf.nn.depth_to_space(x, 2)
    turned = tf.transpose(x, (0, 2, 1, 3))
    return keras.Model(image, [L.Conv2D(2, 3)(turned), tf.reduce_max(x, (1, 2))])


def pixels():
    """FULLY_CONNECTED on the pixels of a map, as Edge Impulse writes it, and one vector of unit length per pixel."""
    image = keras.Input((8, 6, 3), batch_size=1)
    x = L.Conv2D(8, 3, 2, activation="relu")(image)
    height, width, channels = x.shape[1:]
    x = tf.reshape(L.Dense(6, "relu")(tf.reshape(x, (height * width, channels))), (1, height, width, 6))
    return keras.Model(image, [L.Dense(4, "softmax")(x), tf.math.l2_normalize(L.Conv2D(4, 1)(x), -1)])


def functions():
    """ELU, which the converter surrounds with floats, and swish."""
    image = keras.Input((10, 8, 3), batch_size=1)
    x = L.Conv2D(6, 3, activation="elu")(image)
    x = L.Conv2D(6, 3, activation="swish")(x)
    return keras.Model(image, L.Activation("elu")(L.Conv2D(4, 1)(x)))


def gated_signal():
    """A signal of time, its channels gated by its mean, and slopes."""
    signal = keras.Input((32, 3), batch_size=1)
    x = L.PReLU(shared_axes=(1,), alpha_initializer="random_uniform")(L.Conv1D(6, 5, 2)(signal))
    gate = L.Dense(6, "sigmoid")(L.GlobalAveragePooling1D()(x))
    x = L.Multiply()([x, L.Reshape((1, 6))(gate)])
    x = L.MaxPooling1D(2)(L.Conv1D(4, 3, padding="causal", activation="relu")(x))
    return keras.Model(signal, L.Dense(3)(L.Flatten()(x)))


def attention():
    """Keywords by a transformer: each frame looks at all others, in two heads."""

    def heads(x):
        return tf.transpose(tf.reshape(L.Dense(8)(x), (1, 10, 2, 4)), (0, 2, 1, 3))

    x = frames = keras.Input((10, 6), batch_size=1)
    weights = tf.nn.softmax(tf.matmul(heads(x), heads(x), transpose_b=True))
    x = L.Dense(6)(tf.reshape(tf.transpose(tf.matmul(weights, heads(x)), (0, 2, 1, 3)), (1, 10, 8)))
    x = L.LayerNormalization(epsilon=0.01)(x + frames)
    return keras.Model(frames, L.Dense(3, "softmax")(L.GlobalAveragePooling1D()(x)))
