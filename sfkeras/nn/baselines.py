"""Networks to compare with, fully trainable: ShuffleNetV2, as in Table 3, and MobileNetV2."""

from sfkeras.errors import RecipeError
from sfkeras.nn.backbone import check_input_shape
from sfkeras.nn.blocks import BATCH_NORM, bottleneck, convolution, depthwise, join, regular_unit
from sfkeras.nn.heads import attach_all, check
from sfkeras.nn.limits import BASELINE_WIDTHS
from sfkeras.nn.saved import SfkerasModel
from sfkeras.tensorflow import require_float32, tf

# Ma et al. 2018, table 5: channels of stages 2 to 4 by width, and units per stage.
CHANNELS = {0.5: (48, 96, 192), 1.0: (116, 232, 464)}
UNITS = (4, 8, 4)
STEM_CHANNELS = 24
MOBILENET_CHANNELS = 1280  # of its last convolution, at any of our widths


def ShuffleNetV2(input_shape, heads, width=1.0):
    """Build ShuffleNetV2 (Ma et al. 2018, Figs. 3c and 3d, table 5), from the stem to stage 4.

    It is one trainable core, called "core1", and has no frozen core.

    Args:
        input_shape: (height, width, channels), as for SemifreddoNet.
        heads: sequence of Head on "core1" or "cores". A head with hidden=1024 is ShuffleNetV2's
            own: conv5, pool, dense.
        width: 0.5 or 1.0. Width multiplier.
    Returns: tf.keras.Model with one output per head.
    Raises: RecipeError if the input, the width or the heads are not possible.

    Example:
        >>> import sfkeras
        >>> sfkeras.ShuffleNetV2((32, 32, 3), [sfkeras.Head(10)], width=0.5).output_shape
        (None, 1, 1, 10)
    """
    require_float32()
    check_input_shape(input_shape)
    _check_width("shufflenet", "ShuffleNetV2", width)
    check(heads, {"core1": CHANNELS[width][-1]})
    images = tf.keras.Input(input_shape, name="image")
    x = convolution(images, STEM_CHANNELS, 3, 2, "stem")
    x = tf.keras.layers.MaxPooling2D(3, 2, "same", name="stem.pool")(x)
    for stage, (channels, units) in enumerate(zip(CHANNELS[width], UNITS), 2):
        x = _downscaling_unit(x, channels // 2, f"stage{stage}.unit1")
        for unit in range(2, units + 1):
            x = regular_unit(x, f"stage{stage}.unit{unit}", transform=bottleneck)
    return SfkerasModel(images, attach_all(heads, {"core1": x}), name="shufflenet_v2")


def MobileNetV2(input_shape, heads, width=0.35):
    """Build Keras's own MobileNetV2 (Sandler et al. 2018, table 2) with random weights, up to its last convolution.

    It is one trainable core, called "core1", and has no frozen core. Args, returns and errors are as
    for ShuffleNetV2; the width is 0.35, 0.5 or 1.0.
    """
    require_float32()
    check_input_shape(input_shape)
    _check_width("mobilenet", "MobileNetV2", width)
    check(heads, {"core1": MOBILENET_CHANNELS})
    images = tf.keras.Input(input_shape, name="image")
    network = tf.keras.applications.MobileNetV2(input_shape, width, include_top=False, weights=None)
    network = tf.keras.models.clone_model(network, images, _with_our_batch_norms)
    return SfkerasModel(images, attach_all(heads, {"core1": network.output}), name="mobilenet_v2")


def _with_our_batch_norms(layer):
    """Return a copy of a layer; of a batch-norm, one as our networks have them.

    Keras's own remember 1,000 steps, more than a short training has, and their gamma may be negative,
    which fixed8 cannot take.
    """
    ours = BATCH_NORM if isinstance(layer, tf.keras.layers.BatchNormalization) else {}
    return type(layer).from_config({**layer.get_config(), **ours})


def _check_width(kind, title, width):
    if width not in BASELINE_WIDTHS[kind]:
        expected = " or ".join(map(str, BASELINE_WIDTHS[kind]))
        raise RecipeError(f"network.width is {width}. Expected {expected} for {title}. Write network.width=1.")


def _downscaling_unit(x, channels, name):
    """Downscale and change the number of channels.

    Unlike in our units, the number is free: 24 become 48 or 116.
    """
    left = depthwise(x, 2, f"{name}.left.depthwise")
    left = convolution(left, channels, 1, 1, f"{name}.left.pointwise")
    return join(left, bottleneck(x, 2, f"{name}.right", channels=channels), name)
