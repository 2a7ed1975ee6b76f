"""A Keras model of your own: in int8, trained on, proven, and as C.

    python examples/own_keras_model.py out/

The pictures are drawn here, so that it runs at once: stripes that lie, or that stand.
"""

import sys

import numpy as np
import tf_keras as keras

import export
import sfkeras


def pictures(count, random):
    """Float images from -1 to 1, (count, 24, 24, 1), and what they show: 0 or 1."""
    labels = random.integers(0, 2, count)
    lying = np.sin(np.arange(24) * 1.5 + random.uniform(0, 6, (count, 1)))
    images = np.where(labels[:, None, None], lying[:, :, None], lying[:, None, :])
    return (0.5 * images + random.normal(0, 0.2, images.shape)).clip(-1, 1)[..., None].astype("float32"), labels


def main(folder):
    keras.utils.set_random_seed(1)
    images, labels = pictures(512, np.random.default_rng(1))
    model = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            keras.layers.Conv2D(8, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=8, verbose=0)

    quantised = sfkeras.quantise(model, images)  # rounds as the int8 network does, and can be trained on
    quantised.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    quantised.fit(images, labels, epochs=2, verbose=0)

    network = export.open(quantised)
    print(network.plan)
    tested, expected = pictures(200, np.random.default_rng(2))
    said = network.predict(tested).reshape(len(tested), -1).argmax(axis=1)  # by the compiled C
    print(f"{np.mean(said == expected):.0%} of 200 new pictures are right")
    print(network.verify(inputs=4, on=["stream", "tflm", "c-native"]))
    network.compile(folder)


if __name__ == "__main__":
    main(sys.argv[1])
