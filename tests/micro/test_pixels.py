"""Rows of a camera become the codes that training makes of the same pixels, for every pixel that there is."""

import ctypes
import io
import subprocess

import numpy as np
import pytest
from PIL import Image

from export.c import project
from sfkeras.data.images import to_codes
from tests.micro.kernels import PROGRAMS, STRICT, UNDEFINED

pytestmark = pytest.mark.compiler
LEVELS = np.arange(256, dtype=np.uint8)
# Every value of a byte, with a coarse grid of the other two: 256 * 64 pixels, in three orders.
COLOURS = np.stack(np.meshgrid(LEVELS, LEVELS[::34], LEVELS[::34], indexing="ij"), -1).reshape(-1, 3)
COLOURS = np.concatenate([COLOURS, np.roll(COLOURS, 1, axis=1), np.roll(COLOURS, 2, axis=1)])


@pytest.fixture(scope="module")
def adapt(tmp_path_factory):
    """Gives codes (width, channels) of a row of bytes, by an adapter."""
    target = tmp_path_factory.mktemp("pixels") / "pixels.so"
    source = PROGRAMS / "drive_pixels.c"
    folder = project.MICRO / "device"
    subprocess.run(["gcc", *STRICT, *UNDEFINED, "-shared", "-fPIC", f"-I{folder}", source, "-o", target], check=True)
    library = ctypes.CDLL(str(target))

    def run(adapter, pixels, width, channels):
        codes = np.full(width * channels + 8, 85, np.int8)
        content = np.ascontiguousarray(pixels).tobytes()
        getattr(library, adapter)(content, width, channels, codes.ctypes.data_as(ctypes.c_void_p))
        assert (codes[width * channels :] == 85).all()  # nothing is written behind the row
        return codes[: width * channels].reshape(width, channels)

    return run


def in_mode(rgb: np.ndarray, channels: int) -> np.ndarray:
    """Codes of RGB pixels (width, 3), as a picture file's are made."""
    image = Image.fromarray(rgb[None], "RGB").convert("L" if channels == 1 else "RGB")
    return to_codes(np.asarray(image).reshape(len(rgb), channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_grey(channels, adapt):
    expected = np.repeat(to_codes(LEVELS)[:, None], channels, axis=1)
    np.testing.assert_array_equal(adapt("grey", LEVELS, 256, channels), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_rgb888(channels, adapt):
    np.testing.assert_array_equal(adapt("rgb888", COLOURS, len(COLOURS), channels), in_mode(COLOURS, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("adapter, order", [("rgb565", ">u2"), ("rgb565_low", "<u2")])
def test_rgb565(adapter, order, channels, adapt):
    """All 65,536 pixels, each colour stretched to 0..255."""
    pixels = np.arange(1 << 16)
    parts = np.stack([pixels >> 11, pixels >> 5 & 63, pixels & 31], -1) / [31, 63, 31]
    rgb = np.rint(255 * parts).astype(np.uint8)
    made = adapt(adapter, pixels.astype(order), len(pixels), channels)
    np.testing.assert_array_equal(made, in_mode(rgb, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("y", [0, 77, 255])
def test_yuyv(y, channels, adapt):
    """All pairs of Cb and Cr, to the nearest pixel by the formulas of JFIF."""
    cb, cr = (each.ravel() for each in np.meshgrid(LEVELS, LEVELS))
    pixels = np.stack([np.full_like(cb, y), cb, np.full_like(cb, 255 - y), cr], -1)
    made = adapt("yuyv", pixels, 2 * len(cb), channels).reshape(-1, 2, channels)
    for half, luma in enumerate((y, 255 - y)):
        b, r = cb.astype(float) - 128, cr.astype(float) - 128
        rgb = np.stack([luma + 1.402 * r, luma - 0.344136286 * b - 0.714136286 * r, luma + 1.772 * b], -1)
        expected = np.clip(rgb if channels == 3 else np.full((len(cb), 1), luma), 0, 255) - 128
        assert np.abs(made[:, half] - expected).max() <= 0.502


def test_yuyv_has_the_colours_of_a_jpeg(adapt):
    """Byte for byte what Pillow reads of a JPEG file, whose blocks of 8x8 pixels have one colour each."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    blocks[::3] = blocks[::3] // 85 * 85  # extremes too
    file = io.BytesIO()
    image = Image.fromarray(blocks.repeat(8, axis=0).repeat(8, axis=1), "YCbCr")
    image.save(file, "JPEG", quality=100, subsampling=0)
    expected = to_codes(np.asarray(Image.open(file).convert("RGB"))[4::8, 4::8].reshape(-1, 3))
    y, cb, cr = blocks.reshape(-1, 3).T
    made = adapt("yuyv", np.stack([y, cb, y, cr], -1), 2 * len(y), 3)
    np.testing.assert_array_equal(made, expected.repeat(2, axis=0))
