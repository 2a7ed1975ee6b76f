"""Models that keep tf.Variables from one call to the next, as TensorFlow's converter writes them in int8."""

import numpy as np
import tensorflow as tf


class Streaming(tf.Module):
    """Base of the models: `frame` is the shape of what a call takes, and `step` what it computes of that."""

    def __init__(self, seed=0):
        super().__init__()
        self.random = np.random.default_rng(seed)

    def weights(self, *shape):
        return tf.constant(self.random.normal(0, 0.4, shape).astype(np.float32))

    def state(self, *shape, value=0.0):
        return tf.Variable(tf.fill((1, *shape), value), trainable=False)

    def with_last(self, state, x):
        """The rows that a state holds with those of x below; the state keeps the last of them."""
        rows = tf.concat([state, x], axis=1)
        state.assign(rows[:, -state.shape[1] :])
        return rows


class Keywords(Streaming):
    """A keyword spotter as microWakeWord's are: each layer keeps the rows that its kernel needs again."""

    frame = (3, 10)

    def __init__(self):
        super().__init__()
        self.first, self.before = self.weights(5, 1, 10, 8), self.state(2, 1, 10)
        self.depthwise, self.window = self.weights(5, 1, 8, 1), self.state(4, 1, 8)
        self.pointwise, self.last = self.weights(1, 1, 8, 12), self.state(3, 1, 12)
        self.dense = self.weights(4 * 12, 2)

    def step(self, x):
        x = self.with_last(self.before, tf.expand_dims(x, 2))
        x = tf.nn.relu(tf.nn.conv2d(x, self.first, 3, "VALID"))
        x = tf.nn.depthwise_conv2d(self.with_last(self.window, x), self.depthwise, [1, 1, 1, 1], "VALID")
        x = tf.nn.relu(tf.nn.conv2d(x, self.pointwise, 1, "VALID"))
        x = tf.reshape(self.with_last(self.last, x), (1, -1))
        return tf.sigmoid(tf.matmul(x, self.dense))


class Recurrent(Streaming):
    """A gated unit: a state that begins with another value than 0, is read by several layers and assigned late."""

    frame = (6, 4)

    def __init__(self):
        super().__init__()
        self.of_frame, self.of_state = self.weights(4, 5), self.weights(5, 5)
        self.gate = self.weights(5, 5)
        self.memory = self.state(6, 5, value=0.5)

    def step(self, x):
        before = self.memory.read_value()
        new = tf.tanh(tf.matmul(x, self.of_frame) + tf.matmul(before, self.of_state))
        gate = tf.sigmoid(tf.matmul(before, self.gate))
        self.memory.assign(gate * before + (1.0 - gate) * new)
        return tf.reduce_mean(self.memory.read_value(), axis=1)


def convert(model, io=tf.int8):
    """The model in int8, with variables in int8 too."""
    shape, random = (1, *model.frame), np.random.default_rng(1)
    step = tf.function(model.step, input_signature=[tf.TensorSpec(shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([step.get_concrete_function()], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_variable_quantization = True
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = io
    images = [random.normal(0, 1, shape).astype(np.float32) for _ in range(30)]
    converter.representative_dataset = lambda: ([image] for image in images)
    return converter.convert()
