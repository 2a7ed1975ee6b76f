import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_image():
    """Writes an image of random pixels, or of one grey value, and makes its folder."""

    def write(path, size=(40, 36), grey=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(len(str(path)))
        pixels = (
            random.integers(0, 256, (size[1], size[0], 3)) if grey is None else np.full((size[1], size[0], 3), grey)
        )
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def write_people(write_image):
    """Writes ROOT/NAME/N.png, so many images for each name."""

    def write(root, **counts):
        for name, count in counts.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                write_image(root / name / f"{number}.png")
        return root

    return write
