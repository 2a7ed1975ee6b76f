"""Freezing by weights and by layers (section 3.1, Figs. 1 and 2), to compare Semifreddo modules
with.

All convolutions of the frozen core's topology train, apart from a share of the weights of each. The
share may be the same in all layers (uniform freezing), rise or fall with depth (gradual freezing),
or be 1 in the first N layers and 0 in the others (horizontal freezing, as in FixyNN). As in the
paper, the optimizer does the freezing: it applies a constraint after each step, after momentum and
weight decay. Frozen weights keep their bytes and their int8 codes.
"""

import zlib

import numpy as np

from sfkeras.nn.arguments import require_float
from sfkeras.nn.freezing import partly_frozen
from sfkeras.nn.freezing.core import Core
from sfkeras.nn.quantisation import ordinary
from sfkeras.nn.saved import SfkerasModel
from sfkeras.tensorflow import tf

keras = tf.keras


@keras.utils.register_keras_serializable("sfkeras")
class KeepFrozen(keras.constraints.Constraint):
    """Keep the frozen weights of a kernel at their values.

    The largest weight of an output channel determines its int8 scale. `frozen_weights` freezes that
    one first. This constraint keeps the channel's other weights below it, so the frozen codes stay
    the same.

    Args:
        kernel: float32 array. Values of the frozen weights.
        frozen: bool array of that shape.
        depthwise: bool. Whether the output channels are the third axis, not the fourth.
    """

    def __init__(self, kernel, frozen, depthwise=False):
        self.kernel, self.frozen, self.depthwise = np.asarray(kernel, np.float32), np.asarray(frozen, bool), depthwise
        held = np.abs(np.where(self.frozen, self.kernel, 0)).max(axis=_within_channel(depthwise), keepdims=True)
        self.largest = np.where(held > 0, held, np.inf).astype(np.float32)  # a channel without frozen weights is free

    def __call__(self, weights):
        return tf.where(self.frozen, self.kernel, tf.clip_by_value(weights, -self.largest, self.largest))

    def get_config(self):
        return {"kernel": self.kernel.tolist(), "frozen": self.frozen.tolist(), "depthwise": self.depthwise}


def freeze(model, core=None, share=1.0, *, layers=None):
    """Return a copy of a model that keeps part of its weights frozen, by weights or by layers (section
    3.1, Figs. 1 and 2).

    An ordinary Keras model freezes to its own weights. `share` is that of the filters of each
    convolution; the first ones are frozen, as int8 codes. Batch-norms, the other filters and dense
    layers keep training. Two models that are trained from one frozen copy are two tasks of the same
    frozen codes: the C of one loads the other as a file.

    A float SemifreddoNet whose frozen core still trains (core=None, repeats=1) freezes to a Core of
    the same width and units, to compare with Semifreddo modules. `share` is that of the weights of
    each convolution of the frozen core. All else keeps training. To freeze a whole core, as for the
    paper's hardware, build SemifreddoNet with core=Core instead.

    Args:
        model: ordinary functional or Sequential model, built; or float SemifreddoNet with
            frozen=True and core=None.
        core: Core, or its name or path, for a SemifreddoNet. The weights that the convolutions of
            its frozen core start from.
        share: share of each convolution to freeze, from 0 to 1. A number is the same for all
            (uniform freezing). Two numbers are those of the first and the last convolution and
            change evenly in between (gradual freezing). Or one number per convolution, from the
            image on.
        layers: int or None. Freezes the first convolutions, so many, and no others (horizontal
            freezing, as in FixyNN). `share` is then ignored.
    Returns: tf.keras.Model with the inputs, outputs and layer names of `model`, not compiled.
    Raises: ValueError if a convolution cannot be frozen, a share is outside [0, 1], or a
        SemifreddoNet has no frozen core that trains or its layers are not those of the core.

    Example:
        >>> import sfkeras, tf_keras
        >>> image = tf_keras.Input((32, 32, 3))
        >>> flat = tf_keras.layers.Flatten()(tf_keras.layers.Conv2D(8, 3, name="first")(image))
        >>> model = tf_keras.Model(image, tf_keras.layers.Dense(2, name="last")(flat))
        >>> print(sfkeras.summary(sfkeras.freeze(model, share=0.75)))  # of 3 * 3 * 3 * 8
        stage       map  frozen weights  trainable weights  mean alpha
        first   30x30x8             162                 62
        last          2               0             14,402
        in all                      162             14,464
    """
    require_float(model)
    if ordinary.is_ordinary(model):
        if core is not None:
            raise ValueError("an ordinary model is frozen to its own weights. Leave out the core.")
        return _frozen_filters(model, share, layers)
    if core is None:
        raise ValueError("a SemifreddoNet is frozen to a core. Name one, such as tiny_imagenet.")
    core = core if isinstance(core, Core) else Core.load(core)
    names = [layer.name for layer in model.layers if _is_frozen_core_convolution(layer)]
    share_of = dict(zip(names, _shares(share, layers, names, core)))

    def constrained(layer):
        config = layer.get_config()
        if share_of.get(layer.name, 0) > 0:
            kernel, depthwise = core.float_kernel(layer.name), isinstance(layer, keras.layers.DepthwiseConv2D)
            frozen = frozen_weights(kernel, share_of[layer.name], depthwise, seed=zlib.crc32(layer.name.encode()))
            argument = "depthwise_constraint" if depthwise else "kernel_constraint"
            config[argument] = KeepFrozen(kernel, frozen, depthwise)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=constrained)
    copy = SfkerasModel(copy.input, copy.output, name=model.name)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if layer.name in share_of:
            layer.set_weights([core.float_kernel(layer.name)])
        elif layer.name.removesuffix(".batch_norm") in share_of:
            layer.set_weights(list(core.batch_norm[core.key(layer.name.removesuffix(".batch_norm"))]))
    return copy


