"""One picture file as pixels of the network: 8-bit grey or RGB, upright, without transparency.

Pillow's own conversions clip 16-bit values, drop transparency and leave a photo on its side. The
table in docs/recipes.md says what each kind of picture becomes here.
"""

import io
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sfkeras import costs
from sfkeras.errors import RecipeError

Crop = Callable[[Image.Image], Image.Image]

ORIENTATION = 0x0112  # EXIF
LYING = (5, 6, 7, 8)  # orientations whose sides are swapped
BITS, PHOTOMETRIC = 258, 262  # TIFF
GREY = 128  # the network's 0
UNREAD = (".heic", ".heif", ".avif")  # what phones write and Pillow may not read
PALER = "Save it with 8 or 16 bits per channel."


def read(encoded: Path | bytes, origin, shape: tuple[int, int, int], crop: Crop | None = None) -> np.ndarray:
    """Return a picture, resized: bilinear, and area-weighted where it shrinks (no aliasing).

    Args:
        encoded: path, or the bytes of a picture file.
        origin: name of the picture in errors.
        shape: (height, width, channels) of the result; 1 channel is grey, 3 are RGB.
        crop: function that crops the upright picture before it is resized, or None.
    Returns: `shape`, uint8.
    Raises: RecipeError if the picture is broken, too large, or has values whose white is unknown.
    """
    height, width, channels = shape
    mode = "L" if channels == 1 else "RGB"
    with readable(origin), opened(encoded) as image, room(image.width * image.height):
        image.load()
        image = eight_bits(upright(image), origin)
        image = image.convert("RGBA" if image.has_transparency_data else mode)
        image = crop(image) if crop else image
        image = on_white(image.resize((width, height), Image.Resampling.BILINEAR)).convert(mode)
        return np.asarray(image, np.uint8).reshape(shape)


def fitting(fit: str, shape: tuple[int, int, int]) -> Crop | None:
    """Return how a picture gets the aspect ratio of a shape before it is resized.

    Args:
        fit: squeeze: not at all; crop: its middle, as large as possible; pad: all of it, between grey bars.
        shape: (height, width, channels) of the network's input.
    """
    return {"squeeze": None, "crop": partial(_middle, shape=shape), "pad": partial(_padded, shape=shape)}[fit]


def _middle(image: Image.Image, shape: tuple[int, int, int]) -> Image.Image:
    width = min(image.width, image.height * shape[1] / shape[0])
    height = min(image.height, image.width * shape[0] / shape[1])
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return image.crop((round(left), round(top), max(round(left + width), 1), max(round(top + height), 1)))


def _padded(image: Image.Image, shape: tuple[int, int, int]) -> Image.Image:
    width = max(image.width, round(image.height * shape[1] / shape[0]))
    height = max(image.height, round(image.width * shape[0] / shape[1]))
    grey = tuple(255 if band == "A" else GREY for band in image.getbands())
    padded = Image.new(image.mode, (width, height), grey if len(grey) > 1 else grey[0])
    padded.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return padded


def size(encoded: Path | bytes, origin) -> tuple[int, int]:
    """Return (width, height) of the upright picture. Raises: RecipeError, as read."""
    with readable(origin), opened(encoded) as image:
        lying = image.format != "TIFF" and image.getexif().get(ORIENTATION) in LYING  # Pillow turns a TIFF itself
        return image.size[::-1] if lying else image.size


def opened(encoded: Path | bytes) -> Image.Image:
    """Return a picture whose header is read. Raises: TooLarge."""
    image = Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded)
    if image.width * image.height > costs.PICTURE_PIXELS:
        raise TooLarge(f"is {image.width}x{image.height} pixels")
    return image


def upright(image: Image.Image) -> Image.Image:
    """Return a loaded picture as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image


def eight_bits(image: Image.Image, origin) -> Image.Image:
    """Return a picture of 8 bits per channel. Raises: RecipeError if it is unknown what is white."""
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16"):
        white = 2 ** tags.get(BITS, (16,))[0] - 1
    elif image.mode == "I" and image.format in ("PPM", "PNG"):
        white = 2**16 - 1  # Pillow scales a PGM to this, whatever its own maximum is
    elif image.mode == "F":
        white = 1
    elif image.mode in ("I", "LAB"):
        what = "signed or 32-bit integers, whose white is unknown" if image.mode == "I" else "the colours of CIE Lab"
        raise RecipeError(f"{origin} has {what}. {PALER}")
    else:
        return image
    values = np.asarray(image)
    if image.mode == "F" and not (0 <= values.min() and values.max() <= 1):
        raise RecipeError(
            f"{origin} has numbers from {values.min():g} to {values.max():g}. Expected 0 (black) to 1 (white). {PALER}"
        )
    light = values.astype(np.float32) * np.float32(255 / white)
    light = 255 - light if tags.get(PHOTOMETRIC) == 0 else light  # white is zero
    grey = Image.fromarray((light.clip(0, 255) + np.float32(0.5)).astype(np.uint8))
    if isinstance(clear := image.info.get("transparency"), int):
        return Image.merge("LA", (grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))
    return grey


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture in front of white, as browsers and papers show it."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image) if image.mode == "RGBA" else image


class TooLarge(Exception):
    """A picture with more pixels than costs.PICTURE_PIXELS."""


class readable:  # noqa: N801, used like a function: with readable(path)
    """Convert Pillow's errors for a broken picture to a RecipeError that names the picture."""

    def __init__(self, origin):
        self.origin = origin

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, (TooLarge, Image.DecompressionBombError)):
            found = str(error) if isinstance(error, TooLarge) else "has too many pixels"
            raise RecipeError(
                f"{self.origin} {found}. Expected at most {costs.PICTURE_PIXELS:,} pixels. Make it smaller, or remove it."
            ) from None
        if isinstance(error, Exception) and not isinstance(error, RecipeError):  # Pillow raises many kinds of errors
            fix = (
                "Save it as .jpg or .png"
                if str(self.origin).lower().endswith(UNREAD)
                else "Replace the file or remove it"
            )
            raise RecipeError(f"{self.origin} is not a readable image. {fix}.") from error


class room:  # noqa: N801, used like a function: with room(pixels)
    """Wait until all threads together decode at most costs.PICTURE_PIXELS."""

    changed, taken = threading.Condition(), 0

    def __init__(self, pixels: int):
        self.pixels = pixels

    def __enter__(self):
        with room.changed:
            room.changed.wait_for(lambda: room.taken + self.pixels <= costs.PICTURE_PIXELS)
            room.taken += self.pixels

    def __exit__(self, *error):
        with room.changed:
            room.taken -= self.pixels
            room.changed.notify_all()
