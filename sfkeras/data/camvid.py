"""Street scenes with a class for each pixel, laid out as CamVid in SegNet's tutorial: SPLIT/images/X.jpg, SPLIT/masks/X.png.

Brostow et al., "Semantic object classes in video", 2009; the 11 classes and the split of Badrinarayanan et al., "SegNet",
2017: 367 images to train on, 101 to tune on, 233 to test on.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data.images import LabelledImages, Split, decode, folder_at, image_files, readable
from sfkeras.errors import RecipeError

CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)
VOID = len(CLASSES)  # of pixels that no class claims: they count neither in training nor in testing


def load(root: str | Path, shape: tuple[int, int, int], test: str = "test") -> Split:
    """The images and masks of train/, and of test/ in the size of the network's input.

    Masks take the class of the nearest pixel. Training images that are smaller than the input keep their size.

    Args:
        root: folder of train/ and test/.
        shape: (height, width, channels) of the network's input.
        test: the folder to test on; "val" while something is being tuned.
    Returns: Split without pairs, whose labels are masks.
    Raises: RecipeError if a folder or a mask is missing, cannot be read, or has classes beyond VOID.
    """
    root = folder_at(root)
    return Split(read(root, "train", shape, keep_small=True), read(root, test, shape), None)


def files(root: Path, part: str) -> list[tuple[Path, Path]]:
    """The images of one part, each with its mask. Raises: RecipeError if there are none, or one has no mask."""
    images, masks = root / part / "images", root / part / "masks"
    found = image_files(images) if images.is_dir() else []
    if not found:
        raise RecipeError(f"data.root {root} holds no images in {part}/images. Put {part}/images/X.jpg there.")
    pairs = [(image, masks / f"{image.stem}.png") for image in found]
    for image, mask in pairs:
        if not mask.is_file():
            raise RecipeError(f"{image} has no mask: {mask} is missing. Add it, or take the image out.")
    return pairs


def read(root: Path, part: str, shape: tuple[int, int, int], keep_small: bool = False) -> LabelledImages:
    """The images and masks of one part. Raises: RecipeError."""
    images, masks = zip(*files(root, part))
    pixels = decode(images, images, shape, keep_small)
    labels = np.stack([decode_mask(mask, image, pixels.shape[1:3]) for image, mask in zip(images, masks)])
    return LabelledImages(f"camvid {part}", pixels, labels, CLASSES)


def decode_mask(path: Path, image: Path, size: tuple[int, int]) -> np.ndarray:
    """The classes of one image's pixels, (height, width) uint8, in a size. Raises: RecipeError."""
    with readable(path), Image.open(path) as mask, Image.open(image) as whole:
        sizes = mask.size, whole.size
        classes = np.asarray(mask.resize(size[::-1], Image.Resampling.NEAREST))
    if sizes[0] != sizes[1]:
        own, wanted = ("x".join(map(str, each)) for each in sizes)
        raise RecipeError(f"{path} is {own}, but its image is {wanted}. Give both one size.")
    if classes.ndim != 2 or classes.max() > VOID:
        got = f"values up to {classes.max()}" if classes.ndim == 2 else f"{classes.shape[2]} channels"
        raise RecipeError(
            f"{path} has {got}, wanted one channel with classes 0 to {VOID}, the last being void. Mend it."
        )
    return classes.astype(np.uint8)
