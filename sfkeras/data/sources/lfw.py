"""Labeled Faces in the Wild, in its own layout and with its own two protocols.

Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007. View 1 is for development:
train on the people of peopleDevTrain.txt, test on the 1,000 pairs of pairsDevTest.txt. View 2 is
for reporting: 6,000 pairs in ten folds. The views share people, so a network trained with view 1
must not be reported with view 2. `load(fold=...)` trains for one fold of view 2.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data.images import LabelledImages, decode_files, folder_at
from sfkeras.data.pairs import Pairs, assign_folds
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

# (person, image, person, image); images of a person are counted from 1.
Pair = tuple[str, int, str, int]

ORIGINAL, CENTRE = (250, 250), (50, 50, 200, 200)


def load(root: str | Path, shape: tuple[int, int, int], fold: int | None = None, crop: float = 1.0) -> Split:
    """Return training people, other test people, and LFW's pairs of test images.

    Args:
        root: folder with the lists (peopleDevTrain.txt, ...) and NAME/NAME_0001.jpg or
            images/NAME/NAME_0001.jpg. Images of LFW's own size, 250x250, are cropped to their
            centre of 150x150, which contains the face.
        shape: (height, width, channels) of the network's input.
        fold: None for view 1. 1 to 10 for one fold of view 2: its pairs, and training on the people
            of the other nine folds.
        crop: share of each side of that centre to keep. A smaller share shows a larger face, and
            less hair and background.
    Raises: RecipeError if a list or an image is missing, or a list is damaged.
    """
    root = folder_at(root)
    train, test, pairs = lists(root, fold)
    test_images = read("lfw test", root, test, shape, crop)
    return Split(read("lfw train", root, train, shape, crop), test_images, index(pairs, test_images))


def view2(root: str | Path, shape: tuple[int, int, int]) -> tuple[LabelledImages, Pairs]:
    """Return all images and the 6,000 pairs of view 2, in ten folds, for a network that was not
    trained on LFW.

    Raises: RecipeError, as load does.
    """
    root = folder_at(root)
    images = read("lfw", root, people(root, "people.txt"), shape)
    return images, index(read_pairs(root, "pairs.txt"), images)


def lists(root: Path, fold: int | None = None) -> tuple[list[dict[str, int]], list[dict[str, int]], list[list[Pair]]]:
    """Return the folds of people to train on, the folds of people to test on, and the folds of
    pairs. Raises: RecipeError.
    """
    if fold is None:
        train, test = people(root, "peopleDevTrain.txt"), people(root, "peopleDevTest.txt")
        return train, test, read_pairs(root, "pairsDevTest.txt")
    folds = people(root, "people.txt")
    if not 1 <= fold <= len(folds):
        raise RecipeError(f"fold is {fold}. Expected 1 to {len(folds)}, the folds of {root / 'people.txt'}.")
    return folds[: fold - 1] + folds[fold:], folds[fold - 1 : fold], [read_pairs(root, "pairs.txt")[fold - 1]]


def people(root: Path, name: str) -> list[dict[str, int]]:
    """Return a list of people: for each fold the number of images per person.

    Lists of view 1 have one fold.
    """

    def parse(rows):
        folds = int(*rows.pop(0)) if len(rows[1]) == 1 else 1
        return [{person: int(images) for person, images in take(rows, int(*rows.pop(0)))} for _ in range(folds)]

    return parsed(root, name, parse)


def read_pairs(root: Path, name: str) -> list[list[Pair]]:
    """Return a list of pairs: for each fold genuine pairs, then as many impostor pairs.

    Lists of view 1 have one fold.
    """

    def parse(rows):
        *folds, size = map(int, rows.pop(0))
        return [
            [(person, int(first), person, int(second)) for person, first, second in take(rows, size)]
            + [(one, int(first), other, int(second)) for one, first, other, second in take(rows, size)]
            for _ in range(*folds or [1])
        ]

    return parsed(root, name, parse)


def take(rows: list, count: int) -> list:
    """Remove the first `count` rows and return them. Raises: ValueError if there are fewer."""
    taken, rows[:count] = rows[:count], []
    if len(taken) < count:
        raise ValueError
    return taken


def parsed(root: Path, name: str, parse: Callable):
    """Parse one of LFW's lists: `parse` gets the words of each line.

    Raises: RecipeError if the list is damaged.
    """
    path = root / name
    if not path.is_file():
        raise RecipeError(f"data.root {root} has no {name}. Put LFW's lists there, from vis-www.cs.umass.edu/lfw.")
    try:
        return parse([line.split() for line in path.read_text(encoding="utf-8").splitlines()])
    except (IndexError, TypeError, ValueError):
        raise RecipeError(f"{path} is truncated or not one of LFW's lists. Download {name} again.") from None


def read(name: str, root: Path, folds: list[dict[str, int]], shape, crop: float = 1.0) -> LabelledImages:
    """Return all images of the people of some folds. Raises: RecipeError if images are missing."""
    images = root / "images" if (root / "images").is_dir() else root
    counts = {person: count for fold in folds for person, count in fold.items()}
    files = [
        [images / person / f"{person}_{number:04d}.jpg" for number in range(1, n + 1)] for person, n in counts.items()
    ]
    missing = [path for group in files for path in group if not path.is_file()]
    if missing:
        raise RecipeError(
            f"data.root {root} lacks {len(missing)} images of {name} (first: {missing[0].relative_to(root)}). "
            "Unpack LFW's images there, as NAME/NAME_0001.jpg."
        )
    return decode_files(name, files, list(counts), shape, crop=partial(face, share=crop))


def face(image: Image.Image, share: float = 1.0) -> Image.Image:
    """Crop an image to the face.

    Otherwise most of it would be background, which also identifies people.
    """
    image = image.crop(CENTRE) if image.size == ORIGINAL else image
    left, above = (round(side * (1 - share) / 2) for side in image.size)
    return image.crop((left, above, image.width - left, image.height - above))


def index(folds: list[list[Pair]], images: LabelledImages) -> Pairs:
    """Return LFW's pairs as indices of images.

    A single fold is divided into ten, so that thresholds are chosen on nine.
    """
    counts = images.counts()
    start = dict(zip(images.class_names, np.cumsum(counts) - counts))
    end = dict(zip(images.class_names, np.cumsum(counts)))

    def row(person, image):
        place = start.get(person, 0) + image - 1
        if person not in start or not start[person] <= place < end[person]:
            raise RecipeError(
                f"LFW's pairs contain image {image} of {person}, which is not in {images.name}. Use the lists of one view."
            )
        return place

    pairs = [pair for fold in folds for pair in fold]
    first = np.array([row(person, image) for person, image, _, _ in pairs])
    second = np.array([row(person, image) for _, _, person, image in pairs])
    same = np.array([one == other for one, _, other, _ in pairs])
    fold = np.repeat(np.arange(len(folds)), [len(fold) for fold in folds]) if len(folds) > 1 else assign_folds(same)
    return Pairs(first, second, same, fold)
