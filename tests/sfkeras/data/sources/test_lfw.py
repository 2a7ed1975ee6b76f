import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sfkeras import data
from sfkeras.data.sources import lfw
from sfkeras.errors import RecipeError

SHAPE = (32, 32, 3)
TRAIN = {"Ada_A": 2, "Bob_B": 1}
TEST = {"Cyd_C": 3, "Dan_D": 2}


@pytest.fixture(params=["images", "."])
def root(tmp_path, write_image, request):
    """Labeled Faces in the Wild, in small: eight images of four people, in both layouts that are about."""
    for name, count in {**TRAIN, **TEST}.items():
        for number in range(1, count + 1):
            write_image(tmp_path / request.param / name / f"{name}_{number:04d}.jpg")
    write_list(tmp_path / "peopleDevTrain.txt", [[2], *TRAIN.items()])
    write_list(tmp_path / "peopleDevTest.txt", [[2], *TEST.items()])
    pairs = [["Cyd_C", 1, 3], ["Dan_D", 1, 2], ["Cyd_C", 1, "Dan_D", 2], ["Cyd_C", 2, "Dan_D", 1]]
    write_list(tmp_path / "pairsDevTest.txt", [[2], *pairs])
    write_list(tmp_path / "people.txt", [[2], [2], *TRAIN.items(), [2], *TEST.items()])
    first = [["Ada_A", 1, 2], ["Ada_A", 2, 1], ["Ada_A", 1, "Bob_B", 1], ["Ada_A", 2, "Bob_B", 1]]
    write_list(tmp_path / "pairs.txt", [[2, 2], *first, *pairs])
    return tmp_path


def write_list(path, rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def test_view_1(root):
    split = data.load("lfw", SHAPE, root)
    assert split.train.class_names == ("Ada_A", "Bob_B") and split.train.labels.tolist() == [0, 0, 1]
    assert split.test.class_names == ("Cyd_C", "Dan_D") and split.test.labels.tolist() == [0, 0, 0, 1, 1]
    assert split.pairs.first.tolist() == [0, 3, 0, 1] and split.pairs.second.tolist() == [2, 4, 4, 3]
    assert split.pairs.same.tolist() == [True, True, False, False]


def test_view_2_keeps_its_folds(root):
    images, pairs = lfw.view2(root, SHAPE)
    assert len(images) == 8 and pairs.fold.tolist() == [0] * 4 + [1] * 4
    assert pairs.first.tolist() == [0, 1, 0, 1, 3, 6, 3, 4]
    assert pairs.second.tolist() == [1, 0, 2, 2, 5, 7, 7, 6]


def test_one_fold_of_view_2_trains_on_the_people_of_the_others(root):
    split = lfw.load(root, SHAPE, fold=1)
    assert split.test.class_names == ("Ada_A", "Bob_B") and split.train.class_names == ("Cyd_C", "Dan_D")
    assert split.pairs.first.tolist() == [0, 1, 0, 1]
    with pytest.raises(RecipeError, match="fold is 3. Expected 1 to 2"):
        lfw.load(root, SHAPE, fold=3)


def test_original_images_are_cut_to_the_face(tmp_path):
    image = np.zeros((250, 250), np.uint8)
    image[50:200, 50:200] = 200
    face = lfw.face(Image.fromarray(image))
    assert face.size == (150, 150) and (np.asarray(face) == 200).all()
    assert lfw.face(Image.new("L", (112, 112))).size == (112, 112)


@given(st.integers(32, 300), st.integers(32, 300), st.floats(0.25, 1))
def test_a_crop_keeps_the_middle(width, height, share):
    x, y = np.meshgrid(np.arange(width) % 256, np.arange(height) % 256)
    kept = np.asarray(lfw.face(Image.fromarray(np.stack([x, y, y], axis=-1).astype(np.uint8)), share))
    for side, was in zip(kept.shape, (height, width)):
        assert abs(side - was * share) <= 1 and (was - side) % 2 == 0
    top, left = (height - kept.shape[0]) // 2, (width - kept.shape[1]) // 2
    if (width, height) != lfw.ORIGINAL:
        assert kept[0, 0].tolist() == [left % 256, top % 256, top % 256]


def test_a_list_is_missing(root):
    (root / "pairsDevTest.txt").unlink()
    with pytest.raises(
        RecipeError, match="has no pairsDevTest.txt. Put LFW's lists there, from vis-www.cs.umass.edu/lfw."
    ):
        lfw.load(root, SHAPE)


@pytest.mark.parametrize("text", ["", "2\n", "2\nCyd_C\t3\n", "Cyd_C\t3\n", "2\nCyd_C\tx\nDan_D\t1\n", "<html>\n"])
@pytest.mark.parametrize("name", ["peopleDevTest.txt", "pairsDevTest.txt"])
def test_a_list_is_broken(root, name, text):
    (root / name).write_text(text)
    with pytest.raises(RecipeError, match=f"{name} is truncated or not one of LFW's lists. Download {name} again."):
        lfw.load(root, SHAPE)


def test_an_image_is_missing(root):
    next(root.rglob("Dan_D_0002.jpg")).unlink()
    with pytest.raises(RecipeError, match="lacks 1 images of lfw test .first: .*Dan_D/Dan_D_0002.jpg"):
        lfw.load(root, SHAPE)


@pytest.mark.parametrize("stranger", ["Ada_A\t1\t2", "Cyd_C\t1\t4", "Cyd_C\t0\t1"])
def test_pairs_of_others(root, stranger):
    write_list(root / "pairsDevTest.txt", [[1], stranger.split(), ["Cyd_C", 1, "Dan_D", 1]])
    with pytest.raises(
        RecipeError, match="LFW's pairs contain image .*, which is not in lfw test. Use the lists of one view."
    ):
        lfw.load(root, SHAPE)
