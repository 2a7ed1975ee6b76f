"""Whatever kind of file a picture is, the network sees what a viewer shows, or the picture is refused in one line."""

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from sfkeras import costs
from sfkeras.data import images, pictures
from sfkeras.errors import RecipeError

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8)  # what a viewer shows
DOCS = Path(__file__).parents[3] / "docs" / "recipes.md"


def encoded(image, kind="PNG", **options):
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values, *, bits, photometric=1, sample_format=1):
    """A TIFF of one strip, written by hand: Pillow writes few of the kinds that it reads."""
    height, width = values.shape
    content = values.tobytes() if bits != 12 else twelve_bits(values)
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1)]
    entries += [(278, height), (279, len(content)), (339, sample_format)]
    directory = len(entries).to_bytes(2, "little")
    for tag, value in sorted(entries):
        directory += tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little")
        directory += value.to_bytes(4, "little")
    return b"II*\0" + (8 + len(content)).to_bytes(4, "little") + content + directory + bytes(4)


def twelve_bits(values):
    pairs = values.reshape(-1, 2).astype(int)
    first, second = pairs.T
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8).tobytes()


def pgm(maximum):
    values = (RAMP.astype(int) * maximum // 255).astype(">u2" if maximum > 255 else np.uint8)
    return f"P5 8 8 {maximum}\n".encode() + values.tobytes()


def clear(mode, **options):
    """A picture whose left half is black but transparent, and the right half grey 100."""
    solid = np.full((8, 8), 100, np.uint8)
    solid[:, :4] = 0
    alpha = np.where(solid == 0, 0, 255).astype(np.uint8)
    bands = [solid] * len(mode.replace("A", ""))
    return encoded(Image.merge(mode, [Image.fromarray(band) for band in [*bands, alpha]]), **options)


GREYS = {  # all of them show RAMP
    "8 bits": encoded(Image.fromarray(RAMP)),
    "palette": encoded(Image.fromarray(RAMP).quantize(256)),
    "RGB": encoded(Image.fromarray(RAMP).convert("RGB")),
    "lossless WebP": encoded(Image.fromarray(RAMP), "WEBP", lossless=True),
    "GIF": encoded(Image.fromarray(RAMP), "GIF"),
    "BMP": encoded(Image.fromarray(RAMP), "BMP"),
    "16-bit PNG": encoded(Image.fromarray(RAMP.astype(np.uint16) * 257)),
    "16-bit PGM": pgm(65535),
    "10-bit PGM": pgm(1020),
    "16-bit TIFF": tiff(RAMP.astype(np.uint16) * 257, bits=16),
    "12-bit TIFF": tiff((RAMP.astype(int) * 4095 + 127) // 255, bits=12),
    "16-bit TIFF, 0 is white": tiff(65535 - RAMP.astype(np.uint16) * 257, bits=16, photometric=0),
    "8-bit TIFF, 0 is white": tiff(255 - RAMP, bits=8, photometric=0),
    "big-endian 16-bit TIFF": encoded(Image.frombytes("I;16B", (8, 8), (RAMP * 257.0).astype(">u2").tobytes()), "TIFF"),
    "float TIFF": tiff((RAMP / 255).astype(np.float32), bits=32, sample_format=3),
    "float TIFF, 0 is white": tiff((1 - RAMP / 255).astype(np.float32), bits=32, sample_format=3, photometric=0),
    "two pages": encoded(Image.fromarray(RAMP), "TIFF", save_all=True, append_images=[Image.new("L", (8, 8))]),
    "transparent nowhere": encoded(Image.merge("LA", (Image.fromarray(RAMP), Image.new("L", (8, 8), 255)))),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", GREYS)
def test_a_grey_ramp_is_the_same_in_every_kind_of_file(kind, channels):
    found = pictures.read(GREYS[kind], kind, (8, 8, channels)).astype(int)
    assert abs(found - RAMP[..., None]).max() <= (1 if kind in ("10-bit PGM", "12-bit TIFF") else 0)


CLEAR = {
    "RGBA": clear("RGBA"),
    "LA": clear("LA"),
    "WebP": clear("RGBA", kind="WEBP", lossless=True),
    "RGBA TIFF": clear("RGBA", kind="TIFF"),
    "palette with a transparent colour": encoded(
        Image.fromarray(np.repeat([[0] * 4 + [100] * 4], 8, 0).astype(np.uint8)).convert("P"), transparency=0
    ),
    "grey with a transparent value": encoded(
        Image.fromarray(np.repeat([[0] * 4 + [100] * 4], 8, 0).astype(np.uint8)), transparency=0
    ),
    "16-bit grey with a transparent value": encoded(
        Image.fromarray(np.repeat([[0] * 4 + [25700] * 4], 8, 0).astype(np.uint16)), transparency=0
    ),
    "transparent GIF": encoded(
        Image.fromarray(np.repeat([[0] * 4 + [100] * 4], 8, 0).astype(np.uint8)).convert("P"), "GIF", transparency=0
    ),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", CLEAR)
def test_what_is_transparent_is_white(kind, channels):
    found = pictures.read(CLEAR[kind], kind, (8, 8, channels))
    assert (found[:, :4] == 255).all() and (found[:, 4:] == 100).all()


def test_a_half_transparent_picture_is_half_white_at_any_size():
    black = encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 128)))
    assert (pictures.read(black, "black", (16, 16, 3)) == 127).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_is_upright(kind, orientation):
    """The white corner is at the top left of every picture that EXIF turns."""
    upright = Image.new("L", (48, 32))
    upright.paste(255, (0, 0, 16, 16))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that makes it lie so
    lying = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    photo = encoded(lying.convert("RGB"), kind, exif=exif)
    assert pictures.size(photo, "photo") == (48, 32)
    found = pictures.read(photo, "photo", (32, 48, 1))[..., 0].astype(int)
    assert abs(found - np.asarray(upright)).max() < 60 and abs(found - np.asarray(upright)).mean() < 2


def test_lying_photos_count_with_their_upright_size(tmp_path):
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    Image.new("L", (16, 24)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (24, 16)).save(tmp_path / "b.jpg")
    paths = images.image_files(tmp_path)
    assert images.decode(paths, paths, (32, 32, 1), keep_small=True).shape == (2, 16, 24, 1)


def lab():
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return encoded(ImageCms.profileToProfile(Image.new("RGB", (8, 8)), *profiles, outputMode="LAB"), "TIFF")


@pytest.mark.parametrize(
    "picture, told",
    [
        (tiff(np.full((8, 8), 250, np.float32), bits=32, sample_format=3), "has numbers from 250 to 250. Expected 0 "),
        (tiff(np.full((8, 8), np.nan, np.float32), bits=32, sample_format=3), "has numbers from nan to nan."),
        (tiff(np.zeros((8, 8), np.int32), bits=32, sample_format=2), "has signed or 32-bit integers"),
        (tiff(np.zeros((8, 8), np.int16), bits=16, sample_format=2), "has signed or 32-bit integers"),
        (lab(), "has the colours of CIE Lab"),
    ],
    ids=["range", "nan", "int32", "int16", "Lab"],  # a Lab profile has its time in it
)
def test_what_cannot_be_known_is_refused(picture, told):
    with pytest.raises(RecipeError, match=f"^photo {told}.* Save it with 8 or 16 bits per channel.$"):
        pictures.read(picture, "photo", (8, 8, 3))


@pytest.mark.parametrize("sides", [(8193, 8192), (13000, 13000), (20000, 20000)])
@pytest.mark.filterwarnings("ignore:Image size")
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(sides):
    """Only the header is there: a decoder would find nothing."""
    header = f"P5 {sides[0]} {sides[1]} 255\n".encode()
    for look in (lambda: pictures.read(header, "photo", (8, 8, 3)), lambda: pictures.size(header, "photo")):
        with pytest.raises(RecipeError, match="^photo .* pixels. Expected at most 67,108,864 pixels. Make it smaller"):
            look()


def test_threads_together_decode_at_most_the_limit(monkeypatch):
    monkeypatch.setattr(costs, "PICTURE_PIXELS", 100)
    most, lock = [0], threading.Lock()

    def work():
        with pictures.room(40):
            with lock:
                most[0] = max(most[0], pictures.room.taken)
            time.sleep(0.002)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [80] and pictures.room.taken == 0


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of what it then refuses
@pytest.mark.parametrize("cut", range(4, 300, 7))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "WEBP", "JPEG"])
def test_a_damaged_picture_is_one_line(kind, cut):
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)), kind)
    damaged = whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 : -1 if cut % 2 else None]
    try:
        assert pictures.read(damaged, "photo", (8, 8, 3)).shape == (8, 8, 3)
    except RecipeError as error:
        assert str(error).startswith("photo ") and "\n" not in str(error)


