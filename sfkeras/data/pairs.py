"""Pairs of images for verification: does this pair show one person or two?"""

from dataclasses import dataclass

import numpy as np

from sfkeras.errors import RecipeError

FOLDS = 10


@dataclass(frozen=True)
class Pairs:
    """Pairs of images, in folds for choosing a threshold on some and counting errors on the rest.

    Attributes:
        first, second: (pairs,), int, indices of images.
        same: (pairs,), bool, True if both show one person (a genuine pair), False for an impostor pair.
        fold: (pairs,), int, from 0.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.same)


def balanced(labels: np.ndarray, called: str, seed: int = 0, at_most: int = 50_000) -> Pairs:
    """All genuine pairs of a set and as many impostor pairs drawn at random, dealt to ten folds.

    Args:
        labels: (images,), int.
        called: what an error calls the set.
        seed: of the draw; it is no seed of the training, so that each training is asked the same pairs.
        at_most: from a set with more genuine pairs than this, so many are drawn.
    Raises: RecipeError if there are fewer than ten genuine or impostor pairs.
    """
    random = np.random.default_rng(seed)
    first, second = np.triu_indices(len(labels), k=1)
    same = labels[first] == labels[second]
    genuine, impostors = random.permutation(np.flatnonzero(same)), random.permutation(np.flatnonzero(~same))
    count = min(len(genuine), len(impostors), at_most)
    if count < FOLDS:
        raise RecipeError(
            f"{called} has {len(genuine)} pairs of images of one person and {len(impostors)} of two people, wanted "
            f"{FOLDS} or more of each to test verification. Add images of the test people, or raise data.test_people."
        )
    chosen = np.concatenate([genuine[:count], impostors[:count]])
    return Pairs(first[chosen], second[chosen], same[chosen], deal(same[chosen]))


def deal(same: np.ndarray) -> np.ndarray:
    """(pairs,), the fold of each pair: genuine pairs are dealt in turn, and so are impostor pairs."""
    fold = np.empty(len(same), np.int64)
    for kind in (same, ~same):
        fold[kind] = np.arange(kind.sum()) % FOLDS
    return fold
