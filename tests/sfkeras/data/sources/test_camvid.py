import numpy as np
import pytest
from PIL import Image

from sfkeras.data.sources import camvid
from sfkeras.errors import RecipeError

SHAPE = (32, 48, 3)


@pytest.fixture
def root(tmp_path, write_image):
    """Two scenes to train on, one to test on, 48x32; the masks hold every class and void."""
    for part, count in ("train", 2), ("test", 1):
        for number in range(count):
            write_image(tmp_path / part / "images" / f"{number}.jpg", (48, 32))
            write_mask(tmp_path / part / "masks" / f"{number}.png", classes((32, 48)) + number)
    return tmp_path


def classes(size):
    return (np.arange(size[0] * size[1]).reshape(size) % 11).astype(np.uint8)


def write_mask(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_masks_are_read_as_they_are(root):
    split = camvid.load(root, SHAPE)
    assert (split.train.labels == np.stack([classes(SHAPE[:2]), classes(SHAPE[:2]) + 1])).all()
    assert split.train.labels.max() == camvid.VOID == len(split.train.class_names)
    assert split.train.pixels.shape == (2, *SHAPE) and split.test.pixels.shape == (1, *SHAPE) and split.pairs is None


def test_masks_take_the_size_of_their_images(root):
    smaller = camvid.load(root, (16, 32, 1))
    for images in smaller.train, smaller.test:
        assert images.pixels.shape[1:3] == images.labels.shape[1:] == (16, 32)
    larger = camvid.load(root, (64, 64, 3))
    assert larger.train.labels.shape[1:] == (32, 48), "training images stay small, augmentation enlarges them"
    assert larger.test.labels.shape[1:] == (64, 64)


@pytest.mark.parametrize(
    "mask, told",
    [
        (
            np.full((32, 48), 12, np.uint8),
            "0.png has values up to 12. Expected one channel with classes 0 to 10 and 11",
        ),
        (np.zeros((32, 48, 3), np.uint8), "0.png has 3 channels. Expected one channel"),
        (np.zeros((30, 48), np.uint8), "0.png is 48x30, but its image is 48x32. Give both the same size."),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused(root, mask, told):
    write_mask(root / "test" / "masks" / "0.png", mask)
    with pytest.raises(RecipeError, match=told):
        camvid.load(root, SHAPE)


def test_what_is_missing_is_named(root):
    (root / "train" / "masks" / "1.png").write_bytes(b"no image")
    with pytest.raises(RecipeError, match="1.png is not a readable image"):
        camvid.load(root, SHAPE)
    (root / "train" / "masks" / "1.png").unlink()
    with pytest.raises(RecipeError, match="1.jpg has no mask: .*1.png is missing. Add the mask or remove the image."):
        camvid.load(root, SHAPE)
