"""The model head of section 3.3: pointwise convolution, optional running pool, piecewise-linear activation."""

from dataclasses import dataclass

from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import batch_norm, convolution
from sfkeras.nn.limits import check_sharing
from sfkeras.nn.piecewise import PiecewiseLinear
from sfkeras.tensorflow import tf

MOST_PARAMETERS = 131_072  # section 3.3, of all heads together


@dataclass(frozen=True)
class Head:
    """One task's head.

    Args:
        outputs: number of output channels.
        on: what it reads: "frozen", "core1".."coreN", or "cores" for all trainable cores together.
        name: of the task; names the head's layers head.NAME.*.
        groups: of the pointwise convolution; divides its input channels and outputs.
        pooling: average over the whole map, for one prediction an image; off for one prediction every 16x16 pixels.
        batch_norm: centre and scale each output over the training images: an embedding whose dimensions count alike
            (ArcFace, Deng et al. 2019, section 3.1). Folds into the convolution, so that it costs nothing on a chip.
        activation: None, "relu", "sigmoid", "tanh", "hard_swish" or a list of (x, y) points (piecewise.py).
        hidden: None, or channels of a pointwise convolution before it all. With 1024 it is ShuffleNetV2's own head (conv5,
            pool, dense), which Table 3 uses for image classification; such a head runs on a host and may have any size.
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
    """Builds the heads of a network. Returns: its output, or the list of its outputs. Raises: RecipeError."""
    check(heads, {name: maps.shape[-1] for name, maps in features.items()})
    outputs = [attach(head, features) for head in heads]
    return outputs[0] if len(outputs) == 1 else outputs


def attach(head, features):
    """Builds a head on features.

    Args:
        features: {"frozen": maps, "core1": maps, ...}, each (batch, height, width, channels).
    Returns: (batch, 1, 1, outputs) pooled, else (batch, height, width, outputs).
    """
    x = head_input(head, features)
    name = f"head.{head.name}"
    pointwise = f"{name}.pointwise"
    pool = tf.keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")
    if head.hidden:  # a host holds all maps, and multiplies less behind the pool; the head block keeps a running sum
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
    """Returns the maps that a head reads: those of one core, or of all trainable cores joined."""
    if head.on != "cores":
        return features[head.on]
    trainable = [maps for name, maps in features.items() if name != "frozen"]
    joined = tf.keras.layers.Concatenate(name=f"head.{head.name}.join")
    return joined(trainable) if len(trainable) > 1 else trainable[0]


def check(heads, channels):
    """Refuses heads that read what is not there or what another reads, and heads that the hardware's head block cannot hold.

    Args:
        channels: {"frozen": c, "core1": c, ...}, channels that each core hands over.
    """
    known = [*channels, *(["cores"] if channels.keys() - {"frozen"} else [])]
    parameters = {}
    for head in heads:
        if head.on not in known:
            raise RecipeError(f"head {head.name}: on is {head.on!r}, but this network has {', '.join(known)}")
        read = sum(c for name, c in channels.items() if name != "frozen") if head.on == "cores" else channels[head.on]
        read = head.hidden or read
        if read % head.groups or head.outputs % head.groups:
            raise RecipeError(
                f"head {head.name}: groups is {head.groups}, which does not divide both its {read} input channels "
                f"and its {head.outputs} outputs"
            )
        if not head.hidden:
            parameters[head.name] = read * head.outputs // head.groups
    check_sharing({head.name: head for head in heads}, list(channels))
    total = sum(parameters.values())
    if total > MOST_PARAMETERS:
        largest = max((head for head in heads if not head.hidden), key=lambda head: parameters[head.name])
        others = total - parameters[largest.name]
        fits = max(0, MOST_PARAMETERS - others) * largest.outputs // parameters[largest.name]
        fits -= fits % largest.groups
        mend = f"Lower its outputs to at most {fits}, or raise its groups." if fits else "Use fewer heads."
        raise RecipeError(
            f"head {largest.name}: {largest.outputs} outputs take {parameters[largest.name]:,} parameters, and all heads "
            f"together {total:,}; the head block holds {MOST_PARAMETERS:,}. {mend}"
        )
