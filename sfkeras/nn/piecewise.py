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
    """Returns the points of an activation, float64 (n, 2), x rising.

    Args:
        activation: "relu", "sigmoid", "tanh", "hard_swish", or a list of at least two (x, y) with rising x. Between two
            points the function is the line through them; outside, the first and last lines go on.
    Raises: RecipeError.
    """
    if activation == "relu":
        return np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    if isinstance(activation, str):
        if activation not in _CURVES:
            raise RecipeError(
                f"activation is {activation!r}; known are relu, {', '.join(_CURVES)}, or a list of points"
            )
        return _fit(*_CURVES[activation])
    try:
        given = np.asarray(activation, float)
    except (TypeError, ValueError):  # not numbers, or rows of different lengths
        given = np.empty(0)
    pairs = given.ndim == 2 and given.shape[1] == 2 and len(given) >= 2 and np.isfinite(given).all()
    if not pairs or not (np.diff(given[:, 0]) > 0).all():
        raise RecipeError(f"activation points must be two or more (x, y) pairs with rising x, got {activation!r}")
    return given


def _fit(function, bound):
    """Places SEGMENTS lines on [-bound, bound], denser where the curve bends, and goes on flat or straight outside."""
    x = np.linspace(-bound, bound, 100_001)
    bend = np.sqrt(np.abs(np.gradient(np.gradient(function(x), x), x)))
    share = np.cumsum(bend) / bend.sum()
    knots = np.interp(np.linspace(0, 1, SEGMENTS + 1), share, x)
    knots[0], knots[-1] = -bound, bound
    if 0.0 not in knots:
        knots[np.argmin(np.abs(knots))] = 0.0  # f(0) is exact: the code 0 is the commonest of all
    outer = np.array([-bound - 1, bound + 1])
    heights = (
        np.interp(outer, knots, function(knots)) if function(bound + 1) - function(bound) < 0.5 else function(outer)
    )
    return np.stack([np.r_[outer[0], knots, outer[1]], np.r_[heights[0], function(knots), heights[1]]], axis=1)


def evaluate(points, x):
    """Returns the piecewise-linear function at x, float64, any shape."""
    xs, ys = points.T
    segment = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    slope = np.diff(ys) / np.diff(xs)
    return ys[segment] + slope[segment] * (x - xs[segment])


def worst_error(activation):
    """Returns the largest distance from the true curve on [-16, 16], 0 for relu and for the user's own points."""
    if not isinstance(activation, str) or activation == "relu":
        return 0.0
    x = np.linspace(-16, 16, 200_001)
    return float(np.abs(evaluate(points(activation), x) - _CURVES[activation][0](x)).max())


def table(points, exponent_in, exponent_out):
    """Returns what the function gives for each int8 code -128..127: int8 (256,), rounded half away from zero.

    Args:
        exponent_in, exponent_out: scales are 2^-exponent, zero points 0.
    """
    y = evaluate(points, np.arange(-128, 128) * 2.0**-exponent_in) * 2.0**exponent_out
    return np.clip(np.trunc(y + np.copysign(0.5, y)), -128, 127).astype(np.int8)


@tf.keras.utils.register_keras_serializable("sfkeras")
class PiecewiseLinear(tf.keras.layers.Layer):
    """The activation at the end of the model head: any function as straight lines between points (section 3.3).

    Args:
        activation: see `points`.
    Call arguments and returns: any shape, float32.
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
