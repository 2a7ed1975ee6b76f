import io
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfkeras import data
from sfkeras.data import images
from sfkeras.data.images import LabelledImages
from sfkeras.errors import RecipeError


def test_each_pixel_is_its_int8_code():
    pixels = np.arange(256, dtype=np.uint8)
    assert images.to_input(pixels).dtype == np.float32
    assert (images.to_input(pixels) * 128 == pixels.astype(int) - 128).all()
    assert images.to_codes(pixels).dtype == np.int8
    assert (images.to_codes(pixels).astype(np.float32) * 2**-7 == images.to_input(pixels)).all()


def test_colour_becomes_grey_and_grey_becomes_colour(tmp_path):
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "red.png")
    Image.new("L", (4, 4), 9).save(tmp_path / "grey.png")
    paths = [tmp_path / "red.png", tmp_path / "grey.png"]
    assert (images.decode(paths, paths, (4, 4, 1))[:, 0, 0, 0] == [76, 9]).all()
    assert (images.decode(paths, paths, (4, 4, 3))[:, 0, 0] == [[255, 0, 0], [9, 9, 9]]).all()


def test_shrinking_does_not_alias():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))  # one pixel wide: every second one alone would be black
    buffer = io.BytesIO()
    Image.fromarray(stripes).save(buffer, "PNG")
    small = images.decode([buffer.getvalue()], ["stripes"], (16, 16, 1))
    assert abs(small[0, :, 2:-2].astype(int) - 127).max() < 12


def test_many_images_keep_their_order(tmp_path, write_image):
    paths = [write_image(tmp_path / f"{number}.png", grey=number) for number in range(200)]
    assert (images.decode(paths, paths, (8, 8, 1))[:, 3, 3, 0] == np.arange(200)).all()


def test_small_images_are_kept_small_if_they_are_alike(tmp_path, write_image):
    paths = [write_image(tmp_path / f"{number}.png", (20, 10)) for number in range(3)]
    assert images.decode(paths, paths, (32, 32, 3), keep_small=True).shape == (3, 10, 20, 3)
    assert images.decode(paths, paths, (32, 32, 3)).shape == (3, 32, 32, 3)
    assert images.decode(paths, paths, (32, 16, 3), keep_small=True).shape == (3, 32, 16, 3)
    paths.append(write_image(tmp_path / "other.png", (21, 10)))
    assert images.decode(paths, paths, (32, 32, 3), keep_small=True).shape == (4, 32, 32, 3)


def test_a_large_set_lives_in_a_file(tmp_path, write_image, monkeypatch):
    paths = [write_image(tmp_path / f"{number}.png") for number in range(3)]
    held = images.decode(paths, paths, (16, 16, 3))
    monkeypatch.setattr(images, "IN_MEMORY_BYTES", 100)
    mapped = images.decode(paths, paths, (16, 16, 3))
    assert isinstance(mapped, np.memmap) and (mapped == held).all()


def resident():
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_memory_of_a_large_set_is_given_back():
    count, shape = 600, (256, 256, 3)  # 118 MB, more than IN_MEMORY_BYTES
    before, pixels = resident(), images.empty((count, *shape))
    for number in range(count):
        pixels[number] = number % 251
        images.release(pixels)
    held = images.LabelledImages("large", pixels, np.arange(count, dtype=np.int32) % 2, ("a", "b"))
    for start in range(0, count, 20):
        taken, _ = held.take(np.arange(start, start + 20))
        assert (taken == (np.arange(start, start + 20) % 251)[:, None, None, None]).all()
    assert resident() - before < 30e6


@pytest.mark.parametrize("broken", [b"", b"no image", "half"])
def test_a_broken_image_is_named(tmp_path, write_image, broken):
    path = write_image(tmp_path / "photo.png", (64, 64))
    path.write_bytes(path.read_bytes()[:2000] if broken == "half" else broken)
    good = write_image(tmp_path / "good.png")
    with pytest.raises(RecipeError, match=r"photo.png is not a readable image. Replace the file or remove it."):
        images.decode([good, path], [good, path], (32, 32, 3))


def test_a_photo_of_a_format_that_is_not_read_says_which_are(tmp_path):
    (tmp_path / "photo.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(RecipeError, match=r"photo.HEIC is not a readable image. Save it as .jpg or .png."):
        images.decode([tmp_path / "photo.HEIC"], [tmp_path / "photo.HEIC"], (32, 32, 3))


def people(*counts):
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    names = tuple("abcdefgh"[: len(counts)])
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    return LabelledImages("people", pixels, labels, names)


def test_people_with_enough_images():
    some = people(3, 1, 2, 5).with_min_images(3)
    assert some.class_names == ("a", "d") and some.labels.tolist() == [0] * 3 + [1] * 5
    assert some.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 6, 7, 8, 9, 10]
    everybody = people(3, 3)
    assert everybody.with_min_images(3) is everybody


def test_nobody_with_enough_images():
    with pytest.raises(
        RecipeError, match="data.min_images is 4, but 1 of 3 people .* Set data.min_images to at most 3."
    ):
        people(3, 1, 5).with_min_images(4)


def test_a_source_that_is_not_known(tmp_path):
    with pytest.raises(
        RecipeError, match="data.source is video. Expected one of att, lfw, folder, tfrecord, camvid, tfds."
    ):
        data.load("video", (32, 32, 1), tmp_path)


@pytest.mark.parametrize("source", ["lfw", "folder", "tfrecord"])
def test_a_root_that_is_missing(source, tmp_path):
    with pytest.raises(
        RecipeError, match="data.root is not set, but data.source=.* needs a folder. Write data.root=FOLDER."
    ):
        data.load(source, (32, 32, 1))
    with pytest.raises(RecipeError, match="data.root is .*/nowhere, which does not exist."):
        data.load(source, (32, 32, 1), tmp_path / "nowhere")
