"""Labeled Faces in the Wild, in its own layout and under its own two protocols.

Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007. View 1 is for developing: train on the people
of peopleDevTrain.txt, test on the 1,000 pairs of pairsDevTest.txt. View 2 is for reporting: 6,000 pairs in ten folds.
The views share people, so a network trained under view 1 must not be reported under view 2; `load(fold=...)` trains for
one fold of it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data.images import LabelledImages, Split, decode_files, folder_at
from sfkeras.data.pairs import Pairs, deal
from sfkeras.errors import RecipeError

# (person, image, person, image); images of a person are counted from 1.
Pair = tuple[str, int, str, int]

ORIGINAL, CENTRE = (250, 250), (50, 50, 200, 200)


def load(root: str | Path, shape: tuple[int, int, int], fold: int | None = None, crop: float = 1.0) -> Split:
    """Training people, test people, who are others, and the pairs of test images that LFW asks for.

    Args:
        root: folder with the lists (peopleDevTrain.txt, ...) and NAME/NAME_0001.jpg or images/NAME/NAME_0001.jpg.
            From images of LFW's own size, 250x250, the centre of 150x150 is taken: it holds the face.
        shape: (height, width, channels) of the network's input.
        crop: share of each side of that centre that is kept: less shows the face larger, and less hair and background.
        fold: None for view 1. 1 to 10 for one fold of view 2: its pairs, and training on the people of the other nine.
    Raises: RecipeError if a list or an image is missing, or a list is not LFW's.
    """
    root = folder_at(root)
    train, test, pairs = lists(root, fold)
    test_images = read("lfw test", root, test, shape, crop)
    return Split(read("lfw train", root, train, shape, crop), test_images, index(pairs, test_images))


def view2(root: str | Path, shape: tuple[int, int, int]) -> tuple[LabelledImages, Pairs]:
    """All images and the 6,000 pairs of view 2, in LFW's ten folds, for a network that was not trained on LFW.

    Raises: RecipeError, as load does.
    """
    root = folder_at(root)
    images = read("lfw", root, people(root, "people.txt"), shape)
    return images, index(read_pairs(root, "pairs.txt"), images)


def lists(root: Path, fold: int | None = None) -> tuple[list[dict[str, int]], list[dict[str, int]], list[list[Pair]]]:
    """The folds of people to train on, those of people to test on, and the folds of pairs. Raises: RecipeError."""
    if fold is None:
        train, test = people(root, "peopleDevTrain.txt"), people(root, "peopleDevTest.txt")
        return train, test, read_pairs(root, "pairsDevTest.txt")
    folds = people(root, "people.txt")
    if not 1 <= fold <= len(folds):
        raise RecipeError(f"fold is {fold}, wanted 1 to {len(folds)}, the folds of {root / 'people.txt'}.")
    return folds[: fold - 1] + folds[fold:], folds[fold - 1 : fold], [read_pairs(root, "pairs.txt")[fold - 1]]


def people(root: Path, name: str) -> list[dict[str, int]]:
    """A list of people: for each fold how many images each person has. Lists of view 1 have one fold."""

    def parse(rows):
        folds = int(*rows.pop(0)) if len(rows[1]) == 1 else 1
        return [{person: int(images) for person, images in take(rows, int(*rows.pop(0)))} for _ in range(folds)]

    return parsed(root, name, parse)


def read_pairs(root: Path, name: str) -> list[list[Pair]]:
    """A list of pairs: for each fold genuine pairs, then as many impostor pairs. Lists of view 1 have one fold."""

    def parse(rows):
        *folds, size = map(int, rows.pop(0))
        return [
            [(person, int(first), person, int(second)) for person, first, second in take(rows, size)]
            + [(one, int(first), other, int(second)) for one, first, other, second in take(rows, size)]
            for _ in range(*folds or [1])
        ]

    return parsed(root, name, parse)


def take(rows: list, count: int) -> list:
    """Takes so many rows off the front. Raises: ValueError if there are fewer."""
    taken, rows[:count] = rows[:count], []
    if len(taken) < count:
        raise ValueError
    return taken


def parsed(root: Path, name: str, parse: Callable):
    """What `parse` makes of the words of each line of one of LFW's lists. Raises: RecipeError if that cannot be."""
    path = root / name
    if not path.is_file():
        raise RecipeError(f"data.root {root} has no {name}. Put LFW's lists there, from vis-www.cs.umass.edu/lfw.")
    try:
        return parse([line.split() for line in path.read_text(encoding="utf-8").splitlines()])
    except (IndexError, TypeError, ValueError):
        raise RecipeError(f"{path} is cut short or no list of LFW's. Download {name} again.") from None


def read(called: str, root: Path, folds: list[dict[str, int]], shape, crop: float = 1.0) -> LabelledImages:
    """All images of the people of some folds."""
    images = root / "images" if (root / "images").is_dir() else root
    counts = {name: count for fold in folds for name, count in fold.items()}
    files = [[images / name / f"{name}_{number:04d}.jpg" for number in range(1, n + 1)] for name, n in counts.items()]
    missing = [path for group in files for path in group if not path.is_file()]
    if missing:
        raise RecipeError(
            f"data.root {root} lacks {len(missing)} images of {called}, the first is {missing[0].relative_to(root)}. "
            "Unpack LFW's images there, as NAME/NAME_0001.jpg."
        )
    return decode_files(called, files, list(counts), shape, crop=partial(face, share=crop))


def face(image: Image.Image, share: float = 1.0) -> Image.Image:
    """The face. Without the cut most of the image would be background, which tells people apart too."""
    image = image.crop(CENTRE) if image.size == ORIGINAL else image
    border = [round(side * (1 - share) / 2) for side in image.size]
    return image.crop((*border, *(side - edge for side, edge in zip(image.size, border))))


def index(folds: list[list[Pair]], images: LabelledImages) -> Pairs:
    """LFW's pairs as indices of images. A single fold is dealt to ten, so that thresholds can be chosen on nine."""
    counts = images.counts()
    start = dict(zip(images.names, np.cumsum(counts) - counts))
    end = dict(zip(images.names, np.cumsum(counts)))

    def row(person, image):
        place = start.get(person, 0) + image - 1
        if person not in start or not start[person] <= place < end[person]:
            raise RecipeError(
                f"LFW's pairs name {person} {image}, who is not in {images.called}. Use lists of one view."
            )
        return place

    pairs = [pair for fold in folds for pair in fold]
    first = np.array([row(person, image) for person, image, _, _ in pairs])
    second = np.array([row(person, image) for _, _, person, image in pairs])
    same = np.array([one == other for one, _, other, _ in pairs])
    fold = np.repeat(np.arange(len(folds)), [len(fold) for fold in folds]) if len(folds) > 1 else deal(same)
    return Pairs(first, second, same, fold)
