"""The model head of section 3.3: pointwise convolution, optional running pool, piecewise-linear
activation.
"""

import math
from dataclasses import dataclass

from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import batch_norm, convolution
from sfkeras.nn.limits import check_sharing
from sfkeras.nn.quantisation.piecewise import PiecewiseLinear
from sfkeras.tensorflow import tf

MOST_PARAMETERS = 131_072  # of all heads together (section 3.3)


@dataclass(frozen=True)
class Head:
    """The head of one task (section 3.3).

    Args:
        outputs: int. Number of output channels.
        on: str. The features it reads: "frozen", "core1" to "coreN", or "cores" for all trainable
            cores.
        name: str. Name of the task. The head's layers are called head.NAME.*.
        groups: int. Groups of the pointwise convolution; a divisor of its input channels and its
            outputs.
        pooling: bool. True averages over the whole map, for one prediction per image. False returns
            one prediction per 16x16 pixels.
        batch_norm: bool. Whether to normalise each output over the training images, so that all
            dimensions of an embedding count alike (ArcFace, Deng et al. 2019, section 3.1). It
            folds into the convolution and costs nothing in hardware.
        activation: None, "relu", "sigmoid", "tanh", "hard_swish" or a list of (x, y) points
            (PiecewiseLinear).
        hidden: int or None. Channels of an additional first pointwise convolution. 1024 gives
            ShuffleNetV2's own head (conv5, pool, dense), which Table 3 uses for image
            classification. Such a head runs on a host and may have any size.

    Example:
        >>> import sfkeras
        >>> heads = [sfkeras.Head(10, on="frozen", name="classes"), sfkeras.Head(64, name="faces")]
        >>> model = sfkeras.SemifreddoNet((32, 32, 3), heads, cores=1, core=None, width=0.25)
        >>> model.output_shape
        [(None, 1, 1, 10), (None, 1, 1, 64)]
    """

    outputs: int
    on: str = "cores"
    name: str = "task"
    groups: int = 1
    pooling: bool = True
    batch_norm: bool = False
    activation: object = None
    hidden: int | None = None


def attach_all(heads, features):
    """Build the heads of a network, which `check` accepts.

    Return its output, or the list of its outputs.
    """
    outputs = [attach(head, features) for head in heads]
    return outputs[0] if len(outputs) == 1 else outputs


def attach(head, features):
    """Build one head on features.

    Args:
        head: Head.
        features: {"frozen": maps, "core1": maps, ...}, each (batch, height, width, channels).
    Returns: (batch, 1, 1, outputs) with pooling, else (batch, height, width, outputs).
    """
    x = head_input(head, features)
    name = f"head.{head.name}"
    pointwise = f"{name}.pointwise"
    pool = tf.keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")
    # A host stores all maps, and pooling first needs fewer multiplications. The head block pools
    # last, because it sums up as lines arrive.
    if head.hidden:
        x = convolution(x, head.hidden, 1, 1, f"{name}.hidden")
        x = pool(x) if head.pooling else x
    x = tf.keras.layers.Conv2D(head.outputs, 1, groups=head.groups, use_bias=not head.batch_norm, name=pointwise)(x)
    if head.batch_norm:
        x = batch_norm(x, pointwise)
    if head.pooling and not head.hidden:
        x = pool(x)
    if head.activation is not None:
        x = PiecewiseLinear(head.activation, name=f"{name}.activation")(x)
    return x


def head_input(head, features):
    """Return the maps that a head reads: those of one core, or of all trainable cores joined."""
    if head.on != "cores":
        return features[head.on]
    trainable = [maps for name, maps in features.items() if name != "frozen"]
    joined = tf.keras.layers.Concatenate(name=f"head.{head.name}.join")
    return joined(trainable) if len(trainable) > 1 else trainable[0]


def check(heads, channels):
    """Refuse heads that read missing features or the same core. To be called before the network is
    built, which takes seconds.

    Args:
        heads: sequence of Head.
        channels: {"frozen": int, "core1": int, ...}. Number of channels of each core's features.
    Raises: RecipeError.
    """
    known = [*channels, *(["cores"] if channels.keys() - {"frozen"} else [])]
    for head in heads:
        if head.on not in known:
            raise RecipeError(
                f"heads.{head.name}.on is {head.on}. Expected one of {', '.join(known)}. "
                f"Write heads.{head.name}.on={known[-1]}."
            )
        read = channels_read(head, channels)
        if read % head.groups or head.outputs % head.groups:
            raise RecipeError(
                f"heads.{head.name}.groups is {head.groups}. Expected a divisor of its {read} input channels and its "
                f"{head.outputs} outputs. Write heads.{head.name}.groups={math.gcd(head.groups, read, head.outputs)}."
            )
    check_sharing({head.name: head for head in heads}, list(channels))


def channels_read(head, channels):
    """Return the number of channels that a head's last convolution reads. Args: as check."""
    if head.hidden:
        return head.hidden
    return sum(c for name, c in channels.items() if name != "frozen") if head.on == "cores" else channels[head.on]


def check_room(heads, channels):
    """Refuse heads that are too large for the hardware's head block. Args and raises: as check.

    A network that is only compared with has no such block, and heads with hidden channels run
    elsewhere.
    """
    parameters = {
        head.name: channels_read(head, channels) * head.outputs // head.groups for head in heads if not head.hidden
    }
    total = sum(parameters.values())
    if total > MOST_PARAMETERS:
        largest = max((head for head in heads if not head.hidden), key=lambda head: parameters[head.name])
        others = total - parameters[largest.name]
        fits = max(0, MOST_PARAMETERS - others) * largest.outputs // parameters[largest.name]
        fits -= fits % largest.groups
        fix = (
            f"Set heads.{largest.name}.outputs to at most {fits}, or raise heads.{largest.name}.groups."
            if fits
            else "Use fewer heads."
        )
        raise RecipeError(
            f"heads.{largest.name}.outputs is {largest.outputs}, so that head has {parameters[largest.name]:,} parameters "
            f"and all heads together have {total:,}. The head block has room for {MOST_PARAMETERS:,}. {fix}"
        )
