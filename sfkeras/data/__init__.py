"""Labelled images for training and testing: one source a file, each with a function `load`.

    from sfkeras import data
    split = data.load("att", shape=(96, 96, 1), test_people=10)
    order = data.batches.by_people(split.train, people_per_batch=10, images_per_person=5, seed=1)
    stream = data.batches.stream(split.train, order, "faces", shape=(96, 96, 1), seed=1, epochs=range(0, 30))

Nothing here loads TensorFlow before the first batch is asked for, but for TFRecord shards that exist.
"""

from sfkeras.data import att, batches, camvid, folder, images, lfw, pairs, tfds, tfrecord
from sfkeras.errors import RecipeError

__all__ = [
    "SOURCES",
    "att",
    "batches",
    "camvid",
    "folder",
    "images",
    "lfw",
    "load",
    "pairs",
    "require",
    "tfds",
    "tfrecord",
]

SOURCES = ("att", "lfw", "folder", "tfrecord", "camvid", "tfds")


def require(source: str, root: str | None = None, name: str | None = None) -> None:
    """Refuses a folder that is not there, or not of a source's kind: at once, before any image is read.

    Args:
        source, root, name: as in `load`.
    Raises: RecipeError, in the words of `load`.
    """
    if source == "att":
        att.faces()
        return
    if source not in SOURCES:
        raise RecipeError(f"data.source is {source}, wanted one of {', '.join(SOURCES)}.")
    if root is None:
        raise RecipeError(f"data.root is not given, and data.source={source} needs it. Write data.root=FOLDER.")
    root = images.folder_at(root)
    if source == "folder":
        for part in folder.parts(root):
            folder.classes(part)
    elif source == "lfw":
        lfw.lists(root)
    elif source == "tfds":
        if name is None:
            raise RecipeError(
                "data.name is null, and data.source=tfds needs it. Write for example data.name=imagenet2012."
            )
        tfds.newest_version(root, name)
    elif source == "camvid":
        for part in "train", "test":
            camvid.files(root, part)
    else:
        for part in "train", "val":
            tfrecord.shards(root, part)


def load(
    source: str,
    shape: tuple[int, int, int],
    root: str | None = None,
    test_people: int = 0,
    crop: float = 1.0,
    name: str | None = None,
) -> images.Split:
    """The training and test images of a source, decoded.

    Args:
        source: one of SOURCES.
        shape: (height, width, channels) of the network's input; 1 channel is grey, 3 are RGB.
        root: folder of the images or shards; att needs none.
        test_people: att and folder: how many people (classes) are kept for testing.
        crop: lfw: share of each side that is kept, about the face.
        name: tfds: the set, for example "imagenet2012".
    Raises: RecipeError, one line, if the images are missing, unreadable or too few.
    """
    require(source, root, name)
    if source == "att":
        return att.load(shape, test_people)
    if source == "folder":
        return folder.load(root, shape, test_people)
    if source == "lfw":
        return lfw.load(root, shape, crop=crop)
    if source == "tfds":
        return tfds.load(root, shape, name)
    return {"tfrecord": tfrecord, "camvid": camvid}[source].load(root, shape)
