"""Any folder that holds one folder of images for each class or person."""

from pathlib import Path

import numpy as np

from sfkeras.data import pairs
from sfkeras.data.images import Split, decode_files, folder_at, image_files
from sfkeras.errors import RecipeError

TEST_SHARE = 0.2
TEST_FOLDERS = ("val", "test")


def load(root: str | Path, shape: tuple[int, int, int], test_people: int = 0, seed: int = 0) -> Split:
    """Training and test images of ROOT/CLASS/*.jpg, or as given by ROOT/train/CLASS/*.jpg and ROOT/val (or test).

    Args:
        root: the folder. Files that are no images by their suffix are passed over.
        shape: (height, width, channels) of the network's input.
        test_people: 0 keeps a fifth of each class's images for testing (at least one of each). More keeps so many
            people, whole, for verification. Of no use where the folder is split already.
        seed: chooses what is kept; it is no seed of the training, so that test images stay test images.
    Raises: RecipeError if the folder is missing or a class is empty, an image cannot be read, or there are too few.
    """
    root = folder_at(root)
    train, *test = parts(root)
    if test:
        return as_given(train, *test, shape)
    files = classes(train)
    if test_people:
        return by_people(files, shape, test_people, seed)
    return by_images(files, shape, seed)


def parts(root: Path) -> list[Path]:
    """The folders that hold class folders: those of the training and the test images, or one that is not split."""
    given = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    return [root / "train", given[0]] if given and (root / "train").is_dir() else [root]


def classes(root: Path) -> dict[str, list[Path]]:
    """The images of each class. Raises: RecipeError if there are fewer than two classes, or one is empty."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(folders) < 2:
        raise RecipeError(
            f"{root} holds {len(folders)} class folders, wanted 2 or more. Make one folder a class in it."
        )
    files = {folder.name: image_files(folder) for folder in folders}
    for name, images in files.items():
        if not images:
            raise RecipeError(f"class {name} is empty: {root / name} holds no images. Add some or remove the folder.")
    return files


def as_given(train: Path, test: Path, shape) -> Split:
    """The folder's own split. Classes that are the same are tested by classification, other people by pairs."""
    train_files, test_files = classes(train), classes(test)
    names = list(train_files)
    strangers = [name for name in test_files if name not in train_files]
    if strangers and len(strangers) < len(test_files):
        raise RecipeError(
            f"class {strangers[0]} is in {test} but not in {train}. Make both hold the same classes, or none."
        )
    if strangers:
        return verified(train_files, test_files, shape)
    return Split(
        decode_files(str(train), list(train_files.values()), names, shape, keep_small=True),
        decode_files(str(test), [test_files.get(name, []) for name in names], names, shape),
        None,
    )


def by_people(files: dict[str, list[Path]], shape, test_people: int, seed: int) -> Split:
    """Keeps whole people for testing."""
    names = list(files)
    if not 2 <= test_people <= len(names) - 2:
        raise RecipeError(
            f"data.test_people is {test_people}, wanted 2 to {len(names) - 2} of {len(names)} people, so that two or "
            "more are left to train on. Write data.test_people=0 to keep images of each class instead."
        )
    kept = {names[person] for person in np.random.default_rng(seed).permutation(len(names))[:test_people]}
    train = {name: images for name, images in files.items() if name not in kept}
    return verified(train, {name: files[name] for name in names if name in kept}, shape)


def verified(train: dict[str, list[Path]], test: dict[str, list[Path]], shape) -> Split:
    """People to train on, and others whose images are compared in pairs."""
    test_images = decode_files("the test people", list(test.values()), list(test), shape)
    train_images = decode_files("the training people", list(train.values()), list(train), shape, keep_small=True)
    return Split(train_images, test_images, pairs.balanced(test_images.labels, test_images.called))


def by_images(files: dict[str, list[Path]], shape, seed: int) -> Split:
    """Keeps some images of each class for testing."""
    random = np.random.default_rng(seed)
    train, test = [], []
    for name, images in files.items():
        if len(images) < 2:
            raise RecipeError(
                f"class {name} has 1 image, wanted 2 or more: one to train on, one to test. Add images to it."
            )
        kept = set(random.permutation(len(images))[: max(1, round(TEST_SHARE * len(images)))])
        train.append([image for place, image in enumerate(images) if place not in kept])
        test.append([image for place, image in enumerate(images) if place in kept])
    return Split(
        decode_files("the training images", train, list(files), shape, keep_small=True),
        decode_files("the test images", test, list(files), shape),
        None,
    )
