"""Freezing by weights and by layers (section 3.1, Figs. 1 and 2): what Semifreddo modules are compared with.

All convolutions of the frozen core's topology train, but for a share of the weights of each. The share may be the same
in all layers (uniform freezing), rise or fall with depth, or be 1 in the first N layers and 0 in the others (horizontal
freezing, as in FixyNN). The paper did the first at the optimizer level, and so do we: by a constraint, which the optimizer
applies after each step, momentum and weight decay included. Frozen weights keep their bytes, and their int8 codes too.
"""

import zlib

import numpy as np

from sfkeras.tensorflow import tf

keras = tf.keras


@keras.utils.register_keras_serializable("sfkeras")
class KeepFrozen(keras.constraints.Constraint):
    """Holds the frozen weights of a kernel at their bytes.

    The largest weight of an output channel sets its int8 scale. `frozen_weights` freezes that one first, and here the
    others of its channel are kept from outgrowing it: so the frozen codes do not move either.

    Args:
        kernel: float32 array, whose frozen weights stay.
        frozen: bool array of its shape.
        depthwise: the output channels are its third axis, not its fourth.
    """

    def __init__(self, kernel, frozen, depthwise=False):
        self.kernel, self.frozen, self.depthwise = np.asarray(kernel, np.float32), np.asarray(frozen, bool), depthwise
        held = np.abs(np.where(self.frozen, self.kernel, 0)).max(axis=_within_channel(depthwise), keepdims=True)
        self.largest = np.where(held > 0, held, np.inf).astype(np.float32)  # a channel without frozen weights is free

    def __call__(self, weights):
        return tf.where(self.frozen, self.kernel, tf.clip_by_value(weights, -self.largest, self.largest))

    def get_config(self):
        return {"kernel": self.kernel.tolist(), "frozen": self.frozen.tolist(), "depthwise": self.depthwise}


def freeze(model, core, shares):
    """Returns a copy of a network that starts as a core and trains but for a share of each layer's weights.

    Args:
        model: float backbone.SemifreddoNet with core=None.
        core: core.Core with the layers of its frozen core.
        shares: one share from 0 to 1 for each convolution of the frozen core, from the image on, as `by_depth` and
            `first_layers` give them for `depth(core)` layers.
    """
    names = [layer.name for layer in model.layers if _is_frozen_core_convolution(layer)]
    share_of = dict(zip(names, shares, strict=True))

    def constrained(layer):
        config = layer.get_config()
        if share_of.get(layer.name, 0) > 0:
            kernel, depthwise = core.float_kernel(layer.name), isinstance(layer, keras.layers.DepthwiseConv2D)
            frozen = frozen_weights(kernel, share_of[layer.name], depthwise, seed=zlib.crc32(layer.name.encode()))
            argument = "depthwise_constraint" if depthwise else "kernel_constraint"
            config[argument] = KeepFrozen(kernel, frozen, depthwise)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=constrained)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if layer.name in share_of:
            layer.set_weights([core.float_kernel(layer.name)])
        elif layer.name.removesuffix(".batch_norm") in share_of:
            layer.set_weights(list(core.batch_norm[core.key(layer.name.removesuffix(".batch_norm"))]))
    return copy


def depth(core):
    """Returns the number of convolutions of a core."""
    return len(core.codes)


def by_depth(share, layers):
    """Returns the share of each layer: one number for all of them, or (first, last), which changes evenly between.

    Args:
        share: number from 0 to 1, or two of them.
        layers: how many there are.
    """
    return np.linspace(*np.broadcast_to(share, 2), layers)


def first_layers(frozen, layers):
    """Returns the share of each layer when the first so many are frozen whole: horizontal freezing."""
    return (np.arange(layers) < frozen).astype(float)


def frozen_weights(kernel, share, depthwise=False, seed=0):
    """Chooses the weights of a kernel to freeze: the largest of each output channel first, then others at random.

    Args:
        kernel: float32 (height, width, in, out), or depthwise (height, width, channels, 1).
        share: of all its weights, from 0 to 1; rounded to whole weights.
    Returns: bool array of the kernel's shape.
    """
    rank = np.random.default_rng(seed).random(kernel.shape)
    axes = _within_channel(depthwise)
    size = np.abs(kernel)
    rank -= size == size.max(axis=axes, keepdims=True)
    frozen = np.zeros(kernel.size, bool)
    frozen[np.argsort(rank, axis=None)[: round(share * kernel.size)]] = True
    return frozen.reshape(kernel.shape)


def _within_channel(depthwise):
    return (0, 1, 3) if depthwise else (0, 1, 2)


def _is_frozen_core_convolution(layer):
    convolution = isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
    return convolution and layer.name.startswith("frozen.")
