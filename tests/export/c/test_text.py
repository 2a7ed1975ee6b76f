"""Numbers and names as C text: whatever a name is, C takes it."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.c.text import c_array, c_comment, c_identifier, c_words

LONGEST_LINE = 100


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=100))
def test_an_array_reads_back_on_short_lines(values):
    text = c_array(np.array(values, np.int8))
    assert [int(value) for value in text.strip("{}\n").split(",")] == values
    assert max(map(len, text.splitlines())) <= LONGEST_LINE


def test_an_array_of_any_shape_is_in_row_order():
    assert c_array(np.arange(6).reshape(2, 3)) == "{\n    0, 1, 2, 3, 4, 5\n}"


@given(st.binary(min_size=4, max_size=200).map(lambda content: content[: len(content) // 4 * 4]))
def test_words_read_back_as_the_same_bytes_on_short_lines(content):
    text = c_words(content)
    assert b"".join(int(word, 16).to_bytes(4, "little") for word in text.split(",")) == content
    assert max(map(len, text.splitlines())) <= LONGEST_LINE


@given(st.text())
def test_any_name_gives_an_identifier_that_is_not_the_librarys(name):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", c_identifier(name))
    assert not re.match(r"sf(_|$)", c_identifier(name))


def test_identifiers_of_names_as_they_are():
    assert c_identifier("frozen.stage2.unit3.depthwise") == "frozen_stage2_unit3_depthwise"
    assert c_identifier("MobilenetV1/Conv2d_0;Relu 6") == "mobilenetv1_conv2d_0_relu_6"
    assert c_identifier("7segments") == "net_7segments"
    assert c_identifier("größe") == "gr__e"
    assert c_identifier("sf") == "net_sf"


@given(st.text())
def test_a_comment_stays_on_its_line(text):
    comment = c_comment(text)
    assert len(comment.splitlines()) <= 1 and "\\" not in comment and "??" not in comment
    assert comment.encode().decode() == comment  # no lone surrogates


def test_a_comment_of_a_usual_name_is_that_name():
    for name in ("frozen.stage2.unit3.depthwise", "model/Relu;model/conv2d/Conv2D;StatefulPartitionedCall:0", "größe"):
        assert c_comment(name) == name
