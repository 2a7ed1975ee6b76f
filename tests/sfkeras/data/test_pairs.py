import numpy as np
import pytest

from sfkeras.data import pairs
from sfkeras.errors import RecipeError

LABELS = np.repeat(np.arange(5), 4)


def test_all_genuine_pairs_once_and_as_many_impostors():
    found = pairs.balanced(LABELS, "test")
    assert found.same.sum() == 5 * 6 and len(found) == 2 * 5 * 6
    assert ((LABELS[found.first] == LABELS[found.second]) == found.same).all()
    assert len({frozenset(pair) for pair in zip(found.first, found.second)}) == len(found)


def test_each_fold_is_balanced():
    found = pairs.balanced(LABELS, "test")
    assert np.bincount(found.fold[found.same]).tolist() == np.bincount(found.fold[~found.same]).tolist() == [3] * 10


def test_the_draw_follows_from_its_seed():
    first, again, other = (pairs.balanced(LABELS, "test", seed) for seed in (0, 0, 1))
    assert (first.second == again.second).all() and (first.second != other.second).any()
    assert len(pairs.balanced(LABELS, "test", at_most=10)) == 20


def test_too_few_pairs():
    with pytest.raises(
        RecipeError, match="3 images has 1 pairs of images of one person and 2 of two people. Verification needs 10"
    ):
        pairs.balanced(np.array([0, 0, 1]), "3 images")
