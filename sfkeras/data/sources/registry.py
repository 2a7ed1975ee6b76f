"""All data sources by name: what each needs, and its images."""

from sfkeras.data import images
from sfkeras.data.sources import att, camvid, folder, idx, lfw, tfds, tfrecord
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

SOURCES = ("att", "lfw", "folder", "tfrecord", "camvid", "tfds", "idx")


def require(source: str, root: str | None = None, name: str | None = None) -> None:
    """Refuse a folder that does not exist or does not suit a source, before any image is read.

    Args:
        source, root, name: as in `load`.
    Raises: RecipeError with the message of `load`.
    """
    if source == "att":
        att.faces()
        return
    if source not in SOURCES:
        raise RecipeError(f"data.source is {source}. Expected one of {', '.join(SOURCES)}.")
    if root is None:
        raise RecipeError(f"data.root is not set, but data.source={source} needs a folder. Write data.root=FOLDER.")
    place = images.folder_at(root)
    if source == "folder":
        for images_of_part in folder.parts(place):
            folder.classes(images_of_part)
    elif source == "lfw":
        lfw.lists(place)
    elif source == "tfds":
        if name is None:
            raise RecipeError(
                "data.name is null, but data.source=tfds needs it. Write for example data.name=imagenet2012."
            )
        tfds.newest_version(place, name)
    elif source == "idx":
        for part in idx.PARTS:
            idx.files(place, part)
    elif source == "camvid":
        for part in "train", "test":
            camvid.files(place, part)
    else:
        for part in "train", "val":
            tfrecord.shards(place, part)


def load(
    source: str,
    shape: tuple[int, int, int],
    root: str | None = None,
    test_people: int = 0,
    crop: float = 1.0,
    name: str | None = None,
    fit: str = "squeeze",
) -> Split:
    """Return the decoded training and test images of a source.

    Args:
        source: one of SOURCES.
        shape: (height, width, channels) of the network's input. 1 channel is grey, 3 channels are
            RGB.
        root: folder of the images or shards. att needs none.
        test_people: att and folder: number of people (classes) to keep for testing.
        crop: lfw: share of each side to keep, around the face.
        name: tfds: name of the data set, for example "imagenet2012".
        fit: folder: how a picture gets the shape; see pictures.fitting.
    Raises: RecipeError if images are missing, unreadable or too few.
    """
    require(source, root, name)
    if source == "att":
        return att.load(shape, test_people)
    if source == "folder":
        return folder.load(root, shape, test_people, fit)
    if source == "lfw":
        return lfw.load(root, shape, crop=crop)
    if source == "tfds":
        return tfds.load(root, shape, name)
    return {"tfrecord": tfrecord, "camvid": camvid, "idx": idx}[source].load(root, shape)
