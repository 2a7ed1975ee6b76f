"""Data sets that TensorFlow Datasets has prepared, by name: FOLDER/NAME/VERSION, for example
imagenet2012.

Only the folder is read; nothing is downloaded.
"""

from pathlib import Path

from sfkeras.data import records
from sfkeras.data.images import folder_at
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError
from sfkeras.startup import prepare_tensorflow

TEST_SPLITS = ("validation", "test")


def load(root: str | Path, shape: tuple[int, int, int], name: str) -> Split:
    """Return the training split of a data set, and its decoded validation (or test) split.

    A large training split stays in its shards.

    Args:
        root: the data_dir with which the set was prepared.
        shape: (height, width, channels) of the network's input.
        name: name of the set, for example "imagenet2012", or "NAME/CONFIG".
    Raises: RecipeError if the set does not exist, is not a set of images with one class each, or
        has no test split.
    """
    place = newest_version(folder_at(root), name)
    prepare_tensorflow()
    import tensorflow_datasets  # late, so that a missing set is reported at once

    info = tensorflow_datasets.builder_from_directory(place).info
    tested = next((split for split in TEST_SPLITS if split in info.splits), None)
    if tested is None or "train" not in info.splits:
        raise RecipeError(
            f"{name} has the splits {', '.join(info.splits)}. Expected train and {' or '.join(TEST_SPLITS)}. "
            "Use another set."
        )
    train, test = (read(info, split, shape, name) for split in ("train", tested))
    return Split(train if records.is_large(train) else records.decoded(train), records.decoded(test), None)


def newest_version(root: Path, name: str) -> Path:
    """Return the folder of a set's newest version. Raises: RecipeError if there is none."""
    found = [path.parent for path in (root / name).glob("*/dataset_info.json")]
    if not found:
        raise RecipeError(
            f"data.root {root} has no {name}/VERSION/dataset_info.json. Prepare the set with tensorflow-datasets: "
            f"tfds build {name} --data_dir={root}"
        )
    return max(found, key=lambda path: [int(part) if part.isdigit() else -1 for part in path.name.split(".")])


def read(info, split: str, shape: tuple[int, int, int], name: str) -> records.RecordedImages:
    """Return one split. Raises: RecipeError if its features or shards are unsuitable."""
    kinds = {feature: type(kind).__name__ for feature, kind in info.features.items()}
    images = [feature for feature, kind in kinds.items() if kind == "Image"]
    labels = [feature for feature, kind in kinds.items() if kind == "ClassLabel"]
    if len(images) != 1 or len(labels) != 1:
        listed = ", ".join(f"{feature} ({kind})" for feature, kind in sorted(kinds.items()))
        raise RecipeError(f"{name} has {listed}. Expected one Image and one ClassLabel. Use another set.")
    shards = tuple(map(Path, info.splits[split].filepaths))
    if missing := [path for path in shards if not path.is_file()]:
        raise RecipeError(f"{missing[0]} is missing. Prepare {name} again, or copy all of its files.")
    classes = tuple(info.features[labels[0]].names)
    return records.RecordedImages(
        f"{name} {split}", shape, classes, shards, records.places(shards), images[0], labels[0]
    )
