"""Models with layers that remember: an LSTM as Keras 2 and TensorFlow's converter write it, and files."""

import warnings

import numpy as np
import tensorflow as tf
import tf_keras

from tests.support.tflite.tflite_files import FileBuilder, options

L = tf_keras.layers  # Keras 3 makes a loop of an LSTM, which the converter leaves as it is


def lstm():
    """Keywords: a convolution along time, an LSTM of its rows, and the last of its outputs as classes."""
    features = tf_keras.Input((14, 6, 1), batch_size=1)
    x = L.Conv2D(5, (3, 6), (2, 1), activation="relu")(features)
    x = L.LSTM(4)(L.Reshape((x.shape[1], 5))(x))
    return tf_keras.Model(features, L.Dense(3, "softmax")(x))


def convert(model) -> bytes:
    """Post-training quantisation to int8. The converter finds an LSTM in functions that are not frozen before."""
    random, spec = np.random.default_rng(0), tf.TensorSpec(model.input.shape)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [random.normal(size=spec.shape.as_list()).astype(np.float32)] for _ in range(8)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the ranges are calibrated and not given
        return converter.convert()


UNIT = 2.0**-7


def recurrent_file(time_major=False, length=6, channels=5, units=4, **changes):
    """A .tflite of one LSTM. changes: fields of its options, or of its tensors by their place among its inputs."""
    file, changes = FileBuilder(2), dict(changes)
    of_tensors = {place: changes.pop(place) for place in list(changes) if place.startswith("input")}
    shape = (length, 1) if time_major else (1, length)
    file.tensor(*shape, channels, scale=0.05, zero_point=4)
    inputs = [0, *(file.constant(file.codes(units, channels), scale=0.01 + gate / 500) for gate in range(4))]
    inputs += [file.constant(file.codes(units, units), scale=0.012 + gate / 500) for gate in range(4)]
    inputs += [-1] * 3
    inputs += [file.constant(file.random.integers(-3000, 3000, units).astype(np.int32), scale=5e-4) for _ in range(4)]
    inputs += [-1, -1, file.tensor(1, units, scale=UNIT, zero_point=-3, variable=True)]
    inputs += [file.tensor(1, units, scale=2.0**-11, type="INT16", variable=True), *[-1] * 4]
    for place, fields in of_tensors.items():
        index = inputs[int(place.removeprefix("input"))]
        file.tensors[index] = fields(file.tensors[index])
    output = file.tensor(*shape, units, scale=UNIT, zero_point=-3)
    of_lstm = {"fusedActivationFunction": 4, "timeMajor": time_major, "cellClip": 10.0, **changes}
    file.add("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, output, options("UnidirectionalSequenceLSTM", **of_lstm))
    return file, output


def filtering(rank=2, units=4, steps=5, channels=6, bits=16, zero_point=0, **changes):
    """A .tflite of two SVDFs, as keyword spotters have them. bits, zero_point: of their states. changes: fields of the
    first one's tensors, by their place."""
    file = FileBuilder(3)
    file.tensor(1, channels, scale=0.05, zero_point=4)
    hidden = _svdf(
        file, 0, file.tensor(1, units, scale=0.06, zero_point=-128), rank, steps, (bits, zero_point), changes
    )
    return file, _svdf(file, hidden, file.tensor(1, 3, scale=0.1, zero_point=9), 1, 3, (bits, zero_point), {})


def _svdf(file, input, output, rank, steps, state, changes):
    filters, channels = rank * file.tensors[output].shape[1], file.tensors[input].shape[1]
    bits, zero_point = state
    type, unit = np.dtype(f"int{bits}"), 2.0 ** (16 - bits)
    time_codes = (file.random.integers(-20000, 20000, (filters, steps)) / unit).astype(type)
    bias = file.random.integers(-300000, 300000, filters // rank).astype(np.int32)
    inputs = [
        input,
        file.constant(file.codes(filters, channels), scale=0.02),
        file.constant(time_codes, scale=2e-6 * unit),
        file.constant((bias / unit**2).astype(np.int32), scale=1e-9 * unit**2),
        file.tensor(
            1, filters * steps, scale=5e-4 * unit, zero_point=zero_point, type=type.name.upper(), variable=True
        ),
    ]
    for place, fields in changes.items():
        file.tensors[inputs[int(place.removeprefix("input"))]] = fields(file.tensors[inputs[int(place[5:])]])
    of_svdf = options("SVDF", rank=rank, fusedActivationFunction=1)
    return file.add("SVDF", inputs, output, of_svdf, 3)
