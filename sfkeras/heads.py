"""The model head of section 3.3: pointwise convolution, optional running pool, piecewise-linear activation."""

from dataclasses import dataclass

import tensorflow as tf

from sfkeras.blocks import batch_norm
from sfkeras.errors import RecipeError
from sfkeras.piecewise import PiecewiseLinear
from sfkeras.recipe import check_sharing

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
    """

    outputs: int
    on: str = "cores"
    name: str = "task"
    groups: int = 1
    pooling: bool = True
    batch_norm: bool = False
    activation: object = None


def attach(head, features):
    """Builds a head on features.

    Args:
        features: {"frozen": maps, "core1": maps, ...}, each (batch, height, width, channels).
    Returns: (batch, 1, 1, outputs) pooled, else (batch, height, width, outputs).
    """
    x = head_input(head, features)
    name = f"head.{head.name}"
    pointwise = f"{name}.pointwise"
    x = tf.keras.layers.Conv2D(head.outputs, 1, groups=head.groups, use_bias=not head.batch_norm, name=pointwise)(x)
    if head.batch_norm:
        x = batch_norm(x, pointwise)
    if head.pooling:
        x = tf.keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")(x)
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
        if read % head.groups or head.outputs % head.groups:
            raise RecipeError(
                f"head {head.name}: groups is {head.groups}, which does not divide both its {read} input channels "
                f"and its {head.outputs} outputs"
            )
        parameters[head.name] = read * head.outputs // head.groups
    check_sharing({head.name: head for head in heads}, list(channels))
    total = sum(parameters.values())
    if total > MOST_PARAMETERS:
        largest = max(heads, key=lambda head: parameters[head.name])
        others = total - parameters[largest.name]
        fits = max(0, MOST_PARAMETERS - others) * largest.outputs // parameters[largest.name]
        fits -= fits % largest.groups
        mend = f"Lower its outputs to at most {fits}, or raise its groups." if fits else "Use fewer heads."
        raise RecipeError(
            f"head {largest.name}: {largest.outputs} outputs take {parameters[largest.name]:,} parameters, and all heads "
            f"together {total:,}; the head block holds {MOST_PARAMETERS:,}. {mend}"
        )
