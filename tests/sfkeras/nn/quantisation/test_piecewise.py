"""Activations as straight lines: exact where they are given, close where they are fitted, and the same in every form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.errors import RecipeError
from sfkeras.nn.quantisation.piecewise import PiecewiseLinear, evaluate, points, table, worst_error

RISING = st.lists(st.integers(-64, 64), min_size=2, max_size=8, unique=True).map(sorted)
EXPONENTS = st.integers(0, 7)


@st.composite
def own_points(draw, monotone=False):
    """Points whose coordinates are multiples of 1/8, as a user might give them."""
    xs = draw(RISING)
    ys = draw(st.lists(st.integers(-64, 64), min_size=len(xs), max_size=len(xs)))
    return [(x / 8, y / 8) for x, y in zip(xs, sorted(ys) if monotone else ys)]


@given(own_points())
def test_the_function_goes_through_its_points(given_points):
    xs, ys = np.array(given_points).T
    np.testing.assert_allclose(evaluate(points(given_points), xs), ys, atol=1e-12)


@given(own_points())
def test_the_first_and_last_lines_go_on(given_points):
    (x0, y0), (x1, y1) = given_points[-2:]
    assert evaluate(points(given_points), 2 * x1 - x0) == pytest.approx(2 * y1 - y0)


def test_relu_is_exact():
    x = np.linspace(-300, 300, 1001)
    assert np.array_equal(evaluate(points("relu"), x), np.maximum(x, 0))


@pytest.mark.parametrize("exponent", [0, 4, 7])
def test_the_table_of_relu_is_exact(exponent):
    assert np.array_equal(table(points("relu"), exponent, exponent), np.maximum(np.arange(-128, 128), 0))


@pytest.mark.parametrize("activation, at_0", [("sigmoid", 0.5), ("tanh", 0), ("hard_swish", 0)])
def test_named_curves_are_exact_at_0(activation, at_0):
    assert evaluate(points(activation), 0.0) == pytest.approx(at_0, abs=1e-12)


@pytest.mark.parametrize(
    "activation, bound", [("relu", 0), ("sigmoid", 0.0031), ("tanh", 0.0062), ("hard_swish", 0.0059)]
)
def test_named_curves_are_closer_than(activation, bound):
    assert worst_error(activation) <= bound


def test_the_points_of_a_user_have_no_error():
    assert worst_error([(-1, 0), (1, 2)]) == 0


@given(own_points(monotone=True) | st.sampled_from(["relu", "sigmoid", "tanh"]), EXPONENTS, EXPONENTS)
def test_the_table_of_a_rising_function_never_falls(activation, exponent_in, exponent_out):
    assert (np.diff(table(points(activation), exponent_in, exponent_out).astype(int)) >= 0).all()


@given(own_points() | st.sampled_from(["relu", "sigmoid", "tanh", "hard_swish"]), EXPONENTS, EXPONENTS)
def test_the_table_is_the_function_to_half_a_code(activation, exponent_in, exponent_out):
    codes = table(points(activation), exponent_in, exponent_out).astype(int)
    expected = evaluate(points(activation), np.arange(-128, 128) / 2**exponent_in) * 2**exponent_out
    assert codes.shape == (256,)
    assert (np.abs(codes - np.clip(expected, -128, 127)) <= 0.5 + 1e-9).all()


@settings(deadline=None, max_examples=30)
@given(own_points() | st.sampled_from(["relu", "sigmoid", "tanh", "hard_swish"]))
def test_the_layer_is_the_function(activation):
    x = np.linspace(-10, 10, 301).astype("float32")
    expected = evaluate(points(activation), x.astype(float))
    y = PiecewiseLinear(activation)(x).numpy()
    # float32: the layer adds up one ramp a point, so rounding grows with the largest slope.
    slopes = np.abs(np.diff(points(activation)[:, 1]) / np.diff(points(activation)[:, 0])).max()
    np.testing.assert_allclose(y, expected, atol=1e-5 * (1 + slopes))


@pytest.mark.parametrize(
    "refused",
    [
        [],
        [(0, 0)],
        [(0, 0, 0), (1, 1, 1)],
        [(1, 0), (0, 1)],
        [(0, 0), (0, 1)],
        [(0, float("nan")), (1, 1)],
        [(0, 0), (float("inf"), 1)],
        [(0, 0), (1,)],
        [("a", "b"), ("c", "d")],
    ],
)
def test_points_that_make_no_function_are_refused(refused):
    with pytest.raises(RecipeError, match=r"activation is .* Expected two or more \(x, y\) points with rising x."):
        points(refused)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(RecipeError, match="activation is 'gelu'. Expected relu, sigmoid, tanh, hard_swish, or a list"):
        PiecewiseLinear("gelu")
