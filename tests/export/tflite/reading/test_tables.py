"""Tables of functions of one code, against TensorFlow Lite Micro's kernels, over all 256 codes."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from export.graph.tensor import INT8_MAX, INT8_MIN
from export.tflite.kinds import activation_range
from export.tflite.reading.tables import CODES, FUNCTIONS, Coding, Operand, exp_of_float32, fill
from export.tflite.running.interpreters import run_tflm
from tests.support.tflite.tflite_files import FileBuilder, options

CLAMPED = ("ADD", "MUL", "SUB")
PAIRS = (*CLAMPED, "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
OTHERS = ("DIV", "PRELU", "RSQRT")  # test_operators.py
RELU6 = 3

# Any mantissa, exponents as networks have them and far beyond.
scales = st.builds(
    lambda mantissa, power: float(np.float32(mantissa * 2.0**power)), st.floats(1, 2), st.integers(-16, 3)
)
codings = st.builds(Coding, scales, st.integers(-128, 127))


@st.composite
def inputs_and_outputs(draw):
    """Codings of an input and an output, half of them with quotients of codes next to halves."""
    x, y = draw(codings), draw(codings)
    if draw(st.booleans()):
        quotient = draw(st.integers(1, 63)) / draw(st.sampled_from([16, 32, 64, 128]))
        y = Coding(float(np.float32(x.scale / quotient)), y.zero_point)
    return x, y


many = settings(max_examples=150)
HALVES = Coding(0.25, 0), Coding(float(np.float32(0.2)), 0)  # products next to a half
NEAR_HALF = Coding(2.0**-7, 0)


def of_tflm(kind, inputs, output, options=None):
    """The table as TFLM computes it. inputs: codings, or (coding, code) for the constant."""
    file = FileBuilder()
    indices, x = [], None
    for each in inputs:
        if isinstance(each, Coding):
            x = file.tensor(1, 1, 1, 256, scale=each.scale, zero_point=each.zero_point)
            indices.append(x)
        else:
            coding, code = each
            constant = np.array([code], np.int8)
            indices.append(file.constant(constant, scale=coding.scale, zero_point=coding.zero_point))
    y = file.tensor(1, 1, 1, 256, scale=output.scale, zero_point=output.zero_point)
    file.add(kind, indices, y, options)
    content = file.content([x], [y])
    return run_tflm(content, [CODES.astype(np.int8).reshape(1, 1, 1, -1)], [y])[y].ravel()


def operand(coding, codes=CODES):
    return Operand(coding.scale, coding.zero_point, np.asarray(codes))


@pytest.mark.parametrize("kind", [kind for kind in FUNCTIONS if kind not in PAIRS + OTHERS])
@many
@given(inputs_and_outputs(), st.floats(-4, 4, width=32))
@example(HALVES, 0.25)
@example((NEAR_HALF, NEAR_HALF), 0.5)
@example((Coding(2.0**-5, 3), Coding(2.0**-5, 3)), -0.3)
@example((Coding(6.0, -128), Coding(0.1, -128)), 0.0)
def test_functions(kind, ends, alpha):
    x, y = ends
    if kind == "LOGISTIC":
        y = Coding(2.0**-8, -128)
    constants = {"alpha": alpha} if kind == "LEAKY_RELU" else {}
    try:
        table = fill(kind, [operand(x)], y, (INT8_MIN, INT8_MAX), **constants)
    except ValueError:
        assert kind == "HARD_SWISH"
        assume(False)
    values = options("LeakyRelu", alpha=alpha) if constants else options("Quantize") if kind == "QUANTIZE" else None
    np.testing.assert_array_equal(table, of_tflm(kind, [x], y, values))


@pytest.mark.parametrize("kind", PAIRS)
@many
@given(inputs_and_outputs(), codings, st.integers(-128, 127), st.booleans(), st.sampled_from(["NONE", "RELU6"]))
def test_pairs_with_one_constant(kind, ends, other, code, swapped, activation):
    x, y = ends
    operands, inputs = [operand(x), operand(other, [code])], [x, (other, code)]
    clamp, values = (INT8_MIN, INT8_MAX), options("MaximumMinimum")
    if kind == "SQUARED_DIFFERENCE":
        values = options("SquaredDifference")
        assume(max(x.scale, other.scale) ** 2 < 2.0**18 * y.scale)
    if kind in CLAMPED:
        clamp = activation_range(activation, y.scale, y.zero_point)
        values = options(kind.title(), fusedActivationFunction=RELU6 if activation == "RELU6" else 0)
    if swapped:
        operands.reverse()
        inputs.reverse()
    assume(max(x.scale, other.scale) < 2.0**18 * y.scale)
    np.testing.assert_array_equal(fill(kind, operands, y, clamp), of_tflm(kind, inputs, y, values))


@pytest.mark.parametrize(
    "kind, x, y, message",
    [
        ("LOGISTIC", Coding(0.1, 0), Coding(2.0**-8, 3), "its output has zero point 3; it must be -128"),
        ("TANH", Coding(2.0**-30, 0), Coding(2.0**-7, 0), "its input's scale is 9.31323e-10; it must be at least 7.45"),
        ("HARD_SWISH", Coding(1.0, 0), Coding(2.0**-9, 0), "its output's scale is 0.00195312; it must be at least"),
        ("RELU", Coding(2.0**30, 0), Coding(0.5, 0), "its scales make a factor of 2.14748e+09; it must be below"),
    ],
)
def test_what_tflm_does_not_compute_is_refused(kind, x, y, message):
    with pytest.raises(ValueError) as told:
        fill(kind, [operand(x)], y, (INT8_MIN, INT8_MAX))
    assert str(told.value).startswith(message)


def test_a_sum_whose_scale_tflm_stops_at_is_refused():
    """TFLM ends the process there."""
    with pytest.raises(ValueError, match="its output's scale is 1; it must be above 2, or TFLM stops"):
        fill("ADD", [operand(Coding(2.0**20, 0)), operand(Coding(1.0, 0), [1])], Coding(1.0, 0), (INT8_MIN, INT8_MAX))


@given(st.lists(st.floats(-110, 0, width=32), min_size=1))
def test_exp_is_right_to_the_last_bit_but_one(values):
    x = np.array(values, np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.all(np.abs(exp_of_float32(x) - exact) <= 0.51 * np.spacing(exact.astype(np.float32)))
