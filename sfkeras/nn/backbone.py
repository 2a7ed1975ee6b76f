"""SemifreddoNet: the network of Table 1, at any input size, width, number of trainable cores and repeats."""

from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import (
    bottleneck,
    convolution,
    downscaling_unit,
    level_unit,
    regular_unit,
    semifreddo_module,
    separable,
)
from sfkeras.nn.freezing import freeze
from sfkeras.nn.heads import attach_all
from sfkeras.nn.layers import GreyToRGB
from sfkeras.nn.limits import DOWNSCALING, SMALLEST_SIDE, nearest_side
from sfkeras.tensorflow import tf

STEM_CHANNELS = 32
FROZEN_REPEATS = 3
# Table 1, a Semifreddo module a row: the first unit of the (frozen, trainable) cores.
STAGES = (
    (downscaling_unit, downscaling_unit),
    (downscaling_unit, downscaling_unit),
    (regular_unit, level_unit),
    (downscaling_unit, downscaling_unit),
)


def SemifreddoNet(
    input_shape,
    heads=(),
    *,
    cores=2,
    frozen=True,
    core=None,
    width=1.0,
    core_shuffle=True,
    alpha=None,
    alpha_start=None,
    start="random",
    repeats=1,
    first_pointwise=False,
    train_batch_norm=True,
    shares=None,
):
    """Builds a SemifreddoNet as a functional Keras model (section 3, Table 1).

    Args:
        input_shape: (height, width, channels): sides from 32 up, multiples of 16, or None for sides that vary; 1 or 3
            channels. Pixels are (value - 128) / 128.
        heads: sequence of heads.Head, at most one on each core; without heads the maps of each core come out.
        cores: number of trainable cores, 0 and up.
        frozen: whether there is a frozen core.
        core: core.Core that the frozen core is taped out with. None leaves its kernels trainable: that is how a core
            is made.
        width: multiplies all channels, in steps of 8 at the stem.
        core_shuffle: swap half of the maps between trainable cores after each module.
        alpha: None trains the blends; a number in [0, 1] fixes them all.
        alpha_start: where alphas that train start: a number in (0, 1), or None for a random start (section 3.2).
        start: of the trainable cores: "random", or "core": as copies of the frozen core's stem and first units.
        repeats: passes through the last module (Fig. 5): trainable weights and all batch-norms are new in each, frozen
            kernels are the same.
        first_pointwise: begin the units with the pointwise convolution that the paper drops (section 5, Fig. 4).
        train_batch_norm: whether the batch-norms of a taped-out core train (section 5); else they compute as they did
            where the core was made.
        shares: None: the core is taped out whole. Or one share from 0 to 1 for each of its layers: all of the core
            trains, but for so much of each layer (freezing.py).
    Returns: tf.keras.Model. Outputs: one tensor a head, in order, or a dict {"frozen": maps, "core1": maps, ...}.
    Raises: RecipeError.
    """
    check_input_shape(input_shape)
    if not frozen and not cores:
        raise RecipeError("network.cores is 0 and network.frozen is false: nothing is left. Set one of them.")
    if frozen and (core is None or shares is not None) and repeats > 1:
        raise RecipeError(
            f"network.repeats is {repeats}, but the frozen kernels, the same in each pass, still train. "
            "Set network.core to a core file, or repeats to 1."
        )
    channels = stem_channels(width)
    if core is not None:
        check_core(core, width, first_pointwise)
    taped_out = core if shares is None else None
    transform = bottleneck if first_pointwise else separable
    images = tf.keras.Input(input_shape, name="image")
    frozen_maps = _frozen_stem(images, channels, taped_out) if frozen else None
    trainable_maps = [convolution(images, channels, 3, 2, f"core{i}.stem") for i in range(1, cores + 1)]
    for name, units in _modules(repeats):
        frozen_maps, trainable_maps = semifreddo_module(
            frozen_maps,
            trainable_maps,
            units,
            FROZEN_REPEATS,
            name,
            taped_out,
            alpha,
            core_shuffle,
            alpha_start,
            transform,
        )
    if start == "core":
        _start_from(core, tf.keras.Model(images, trainable_maps))
    features = {"frozen": frozen_maps} if frozen else {}
    features |= {f"core{i}": maps for i, maps in enumerate(trainable_maps, 1)}
    model = tf.keras.Model(images, attach_all(heads, features) if heads else features, name="semifreddonet")
    if core is not None and not train_batch_norm:
        for layer in model.layers:
            if layer.name.startswith("frozen.") and layer.name.endswith(".batch_norm"):
                layer.trainable = False
    return model if shares is None else freeze(model, core, shares)


def check_core(core, width, first_pointwise):
    """Refuses a core that was made for another width or with other units. Raises: RecipeError."""
    if core.stem_channels != stem_channels(width):
        raise RecipeError(
            f"network.width is {width}, so the stem has {stem_channels(width)} channels, but core {core.name} was made with "
            f"{core.stem_channels}. Set width to {core.stem_channels / STEM_CHANNELS:g} or make a core of this width."
        )
    if core.first_pointwise != first_pointwise:
        wanted = str(core.first_pointwise).lower()
        raise RecipeError(
            f"network.first_pointwise is {str(first_pointwise).lower()}, but core {core.name} was made with {wanted}. "
            f"Write network.first_pointwise={wanted}, or make a core of these units."
        )


def _frozen_stem(images, channels, core):
    colour = images if images.shape[-1] == 3 else GreyToRGB(name="frozen.rgb")(images)
    return convolution(colour, channels, 3, 2, "frozen.stem", core)


def _start_from(core, model):
    """Gives the trainable cores what the frozen core learned: kernels and batch-norms of its stem and first units."""
    for layer in model.layers:
        part, _, own = layer.name.partition(".")
        key = core.first_unit(own.removesuffix(".batch_norm"))
        if part == "frozen" or not layer.trainable_weights or key is None:
            continue
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.set_weights(list(core.batch_norm[key]))
        else:
            kernel = core.float_kernel(key)
            grey = kernel.shape[2] != layer.get_weights()[0].shape[2]  # the frozen stem sees it three times
            layer.set_weights([kernel.sum(axis=2, keepdims=True) if grey else kernel])


def _modules(repeats):
    """Yields (name, first units) of each module that an image passes; the last one `repeats` times (Fig. 5)."""
    for stage, units in enumerate(STAGES, 1):
        yield f"stage{stage}", units
    for repeat in range(2, repeats + 1):
        yield f"stage{len(STAGES)}.pass{repeat}", (level_unit, level_unit)


def stem_channels(width):
    """Returns the channels of the stem at a width multiplier; each later stage has 2, 4, 4 and 8 times as many."""
    return max(8, 8 * round(STEM_CHANNELS * width / 8))


def check_input_shape(input_shape):
    """Refuses an input that the network cannot take: RecipeError with the nearest size that it can."""
    *sides, channels = input_shape
    if channels not in (1, 3):
        raise RecipeError(f"network.input has {channels} channels; 1 (grey) and 3 (colour) are possible")
    mended = [None if side is None else nearest_side(side) for side in sides]
    if mended != sides:
        raise RecipeError(
            f"network.input is {sides[0]}x{sides[1]}, but both sides must be multiples of {DOWNSCALING} "
            f"from {SMALLEST_SIDE} up. The nearest is {mended[0]}x{mended[1]}x{channels}."
        )
