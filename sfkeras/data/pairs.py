"""Pairs of images for verification: does a pair show one person or two?"""

from dataclasses import dataclass

import numpy as np

from sfkeras.errors import RecipeError

FOLDS = 10


@dataclass(frozen=True)
class Pairs:
    """Pairs of images, in folds: a threshold is chosen on some folds, and errors are counted on the
    others.

    Attributes:
        first, second: (pairs,), int, indices of images.
        same: (pairs,), bool. True if both images show one person (genuine pair), False for an
            impostor pair.
        fold: (pairs,), int, from 0.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.same)


def balanced(
    labels: np.ndarray,
    name: str,
    seed: int = 0,
    at_most: int = 50_000,
    fix: str = "Add images of the test people, or raise data.test_people.",
) -> Pairs:
    """Return all genuine pairs of a set and as many random impostor pairs, divided into ten folds.

    Args:
        labels: (images,), int.
        name: name of the set in errors.
        seed: of the random pairs. It is independent of the training's seed, so that all trainings
            are tested on the same pairs.
        at_most: largest number of genuine pairs. A larger set is sampled.
        fix: sentence of the error that says how to get more pairs.
    Raises: RecipeError if there are fewer than ten genuine or impostor pairs.
    """
    random = np.random.default_rng(seed)
    first, second = np.triu_indices(len(labels), k=1)
    same = labels[first] == labels[second]
    genuine, impostors = random.permutation(np.flatnonzero(same)), random.permutation(np.flatnonzero(~same))
    count = min(len(genuine), len(impostors), at_most)
    if count < FOLDS:
        raise RecipeError(
            f"{name} has {len(genuine)} pairs of images of one person and {len(impostors)} of two people. Verification "
            f"needs {FOLDS} or more of each. {fix}"
        )
    chosen = np.concatenate([genuine[:count], impostors[:count]])
    return Pairs(first[chosen], second[chosen], same[chosen], assign_folds(same[chosen]))


def assign_folds(same: np.ndarray) -> np.ndarray:
    """Return the fold of each pair, (pairs,).

    Genuine pairs, and impostor pairs, are divided evenly.
    """
    fold = np.empty(len(same), np.int64)
    for kind in (same, ~same):
        fold[kind] = np.arange(kind.sum()) % FOLDS
    return fold
