"""A network in the paper's terms: one row per stage of Table 1, where Keras's own summary has a row per layer."""

import re

import numpy as np

from sfkeras.nn.layers import AlphaBlend
from sfkeras.nn.quantisation import fixed8
from sfkeras.tensorflow import tf

keras = tf.keras
STAGE = re.compile(r"stem|stage\d+(?:\.pass\d+)?|head\.\w+")
COLUMNS = ("stage", "map", "frozen weights", "trainable weights", "mean alpha")


def summary(model):
    """Return a table of a network, one row per stage; of an ordinary model, one row per layer with weights.

    Args:
        model: SemifreddoNet, float or fixed8, or another built model.
    Returns: str. `map` is height x width x channels of the stage's last map. `mean alpha` is the share
        that the trainable cores take from the frozen core, on average (equation 1).

    Example:
        >>> import sfkeras
        >>> print(sfkeras.summary(sfkeras.SemifreddoNet((64, 64, 3), [sfkeras.Head(10)], alpha=0.5)))
        stage           map  frozen weights  trainable weights  mean alpha
        stem       32x32x32             864              1,920
        stage1     16x16x64           6,560              6,400        0.50
        stage2      8x8x128          23,360             20,992        0.50
        stage3      8x8x128          18,688             20,736        0.50
        stage4      4x4x256          87,680             74,752        0.50
        head.task    1x1x10               0              5,130
        in all                      137,152            129,930
    """
    stages = {}
    for layer in model.layers:
        found = STAGE.search(layer.name)
        if found or layer.weights:
            stages.setdefault(found[0] if found else layer.name, []).append(layer)
    rows = [_row(name, layers) for name, layers in stages.items()]
    total = ["in all", "", *(f"{sum(row[i] for row in rows):,}" for i in (2, 3)), ""]
    shown = [COLUMNS, *([name, size, f"{a:,}", f"{b:,}", alpha] for name, size, a, b, alpha in rows), total]
    widths = [max(len(row[i]) for row in shown) for i in range(len(COLUMNS))]
    lines = ("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in shown)
    return "\n".join(lines)


def _row(name, layers):
    """Return name, map, number of frozen and of trainable weights, and mean alpha of a stage."""
    inner = [fixed8.unwrapped(layer) for layer in layers]
    frozen = sum(layer.codes.shape.num_elements() for layer in inner if hasattr(layer, "codes"))
    trainable = sum(int(np.prod(weight.shape)) for layer in inner for weight in layer.trainable_weights)
    alphas = [np.ravel(layer.alphas()) for layer in inner if isinstance(layer, AlphaBlend)]
    size = "x".join(str(side) for side in tf.nest.flatten(layers[-1].output)[0].shape[1:])
    return name, size, frozen, trainable, f"{np.concatenate(alphas).mean():.2f}" if alphas else ""
