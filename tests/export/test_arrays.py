"""Images and outputs as NumPy's files: read back as they were, and refused by name if they are none."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.arrays import load_images, save_outputs

IMAGES = np.arange(-60, 60, dtype=np.int8).reshape(2, 5, 4, 3)


def test_images_are_read_as_they_were(tmp_path):
    for images in (IMAGES, IMAGES.swapaxes(1, 2), IMAGES.astype(">i4")):
        np.save(tmp_path / "images.npy", images)
        read = load_images(tmp_path / "images.npy")
        np.testing.assert_array_equal(read, images)
        assert read.dtype == images.dtype


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "images.npy"
    np.save(path, IMAGES)
    return path.read_bytes()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_gives_an_array_or_an_error_that_names_the_file(data, content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, min(begin + 8, len(content))))
    path.write_bytes(content[:begin] + data.draw(st.binary(max_size=8)) + content[end:])
    try:
        assert isinstance(load_images(path), np.ndarray)
    except ValueError as error:
        assert str(error).startswith(f"{path} is no .npy file of numbers: ")


def test_what_is_no_array_of_numbers_is_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", IMAGES)
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("objects.npy", "several.npz", "empty.npy"):
        with pytest.raises(ValueError, match=f"{name} is no .npy file of numbers"):
            load_images(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing.npy"):
        load_images(tmp_path / "missing.npy")


def test_outputs_are_written_by_name(tmp_path):
    outputs = {"head/a": IMAGES, "head.b": IMAGES[:, :1]}
    save_outputs(tmp_path / "outputs.npz", outputs)
    with np.load(tmp_path / "outputs.npz") as written:
        np.testing.assert_equal(dict(written), outputs)
    save_outputs(tmp_path / "output.npy", {"head": IMAGES})
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), IMAGES)


@pytest.mark.parametrize(
    "name, count, message",
    [
        ("outputs.npy", 2, "outputs.npy; it must end in .npz, for the network has 2 outputs"),
        ("outputs.txt", 1, "outputs.txt; it must end in .npy or .npz"),
        ("outputs", 1, "outputs; it must end in .npy or .npz"),
    ],
)
def test_a_path_that_does_not_suit_is_refused_before_anything_is_written(tmp_path, name, count, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        save_outputs(tmp_path / name, {f"output{i}": IMAGES for i in range(count)})
    assert not list(tmp_path.iterdir())
