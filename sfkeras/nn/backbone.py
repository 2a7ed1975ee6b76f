"""SemifreddoNet: the network of Table 1, at any input size, width, number of trainable cores and
repeats.
"""

import dataclasses

from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import convolution, downscaling_unit, level_unit, regular_unit, semifreddo_module
from sfkeras.nn.freezing.schemes import freeze
from sfkeras.nn.heads import attach_all, check, check_room
from sfkeras.nn.layers import GreyToRGB
from sfkeras.nn.limits import DOWNSCALING, LARGEST_SIDE, SMALLEST_SIDE, nearest_side
from sfkeras.nn.options import NetworkOptions
from sfkeras.nn.saved import SfkerasModel
from sfkeras.tensorflow import require_float32, tf

STEM_CHANNELS = 32
LAST_BY_STEM = 8  # the last stage has so many times the channels of the stem
FROZEN_REPEATS = 3
# Table 1, one row per Semifreddo module: the first unit of the (frozen, trainable) cores.
STAGES = (
    (downscaling_unit, downscaling_unit),
    (downscaling_unit, downscaling_unit),
    (regular_unit, level_unit),
    (downscaling_unit, downscaling_unit),
)


def SemifreddoNet(input_shape, heads=(), options=None, **keywords):
    """Build a SemifreddoNet as a functional Keras model (section 3, Table 1).

    Args:
        input_shape: (height, width, channels). Sides are multiples of 16 from 32 to 2048, or None for
            sides that vary. There are 1 or 3 channels. Pixels are (value - 128) / 128.
        heads: sequence of Head, at most one per core. Without heads the model returns the feature
            maps of each core.
        options: NetworkOptions or None for the defaults.
        **keywords: fields of NetworkOptions. They replace those of `options`.
    Returns: tf.keras.Model. It has one output per head, in order. Without heads it returns a dict
        {"frozen": maps, "core1": maps, ...}, each (batch, height / 16, width / 16, channels).
    Raises: RecipeError if the input, the options or the heads do not fit together. TypeError if a
        keyword is not a field of NetworkOptions.

    Example:
        >>> from sfkeras import Head, SemifreddoNet
        >>> model = SemifreddoNet((32, 32, 3), [Head(10)], cores=1, frozen=False, width=0.25)
        >>> model.output_shape
        (None, 1, 1, 10)
    """
    options = with_keywords(options or NetworkOptions(), keywords).with_loaded_core()
    require_float32()
    check_input_shape(input_shape)
    check_options(options)
    channels = stem_channels(options.width)
    parts = ["frozen"] * options.frozen + [f"core{i}" for i in range(1, options.cores + 1)]
    read = dict.fromkeys(parts, LAST_BY_STEM * channels)
    check(heads, read)
    check_room(heads, read)
    images = tf.keras.Input(input_shape, name="image")
    frozen_maps = _frozen_stem(images, channels, options.hardwired_core) if options.frozen else None
    trainable_maps = [convolution(images, channels, 3, 2, f"core{i}.stem") for i in range(1, options.cores + 1)]
    for name, units in _modules(options.repeats):
        frozen_maps, trainable_maps = semifreddo_module(
            frozen_maps, trainable_maps, units, FROZEN_REPEATS, name, options
        )
    if options.start == "core":
        _copy_first_units(options.core, tf.keras.Model(images, trainable_maps))
    features = {"frozen": frozen_maps} if options.frozen else {}
    features |= {f"core{i}": maps for i, maps in enumerate(trainable_maps, 1)}
    model = SfkerasModel(images, attach_all(heads, features) if heads else features, name="semifreddonet")
    if options.core is not None and not options.train_batch_norm:
        _fix_frozen_batch_norms(model)
    return model if options.shares is None else freeze(model, options.core, options.shares)


def with_keywords(options, keywords):
    """Return options with some fields replaced. Raises: TypeError if a keyword is not a field."""
    known = [field.name for field in dataclasses.fields(options)]
    if unknown := [name for name in keywords if name not in known]:
        raise TypeError(
            f"SemifreddoNet has no option {unknown[0]!r}. Use fields of NetworkOptions: {', '.join(known)}."
        )
    return dataclasses.replace(options, **keywords)


