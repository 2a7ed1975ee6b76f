"""Sets that TensorFlow Datasets prepared before, by name: FOLDER/NAME/VERSION, as imagenet2012.

Only what lies in the folder is read; nothing is downloaded.
"""

from pathlib import Path

from sfkeras.data import records
from sfkeras.data.images import Split, folder_at
from sfkeras.errors import RecipeError
from sfkeras.startup import prepare_tensorflow

TEST_SPLITS = ("validation", "test")


def load(root: str | Path, shape: tuple[int, int, int], name: str) -> Split:
    """The training split of a set, and its validation (or test) split, decoded; a large training split stays in its shards.

    Args:
        root: the folder that was data_dir when the set was prepared.
        shape: (height, width, channels) of the network's input.
        name: of the set, for example "imagenet2012", or "NAME/CONFIG".
    Raises: RecipeError if the set is not there, has no images with a class each, or no split to test on.
    """
    place = newest_version(folder_at(root), name)
    prepare_tensorflow()
    import tensorflow_datasets  # late: what is missing is told without it

    info = tensorflow_datasets.builder_from_directory(place).info
    test = next((split for split in TEST_SPLITS if split in info.splits), None)
    if test is None or "train" not in info.splits:
        raise RecipeError(
            f"{name} has the splits {', '.join(info.splits)}, wanted train and {' or '.join(TEST_SPLITS)}. Take another set."
        )
    train, test = (read(info, split, shape, name) for split in ("train", test))
    return Split(train if records.is_large(train) else records.decoded(train), records.decoded(test), None)


def newest_version(root: Path, name: str) -> Path:
    """The folder of a set's newest version. Raises: RecipeError if it is not there."""
    found = [path.parent for path in (root / name).glob("*/dataset_info.json")]
    if not found:
        raise RecipeError(
            f"data.root {root} holds no {name}/VERSION/dataset_info.json. Prepare the set with tensorflow-datasets: "
            f"tfds build {name} --data_dir={root}"
        )
    return max(found, key=lambda path: [int(part) if part.isdigit() else -1 for part in path.name.split(".")])


def read(info, split: str, shape: tuple[int, int, int], name: str) -> records.RecordedImages:
    """One split. Raises: RecipeError."""
    kinds = {feature: type(kind).__name__ for feature, kind in info.features.items()}
    images = [feature for feature, kind in kinds.items() if kind == "Image"]
    labels = [feature for feature, kind in kinds.items() if kind == "ClassLabel"]
    if len(images) != 1 or len(labels) != 1:
        listed = ", ".join(f"{feature} ({kind})" for feature, kind in sorted(kinds.items()))
        raise RecipeError(f"{name} has {listed}, wanted one Image and one ClassLabel. Take another set.")
    shards = tuple(map(Path, info.splits[split].filepaths))
    if missing := [path for path in shards if not path.is_file()]:
        raise RecipeError(f"{missing[0]} is missing. Prepare {name} again, or copy it whole.")
    classes = tuple(info.features[labels[0]].names)
    return records.RecordedImages(
        f"{name} {split}", shape, classes, shards, records.places(shards), images[0], labels[0]
    )
