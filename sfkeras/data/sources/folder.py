"""Any folder with one folder of images per class or person."""

from functools import partial
from pathlib import Path

import numpy as np

from sfkeras.data import pairs, pictures
from sfkeras.data.images import decode_files, folder_at, image_files, together
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

TEST_SHARE = 0.2
TEST_FOLDERS = ("val", "test")


def load(
    root: str | Path, shape: tuple[int, int, int], test_people: int = 0, fit: str = "squeeze", seed: int = 0
) -> Split:
    """Return the training and test images of ROOT/CLASS/*.jpg, or of ROOT/train/CLASS/*.jpg and
    ROOT/val (or test).

    Args:
        root: the folder. Files without an image suffix are ignored.
        shape: (height, width, channels) of the network's input.
        test_people: 0 keeps a fifth of each class's images for testing, at least one per class. A
            larger number keeps that many people for verification. It is ignored if the folder is
            already split.
        fit: how a picture gets the shape; see pictures.fitting.
        seed: selects the test images. It is independent of the training's seed, so that test images
            stay test images.
    Raises: RecipeError if the folder is missing, a class is empty, an image is unreadable, or there
        are too few images.
    """
    root = folder_at(root)
    train, *test = parts(root)
    decoded = partial(decode_files, shape=shape, crop=pictures.fitting(fit, shape))
    if test:
        return as_given(train, test[0], decoded)
    files = classes(train)
    if test_people:
        return by_people(files, decoded, test_people, seed)
    return by_images(files, decoded, seed)


def parts(root: Path) -> list[Path]:
    """Return the folders of class folders: [training, test], or [root] if the folder is not split.

    Args:
        root: the folder that data.root names.
    """
    given = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    return [root / "train", given[0]] if given and (root / "train").is_dir() else [root]


def classes(root: Path) -> dict[str, list[Path]]:
    """Return the images of each class.

    Raises: RecipeError if there are fewer than two classes, or one is empty.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(folders) < 2:
        raise RecipeError(
            f"{root} has {len(folders)} class folders. Expected 2 or more. Make one folder per class in it."
        )
    files = {folder.name: image_files(folder) for folder in folders}
    for name, images in files.items():
        if not images:
            raise RecipeError(f"class {name} is empty: {root / name} has no images. Add images or remove the folder.")
    return files


def as_given(train: Path, test: Path, decoded) -> Split:
    """Return the folder's own split.

    The same classes are tested by classification, other people by pairs.
    """
    train_files, test_files = classes(train), classes(test)
    names = list(train_files)
    new = [name for name in test_files if name not in train_files]
    if new and len(new) < len(test_files):
        raise RecipeError(
            f"class {new[0]} is in {test} but not in {train}. Expected the same classes in both, or none in common."
        )
    if new:
        return verified(train_files, test_files, decoded, fix="Add images to the test people.")
    train_images, test_images = together(
        partial(decoded, str(train), list(train_files.values()), names, keep_small=True),
        partial(decoded, str(test), [test_files.get(name, []) for name in names], names),
    )
    return Split(train_images, test_images, None)


def by_people(files: dict[str, list[Path]], decoded, test_people: int, seed: int) -> Split:
    """Keep whole people for testing. Raises: RecipeError if too few people are left."""
    names = list(files)
    if len(names) < 4:
        raise RecipeError(
            f"data.test_people is {test_people}, but there are {len(names)} people. Expected 4 or more: two to train on, "
            "two to test. Add people, or write data.test_people=0 to keep images of each class instead."
        )
    if not 2 <= test_people <= len(names) - 2:
        raise RecipeError(
            f"data.test_people is {test_people}. Expected 2 to {len(names) - 2} of {len(names)} people, so that two or "
            f"more are left to train on. Write data.test_people={max(2, min(test_people, len(names) - 2))}."
        )
    kept = {names[person] for person in np.random.default_rng(seed).permutation(len(names))[:test_people]}
    train = {name: images for name, images in files.items() if name not in kept}
    return verified(train, {name: files[name] for name in names if name in kept}, decoded)


def verified(train: dict[str, list[Path]], test: dict[str, list[Path]], decoded, **fix) -> Split:
    """Return people to train on, and others whose images are compared in pairs; `fix` as in pairs.balanced."""
    train_images, test_images = together(
        partial(decoded, "the training people", list(train.values()), list(train), keep_small=True),
        partial(decoded, "the test people", list(test.values()), list(test)),
    )
    return Split(train_images, test_images, pairs.balanced(test_images.labels, test_images.name, **fix))


def by_images(files: dict[str, list[Path]], decoded, seed: int) -> Split:
    """Keep some images of each class for testing. Raises: RecipeError if a class has one image."""
    random = np.random.default_rng(seed)
    train, test = [], []
    for name, images in files.items():
        kept = set(random.permutation(len(images))[: test_count(name, len(images))])
        train.append([image for place, image in enumerate(images) if place not in kept])
        test.append([image for place, image in enumerate(images) if place in kept])
    train_images, test_images = together(
        partial(decoded, "the training images", train, list(files), keep_small=True),
        partial(decoded, "the test images", test, list(files)),
    )
    return Split(train_images, test_images, None)


def test_count(name: str, images: int) -> int:
    """Return how many of a class's images are kept for testing if the folder is not split.

    Raises: RecipeError if the class has one image.
    """
    if images < 2:
        raise RecipeError(
            f"class {name} has 1 image. Expected 2 or more: one to train on, one to test on. Add images to it."
        )
    return max(1, round(TEST_SHARE * images))