def check_options(options):
    """Refuse options that do not fit together. Raises: RecipeError."""
    if not options.frozen and not options.cores:
        raise RecipeError(
            "network.cores is 0 and network.frozen is false, so the network has no core. "
            "Set network.cores=1 or network.frozen=true."
        )
    if options.frozen and options.hardwired_core is None and options.repeats > 1:
        raise RecipeError(
            f"network.repeats is {options.repeats}, but every pass must share the frozen kernels, and these kernels "
            "still train. Set network.core to a core file, or network.repeats=1."
        )
    if options.core is not None:
        check_core(options.core, options.width, options.first_pointwise)


def check_core(core, width, first_pointwise):
    """Refuse a core of another width or with other units than the options. Raises: RecipeError."""
    if core.stem_channels != stem_channels(width):
        raise RecipeError(
            f"network.width is {width}, so the stem has {stem_channels(width)} channels, but core {core.name} has "
            f"{core.stem_channels}. Write network.width={core.stem_channels / STEM_CHANNELS:g}, or train a core of this width."
        )
    if core.first_pointwise != first_pointwise:
        expected = str(core.first_pointwise).lower()
        raise RecipeError(
            f"network.first_pointwise is {str(first_pointwise).lower()}, but core {core.name} was trained with {expected}. "
            f"Write network.first_pointwise={expected}, or train a core with these units."
        )


def _frozen_stem(images, channels, core):
    """Return the feature maps of the frozen core's stem."""
    colour = images if images.shape[-1] == 3 else GreyToRGB(name="frozen.rgb")(images)
    return convolution(colour, channels, 3, 2, "frozen.stem", core)


def _copy_first_units(core, model):
    """Copy the weights of the frozen core's stem and first units to the trainable cores.

    Args:
        core: Core.
        model: model of the trainable cores.
    """
    for layer in model.layers:
        part, _, own = layer.name.partition(".")
        key = core.first_unit(own.removesuffix(".batch_norm"))
        if part == "frozen" or not layer.trainable_weights or key is None:
            continue
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.set_weights(list(core.batch_norm[key]))
        else:
            kernel = core.float_kernel(key)
            grey = kernel.shape[2] != layer.get_weights()[0].shape[2]  # the frozen stem reads it three times
            layer.set_weights([kernel.sum(axis=2, keepdims=True) if grey else kernel])


def _fix_frozen_batch_norms(model):
    """Stop the batch-norms of the frozen core from training."""
    for layer in model.layers:
        if layer.name.startswith("frozen.") and layer.name.endswith(".batch_norm"):
            layer.trainable = False


def _modules(repeats):
    """Yield (name, first units) of each module that an image passes (Fig. 5).

    Args:
        repeats: int. Number of passes through the last module.
    """
    for stage, units in enumerate(STAGES, 1):
        yield f"stage{stage}", units
    for repeat in range(2, repeats + 1):
        yield f"stage{len(STAGES)}.pass{repeat}", (level_unit, level_unit)


def stem_channels(width):
    """Return the number of channels of the stem. Later stages have 2, 4, 4 and 8 times as many."""
    return max(8, 8 * round(STEM_CHANNELS * width / 8))


def check_input_shape(input_shape):
    """Refuse an input that the network cannot take. Raises: RecipeError with the nearest size."""
    *sides, channels = input_shape
    if channels not in (1, 3):
        raise RecipeError(
            f"network.input has {channels} channels. Expected 1 (grey) or 3 (colour). Write for example "
            "network.input=96x96x3."
        )
    nearest = [None if side is None else nearest_side(side) for side in sides]
    if nearest != sides:
        raise RecipeError(
            f"network.input is {'x'.join(map(str, input_shape))}. Expected sides that are multiples of {DOWNSCALING} from "
            f"{SMALLEST_SIDE} to {LARGEST_SIDE}. Write network.input={nearest[0]}x{nearest[1]}x{channels}."
        )
