"""The two simplified ShuffleNetV2 units of Fig. 4 and the Semifreddo module of Fig. 3.

A `core` argument that is None builds trainable convolutions; a `core.Core` builds convolutions frozen to its codes.
Batch-norm stays trainable in both (section 5), with its factor gamma kept positive: folding a positive factor into a
kernel that has one scale an output channel changes only the scales, never the codes.
"""

from sfkeras.nn.layers import AlphaBlend, ChannelShuffle, ChannelSplit, CoreShuffle, FrozenConv2D, FrozenDepthwiseConv2D
from sfkeras.tensorflow import tf

layers = tf.keras.layers
SMALLEST_GAMMA = 1e-2


@tf.keras.utils.register_keras_serializable("sfkeras")
class AtLeast(tf.keras.constraints.Constraint):
    """Keeps each weight at or above `low`: a batch-norm factor of 0 or less has no int8 scale."""

    def __init__(self, low):
        self.low = low

    def __call__(self, weights):
        return tf.maximum(weights, self.low)

    def get_config(self):
        return {"low": self.low}


def batch_norm(x, name, core=None):
    """Batch normalisation with gamma >= SMALLEST_GAMMA; starts from the state that `core` was trained with, if any."""
    layer = layers.BatchNormalization(
        momentum=0.95,
        epsilon=1e-3,
        gamma_constraint=AtLeast(SMALLEST_GAMMA),
        synchronized=tf.distribute.has_strategy(),  # statistics of the whole batch, whoever trains it
        name=f"{name}.batch_norm",
    )
    x = layer(x)
    if core is not None:
        layer.set_weights(list(core.batch_norm[core.key(name)]))
    return x


def convolution(x, filters, kernel_size, strides, name, core=None):
    """Convolution, batch-norm, relu: the stem, and with kernel_size 1 the pointwise half of a separable convolution."""
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
    """3x3 depthwise convolution and batch-norm, linear as in ShuffleNetV2."""
    if core is None:
        layer = layers.DepthwiseConv2D(3, strides, "same", use_bias=False, depthwise_initializer="he_normal", name=name)
        x = layer(x)
    else:
        layer = FrozenDepthwiseConv2D(3, strides, name=name)
        x = layer(x)
        layer.freeze(*core.kernel(name))
    return batch_norm(x, name, core)


def separable(x, strides, name, core=None):
    """Depthwise then pointwise convolution, as many channels out as in."""
    x = depthwise(x, strides, f"{name}.depthwise", core)
    return convolution(x, x.shape[-1], 1, 1, f"{name}.pointwise", core)


def bottleneck(x, strides, name, core=None, channels=None):
    """Pointwise before depthwise and pointwise, as ShuffleNetV2 has it; SemifreddoNets drop the first (section 5)."""
    x = convolution(x, channels or x.shape[-1], 1, 1, f"{name}.first", core)
    return separable(x, strides, name, core)


def regular_unit(x, name, core=None, transform=separable):
    """Fig. 4, left: one half of the channels passes, the other is transformed, then both are shuffled."""
    passing, transformed = ChannelSplit(name=f"{name}.split")(x)
    return join(passing, transform(transformed, 1, name, core), name)


def downscaling_unit(x, name, core=None, transform=separable):
    """Fig. 4, right: two branches see all channels with stride 2, so that channels double where the sides halve.

    Only the right one is ever a bottleneck, in ShuffleNetV2 as here.
    """
    left = separable(x, 2, f"{name}.left", core)
    right = transform(x, 2, f"{name}.right", core)
    return join(left, right, name)


def level_unit(x, name, core=None, transform=separable):
    """The two branches of the downscaling unit at stride 1, each on one half of the channels.

    This is the trainable cores' stride-1 block of stage 3 (with both halves transformed a trainable core has the 60K
    parameters of Table 3; with one half it would have 55K), and how a repeated last module (Fig. 5) reuses the
    multipliers of its downscaling unit: the same two branches, fed with halves of 2C channels instead of twice with C.
    """
    left, right = ChannelSplit(name=f"{name}.split")(x)
    return join(separable(left, 1, f"{name}.left", core), transform(right, 1, f"{name}.right", core), name)


def join(left, right, name):
    """Concatenates the two halves of a unit and shuffles their channels."""
    joined = layers.Concatenate(name=f"{name}.concat")([left, right])
    return ChannelShuffle(2, name=f"{name}.shuffle")(joined)


def semifreddo_module(
    frozen,
    trainable,
    units,
    repeats,
    name,
    core=None,
    alpha=None,
    core_shuffle=True,
    alpha_start=None,
    transform=separable,
):
    """One frozen and any number of trainable cores side by side (section 3.2, Fig. 3).

    The frozen core runs its first unit and all of its repeats of Table 1 before the blend, so that a trainable core
    takes the deepest features the module has; the trainable core runs one unit in the same time.

    Args:
        frozen: the frozen core's maps (batch, height, width, channels), or None where there is no frozen core.
        trainable: list of the trainable cores' maps, each of that shape; may be empty.
        units: (frozen, trainable): the function that builds the first unit of each.
        repeats: how many regular units follow in the frozen core.
        name: of the module, such as "stage2".
        core: the Core that the frozen side is taped out with, or None where it still trains.
        alpha, alpha_start, core_shuffle: see AlphaBlend and CoreShuffle.
        transform: separable, or bottleneck: what the units do to their maps.
    Returns: (frozen, trainable) as the next module takes them.
    """
    frozen_unit, trainable_unit = units
    if frozen is not None:
        frozen = frozen_unit(frozen, f"frozen.{name}.unit1", core, transform)
        for unit in range(2, repeats + 2):
            frozen = regular_unit(frozen, f"frozen.{name}.unit{unit}", core, transform)
    trainable = [trainable_unit(x, f"core{i}.{name}", transform=transform) for i, x in enumerate(trainable, 1)]
    if frozen is not None:
        trainable = [
            AlphaBlend(alpha, alpha_start=alpha_start, name=f"core{i}.{name}.blend")([frozen, x])
            for i, x in enumerate(trainable, 1)
        ]
    if len(trainable) > 1:
        trainable = CoreShuffle(core_shuffle, name=f"{name}.core_shuffle")(trainable)
    return frozen, trainable
