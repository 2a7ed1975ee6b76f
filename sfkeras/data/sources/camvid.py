"""Street scenes with a class per pixel, in the layout of SegNet's CamVid: SPLIT/images/X.jpg,
SPLIT/masks/X.png.

Brostow et al., "Semantic object classes in video", 2009. The 11 classes and the split are those of
Badrinarayanan et al., "SegNet", 2017: 367 training, 101 validation and 233 test images.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data import pictures
from sfkeras.data.images import LabelledImages, decode, folder_at, image_files
from sfkeras.data.split import Split
from sfkeras.errors import RecipeError

CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)
VOID = len(CLASSES)  # pixels without a class; they do not count in training or testing


def load(root: str | Path, shape: tuple[int, int, int], test: str = "test") -> Split:
    """Return the images and masks of train/, and those of test/ in the size of the network's input.

    Masks are resized to the nearest pixel. Training images that are smaller than the input keep
    their size.

    Args:
        root: folder of train/ and test/.
        shape: (height, width, channels) of the network's input.
        test: folder to test on. Use "val" while tuning.
    Returns: Split without pairs, whose labels are masks.
    Raises: RecipeError if a folder or a mask is missing or unreadable, or a mask has classes above
        VOID.
    """
    root = folder_at(root)
    return Split(read(root, "train", shape, keep_small=True), read(root, test, shape), None)


def files(root: Path, part: str) -> list[tuple[Path, Path]]:
    """Return the images of one part, each with its mask.

    Raises: RecipeError if there are no images, or one has no mask.
    """
    images, masks = root / part / "images", root / part / "masks"
    found = image_files(images) if images.is_dir() else []
    if not found:
        raise RecipeError(f"data.root {root} has no images in {part}/images. Expected {part}/images/X.jpg.")
    pairs = [(image, masks / f"{image.stem}.png") for image in found]
    for image, mask in pairs:
        if not mask.is_file():
            raise RecipeError(f"{image} has no mask: {mask} is missing. Add the mask or remove the image.")
    return pairs


def read(root: Path, part: str, shape: tuple[int, int, int], keep_small: bool = False) -> LabelledImages:
    """Return the images and masks of one part. Raises: RecipeError if one is missing or broken."""
    images, masks = zip(*files(root, part))
    pixels = decode(images, images, shape, keep_small)
    labels = np.stack([decode_mask(mask, image, pixels.shape[1:3]) for image, mask in zip(images, masks)])
    return LabelledImages(f"camvid {part}", pixels, labels, CLASSES)


def decode_mask(path: Path, image: Path, size: tuple[int, int]) -> np.ndarray:
    """Return the classes of one image's pixels, (height, width) uint8, resized.

    Raises: RecipeError if the mask is unreadable.
    """
    sizes = pictures.size(path, path), pictures.size(image, image)
    with pictures.readable(path), pictures.opened(path) as mask:
        mask.load()
        classes = np.asarray(pictures.upright(mask).resize(size[::-1], Image.Resampling.NEAREST))
    if sizes[0] != sizes[1]:
        mask_size, image_size = ("x".join(map(str, each)) for each in sizes)
        raise RecipeError(f"{path} is {mask_size}, but its image is {image_size}. Give both the same size.")
    if classes.ndim != 2 or classes.max() > VOID:
        got = f"values up to {classes.max()}" if classes.ndim == 2 else f"{classes.shape[2]} channels"
        raise RecipeError(
            f"{path} has {got}. Expected one channel with classes 0 to {VOID - 1} and {VOID} for void. Replace the mask."
        )
    return classes.astype(np.uint8)