def _shares(share, layers, names, core):
    """Return one share per convolution, for the arguments of `freeze`. Raises: ValueError."""
    if not names:
        raise ValueError(
            "the model has no frozen core whose convolutions train. Expected a float SemifreddoNet with frozen=True and "
            "core=None. In a model of your own, set layer.trainable = False."
        )
    if {core.key(name) for name in names} != core.codes.keys():
        raise ValueError(
            f"the model's frozen core has other layers than core {core.name}. Use a core of the same network options."
        )
    return _share_of_each(share, layers, len(names))


def _share_of_each(share, layers, count):
    """Return one share for each of `count` convolutions. Raises: ValueError."""
    if layers is not None:
        return first_layers(layers, count)
    try:
        given = np.asarray(share, float)
    except (TypeError, ValueError):
        raise ValueError(f"share is {share!r}. Expected numbers from 0 to 1.") from None
    shares = by_depth(share, count) if given.size <= 2 else given
    if len(shares) != count:
        raise ValueError(f"got {len(shares)} shares. Expected 1, 2 or {count}, one per convolution.")
    if not ((0 <= shares) & (shares <= 1)).all():
        raise ValueError(f"share is {share}. Expected numbers from 0 to 1.")
    return shares


def _frozen_filters(model, share, layers):
    """Return the copy of an ordinary model. Raises: ValueError."""
    convolutions = partly_frozen.convolutions(model)
    if not convolutions:
        raise ValueError("the model has no convolution to freeze. Expected Conv2D or DepthwiseConv2D.")
    copy = partly_frozen.freeze_filters(model, _share_of_each(share, layers, len(convolutions)))
    return SfkerasModel(copy.input, copy.output, name=model.name)


def depth(core):
    """Return the number of convolutions of a core."""
    return len(core.codes)


def by_depth(share, layers):
    """Return the share of each layer: one number for all, or (first, last) with equal steps in
    between.

    Args:
        share: number from 0 to 1, or two of them.
        layers: int. Number of layers.
    """
    return np.linspace(*np.broadcast_to(share, 2), layers)


def first_layers(frozen, layers):
    """Return the share of each layer if the first `frozen` layers are completely frozen: horizontal
    freezing.
    """
    return (np.arange(layers) < frozen).astype(float)


def frozen_weights(kernel, share, depthwise=False, seed=0):
    """Choose which weights of a kernel to freeze: the largest of each output channel, then others
    at random.

    Args:
        kernel: float32 (height, width, in, out), or depthwise (height, width, channels, 1).
        share: number from 0 to 1. Share of the weights, rounded to a whole number of weights.
        depthwise: bool. Whether the kernel is depthwise.
        seed: int, of the random choice.
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
