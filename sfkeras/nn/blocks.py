"""The two simplified ShuffleNetV2 units of Fig. 4 and the Semifreddo module of Fig. 3.

If `core` is None, convolutions train. If it is a Core, they are frozen to its codes. Batch-norms
train in both cases (section 5), and their factor gamma stays positive. Folding a positive factor
into a kernel with one scale per output channel changes the scales only, not the codes.
"""

from sfkeras.nn.layers import AlphaBlend, ChannelShuffle, ChannelSplit, CoreShuffle, FrozenConv2D, FrozenDepthwiseConv2D
from sfkeras.tensorflow import tf

layers = tf.keras.layers
SMALLEST_GAMMA = 1e-2


@tf.keras.utils.register_keras_serializable("sfkeras")
class AtLeast(tf.keras.constraints.Constraint):
    """Keep each weight at `low` or above: a batch-norm factor of 0 or less has no int8 scale."""

    def __init__(self, low):
        self.low = low

    def __call__(self, weights):
        return tf.maximum(weights, self.low)

    def get_config(self):
        return {"low": self.low}


BATCH_NORM = {"momentum": 0.95, "epsilon": 1e-3, "gamma_constraint": AtLeast(SMALLEST_GAMMA)}


def batch_norm(x, name, core=None):
    """Normalise with gamma >= SMALLEST_GAMMA.

    The initial values are those of `core`, if it is given.
    """
    layer = layers.BatchNormalization(
        **BATCH_NORM,
        synchronized=tf.distribute.has_strategy(),  # statistics of the batch of all workers
        name=f"{name}.batch_norm",
    )
    x = layer(x)
    if core is not None:
        layer.set_weights(list(core.batch_norm[core.key(name)]))
    return x


def convolution(x, filters, kernel_size, strides, name, core=None):
    """Convolution, batch-norm and relu: the stem, or with kernel_size 1 the second half of a
    separable convolution.
    """
    if core is None:
        layer = layers.Conv2D(
            filters, kernel_size, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name
        )
        x = layer(x)
    else:
        layer = FrozenConv2D(filters, kernel_size, strides, name=name)
        x = layer(x)
        layer.freeze(*core.kernel(name))
    return layers.ReLU(name=f"{name}.relu")(batch_norm(x, name, core))


def depthwise(x, strides, name, core=None):
    """3x3 depthwise convolution and batch-norm, without activation, as in ShuffleNetV2."""
    if core is None:
        layer = layers.DepthwiseConv2D(3, strides, "same", use_bias=False, depthwise_initializer="he_normal", name=name)
        x = layer(x)
    else:
        layer = FrozenDepthwiseConv2D(3, strides, name=name)
        x = layer(x)
        layer.freeze(*core.kernel(name))
    return batch_norm(x, name, core)


def separable(x, strides, name, core=None):
    """Depthwise, then pointwise convolution with as many output as input channels."""
    x = depthwise(x, strides, f"{name}.depthwise", core)
    return convolution(x, x.shape[-1], 1, 1, f"{name}.pointwise", core)


def bottleneck(x, strides, name, core=None, channels=None):
    """Pointwise, depthwise and pointwise convolution, as in ShuffleNetV2. SemifreddoNets drop the
    first (section 5).
    """
    x = convolution(x, channels or x.shape[-1], 1, 1, f"{name}.first", core)
    return separable(x, strides, name, core)


def regular_unit(x, name, core=None, transform=separable):
    """Fig. 4, left: pass one half of the channels on, transform the other half, shuffle both."""
    passing, transformed = ChannelSplit(name=f"{name}.split")(x)
    return join(passing, transform(transformed, 1, name, core), name)


def downscaling_unit(x, name, core=None, transform=separable):
    """Fig. 4, right: two branches read all channels with stride 2. Channels double and sides halve.

    Only the right branch may be a bottleneck, here as in ShuffleNetV2.
    """
    left = separable(x, 2, f"{name}.left", core)
    right = transform(x, 2, f"{name}.right", core)
    return join(left, right, name)


def level_unit(x, name, core=None, transform=separable):
    """The two branches of the downscaling unit at stride 1, each on one half of the channels.

    It is the trainable cores' stride-1 block of stage 3. Transforming both halves gives a trainable
    core the 60K parameters of Table 3; one half would give 55K. It is also how a repeated last
    module (Fig. 5) reuses the multipliers of its downscaling unit: the two branches read half of 2C
    channels each, instead of C channels each.
    """
    left, right = ChannelSplit(name=f"{name}.split")(x)
    return join(separable(left, 1, f"{name}.left", core), transform(right, 1, f"{name}.right", core), name)


def join(left, right, name):
    """Concatenate the two halves of a unit and shuffle their channels."""
    joined = layers.Concatenate(name=f"{name}.concat")([left, right])
    return ChannelShuffle(2, name=f"{name}.shuffle")(joined)


def semifreddo_module(frozen, trainable, units, frozen_repeats, name, options):
    """Build one frozen and any number of trainable cores side by side (section 3.2, Fig. 3).

    The frozen core runs its first unit and all of its repeats of Table 1 before the blend. So a
    trainable core reads the deepest features of the module. It runs one unit in the same time.

    Args:
        frozen: (batch, height, width, channels), the frozen core's feature maps, or None if there
            is no frozen core.
        trainable: list of the trainable cores' feature maps, each of that shape; may be empty.
        units: (frozen, trainable). The functions that build the first unit of each.
        frozen_repeats: int. Number of regular units after the frozen core's first unit.
        name: str. Name of the module, such as "stage2".
        options: NetworkOptions. Its core, alphas, core shuffle and units are used.
    Returns: (frozen, trainable), the inputs of the next module.
    """
    core, transform = options.hardwired_core, bottleneck if options.first_pointwise else separable
    frozen_unit, trainable_unit = units
    if frozen is not None:
        frozen = frozen_unit(frozen, f"frozen.{name}.unit1", core, transform)
        for unit in range(2, frozen_repeats + 2):
            frozen = regular_unit(frozen, f"frozen.{name}.unit{unit}", core, transform)
    trainable = [trainable_unit(x, f"core{i}.{name}", transform=transform) for i, x in enumerate(trainable, 1)]
    if frozen is not None:
        trainable = [
            AlphaBlend(
                options.alpha,
                alpha_start=options.alpha_start,
                rate=options.alpha_rate,
                name=f"core{i}.{name}.blend",
            )([frozen, x])
            for i, x in enumerate(trainable, 1)
        ]
    if len(trainable) > 1:
        trainable = CoreShuffle(options.core_shuffle, name=f"{name}.core_shuffle")(trainable)
    return frozen, trainable
