"""Our Adam and AdamW give the values of Keras's, and a step is traced once."""

import numpy as np
import pytest

from sfkeras.tensorflow import tf
from sfkeras.training.optimisation import optimizers

keras = tf.keras
IMAGES = np.random.default_rng(0).normal(size=(8, 6, 6, 3)).astype(np.float32)
LABELS = np.arange(8) % 3


def trained(optimizer, prepared=False):
    """A model after three steps, with a schedule, a constraint, and vectors that do not decay."""
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Conv2D(4, 3, use_bias=False),  # before a batch-norm, its gradient would be rounding alone
        keras.layers.BatchNormalization(gamma_constraint="non_neg"),
        keras.layers.ReLU(),
    ]
    model = keras.Sequential([keras.Input((6, 6, 3)), *layers, keras.layers.Flatten(), keras.layers.Dense(3)])
    if optimizer.weight_decay is not None:
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if v.shape.rank == 1])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    if prepared:
        optimizers.build_before_tracing(model, tf.TensorSpec((8,), tf.int64))
    batches = tf.data.Dataset.from_tensors((IMAGES, LABELS)).repeat()
    model.fit(batches, steps_per_epoch=3, verbose=0)
    return model


@pytest.mark.parametrize("name, arguments", [("Adam", {}), ("AdamW", {"weight_decay": 0.05})])
def test_the_values_are_those_of_keras(name, arguments):
    rate = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=2)
    ours = trained(getattr(optimizers, name)(rate, **arguments), prepared=True)
    keras_own = trained(getattr(keras.optimizers, name)(rate, **arguments))
    assert (
        ours.train_function.experimental_get_tracing_count()
        == 1
        < keras_own.train_function.experimental_get_tracing_count()
    )
    for made, expected in zip(
        ours.weights + ours.optimizer.variables, keras_own.weights + keras_own.optimizer.variables
    ):
        np.testing.assert_allclose(made.numpy(), expected.numpy(), rtol=1e-4, atol=1e-6, err_msg=made.name)
