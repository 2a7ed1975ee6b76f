"""The networks that the paper compares with: ShuffleNetV2, fully trainable (Table 3)."""

import tensorflow as tf

from sfkeras.blocks import convolution, depthwise, join
from sfkeras.errors import RecipeError
from sfkeras.layers import ChannelSplit

# Ma et al. 2018, table 5: channels of stages 2 to 4 and of conv5 by width, and units a stage.
CHANNELS = {0.5: (48, 96, 192, 1024), 1.0: (116, 232, 464, 1024)}
UNITS = (4, 8, 4)
STEM_CHANNELS = 24


def ShuffleNetV2(input_shape, outputs, width=1.0):
    """Builds ShuffleNetV2 after its own paper (Ma et al. 2018, Fig. 3c and 3d, table 5).

    Args:
        input_shape: (height, width, channels), sides multiples of 32.
        outputs: length of the vector that the last, dense layer gives.
        width: 0.5 or 1.0.
    Returns: tf.keras.Model, (batch, outputs).
    Raises: RecipeError.
    """
    if width not in CHANNELS:
        raise RecipeError(f"ShuffleNetV2 has no width {width}; take one of {', '.join(map(str, CHANNELS))}")
    *stages, last = CHANNELS[width]
    images = tf.keras.Input(input_shape, name="image")
    x = convolution(images, STEM_CHANNELS, 3, 2, "stem")
    x = tf.keras.layers.MaxPooling2D(3, 2, "same", name="stem.pool")(x)
    for stage, (channels, units) in enumerate(zip(stages, UNITS), 2):
        x = _downscaling_unit(x, channels // 2, f"stage{stage}.unit1")
        for unit in range(2, units + 1):
            x = _regular_unit(x, f"stage{stage}.unit{unit}")
    x = convolution(x, last, 1, 1, "conv5")
    x = tf.keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return tf.keras.Model(images, tf.keras.layers.Dense(outputs, name="dense")(x), name="shufflenet_v2")


def _regular_unit(x, name):
    passing, transformed = ChannelSplit(name=f"{name}.split")(x)
    return join(passing, _bottleneck(transformed, transformed.shape[-1], 1, name), name)


def _downscaling_unit(x, channels, name):
    left = depthwise(x, 2, f"{name}.left.depthwise")
    left = convolution(left, channels, 1, 1, f"{name}.left.pointwise")
    return join(left, _bottleneck(x, channels, 2, f"{name}.right"), name)


def _bottleneck(x, channels, strides, name):
    """Pointwise, depthwise, pointwise: the first pointwise convolution is what SemifreddoNets drop (section 5)."""
    x = convolution(x, channels, 1, 1, f"{name}.first")
    x = depthwise(x, strides, f"{name}.depthwise")
    return convolution(x, channels, 1, 1, f"{name}.pointwise")
