"""Answers as text: what was packed comes back, and the text is short enough for a line."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sfkeras.training.run_folder import correct_cases


@given(st.lists(st.booleans(), max_size=70))
def test_answers_come_back_in_order(right):
    packed = correct_cases.pack(np.array(right, bool))
    assert correct_cases.unpack(packed).tolist() == right
    assert len(packed) <= 3 + 2 * -(-len(right) // 8)


def test_the_first_case_is_the_highest_bit():
    assert correct_cases.pack(np.array([True] + [False] * 11)) == "12:8000"