def test_a_named_pipe_in_a_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "real.png")
    assert [path.name for path in images.image_files(tmp_path)] == ["real.png"]


def test_each_kind_is_in_the_table_of_the_docs():
    table = DOCS.read_text().split("## What each kind of picture becomes")[1].split("\n## ")[0]
    assert f"more than {costs.PICTURE_PIXELS:,} pixels" in table
    modes = {mode for _, (mode, _) in TiffImagePlugin.OPEN_INFO.items()}
    assert modes == {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "I", "I;16", "I;16B", "F"}, (
        "Pillow opens a new mode: say in the table what it becomes"
    )


def test_the_largest_picture_costs_less_than_a_gigabyte(tmp_path):
    """A quarter of it, with transparency, costs less than a quarter, in a process of its own."""
    Image.new("RGBA", (4096, 4096), (9, 9, 9, 128)).save(tmp_path / "large.tif")
    code = (
        "import resource, sys; from pathlib import Path; from sfkeras.data import pictures\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "pictures.read(Path(sys.argv[1]), 'large', (64, 64, 3))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", code, str(tmp_path / "large.tif")]
    assert int(subprocess.run(run, capture_output=True, text=True, check=True, env=environment).stdout) < 256


def test_a_picture_gets_the_aspect_ratio_as_the_fit_says():
    wide = Image.new("RGB", (40, 20), "red")
    wide.paste("blue", (0, 0, 10, 20))
    encoded = io.BytesIO()
    wide.save(encoded, "PNG")

    def colours(fit, shape=(10, 10, 3)):
        made = pictures.read(encoded.getvalue(), "wide", shape, pictures.fitting(fit, shape))
        return made[5, 0].tolist(), made[0, 5].tolist(), made[5, 9].tolist()

    red, blue, grey = [255, 0, 0], [0, 0, 255], [128] * 3
    assert colours("squeeze") == (blue, red, red)
    assert colours("crop") == (red, red, red)  # columns 10 to 30
    assert colours("pad") == (blue, grey, red)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("size", [(1, 50), (50, 1), (3, 2), (64, 64)])
def test_every_fit_takes_every_mode_and_size(mode, size):
    for fit in "squeeze", "crop", "pad":
        for shape in ((32, 48, 3), (48, 32, 1)):
            encoded = io.BytesIO()
            Image.new(mode, size).save(encoded, "PNG")
            assert pictures.read(encoded.getvalue(), "one", shape, pictures.fitting(fit, shape)).shape == shape


def test_all_broken_pictures_are_named_at_once(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(70)]
    for number, path in enumerate(paths):
        Image.new("L", (4, 4)).save(path)
        if number in (3, 66):
            path.write_text("broken")
    with pytest.raises(RecipeError, match=r"2 pictures cannot be read: .*3.png is not .*; .*66.png is not"):
        images.decode(paths, paths, (8, 8, 1))
