"""Activations as piecewise-linear functions (section 3.3), as the head's hardware computes them."""

import numpy as np

from sfkeras.errors import RecipeError
from sfkeras.tensorflow import tf

SEGMENTS = 16

_CURVES = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 8.0),
    "tanh": (np.tanh, 4.0),
    "hard_swish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, 3.0),
}


def points(activation):
    """Return the points of an activation: float64 (n, 2) with rising x.

    Args:
        activation: "relu", "sigmoid", "tanh", "hard_swish", or a list of at least two (x, y) with
            rising x. The function is linear between two points. The first and the last line
            continue outside.
    Raises: RecipeError if the name is unknown or the points are not valid.
    """
    if activation == "relu":
        return np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    if isinstance(activation, str):
        if activation not in _CURVES:
            raise RecipeError(
                f"activation is {activation!r}. Expected relu, {', '.join(_CURVES)}, or a list of (x, y) points."
            )
        return _fit(*_CURVES[activation])
    try:
        given = np.asarray(activation, float)
    except (TypeError, ValueError):  # not numbers, or rows of different lengths
        given = np.empty(0)
    pairs = given.ndim == 2 and given.shape[1] == 2 and len(given) >= 2 and np.isfinite(given).all()
    if not pairs or not (np.diff(given[:, 0]) > 0).all():
        raise RecipeError(f"activation is {activation!r}. Expected two or more (x, y) points with rising x.")
    return given


def _fit(function, bound):
    """Place SEGMENTS lines on [-bound, bound], denser where the curve bends.

    Outside, continue flat or straight.
    """
    x = np.linspace(-bound, bound, 100_001)
    bend = np.sqrt(np.abs(np.gradient(np.gradient(function(x), x), x)))
    share = np.cumsum(bend) / bend.sum()
    knots = np.interp(np.linspace(0, 1, SEGMENTS + 1), share, x)
    knots[0], knots[-1] = -bound, bound
    if 0.0 not in knots:
        knots[np.argmin(np.abs(knots))] = 0.0  # f(0) is exact, because 0 is the most frequent code
    outer = np.array([-bound - 1, bound + 1])
    heights = (
        np.interp(outer, knots, function(knots)) if function(bound + 1) - function(bound) < 0.5 else function(outer)
    )
    return np.stack([np.r_[outer[0], knots, outer[1]], np.r_[heights[0], function(knots), heights[1]]], axis=1)


def evaluate(points, x):
    """Return the piecewise-linear function at x: float64, of any shape."""
    xs, ys = points.T
    segment = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    slope = np.diff(ys) / np.diff(xs)
    return ys[segment] + slope[segment] * (x - xs[segment])


def worst_error(activation):
    """Return the largest error on [-16, 16]. It is 0 for relu and for the user's own points."""
    if not isinstance(activation, str) or activation == "relu":
        return 0.0
    x = np.linspace(-16, 16, 200_001)
    return float(np.abs(evaluate(points(activation), x) - _CURVES[activation][0](x)).max())


def table(points, exponent_in, exponent_out):
    """Return the function of each int8 code -128..127: int8 (256,), rounded half away from zero.

    Args:
        points: float64 (n, 2), as returned by `points`.
        exponent_in, exponent_out: ints. The scales are 2^-exponent and the zero points 0.
    """
    y = evaluate(points, np.arange(-128, 128) * 2.0**-exponent_in) * 2.0**exponent_out
    return np.clip(np.trunc(y + np.copysign(0.5, y)), -128, 127).astype(np.int8)


@tf.keras.utils.register_keras_serializable("sfkeras")
class PiecewiseLinear(tf.keras.layers.Layer):
    """Apply an activation as a piecewise-linear function, at the end of a model head (section 3.3).

    Args:
        activation: "relu", "sigmoid", "tanh", "hard_swish", or a list of at least two (x, y) points
            with rising x. The first and the last line continue outside.
    Call arguments: float32 tensor of any shape.
    Returns: float32 tensor of that shape.
    Raises: RecipeError if the name is unknown or the points are not valid.

    Example:
        >>> import numpy as np, sfkeras
        >>> leaky = sfkeras.PiecewiseLinear([(-1, -0.5), (0, 0), (1, 1)])
        >>> leaky(np.float32([-4, 0, 4])).numpy()
        array([-2.,  0.,  4.], dtype=float32)
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation
        self.points = points(activation)

    def call(self, inputs):
        xs, ys = self.points.T.astype(np.float32)
        slopes = np.diff(ys) / np.diff(xs)
        y = ys[0] + slopes[0] * (inputs - xs[0])
        for x, bend in zip(xs[1:-1], np.diff(slopes)):
            y += bend * tf.nn.relu(inputs - x)
        return y

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}
