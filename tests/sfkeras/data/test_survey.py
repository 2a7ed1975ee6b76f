from PIL import Image

from sfkeras.data.sources import folder
from sfkeras.data.survey import survey


def test_what_a_folder_holds_is_told_before_anything_is_decoded(tmp_path, write_people):
    write_people(tmp_path, cat=10, dog=5)
    (tmp_path / "cat" / "IMG_1.heic").write_bytes(b"no picture that is read")
    (tmp_path / "cat" / "more").mkdir()
    (tmp_path / "readme.txt").write_text("beside")
    (tmp_path / "dog" / "broken.png").write_text("named when it is decoded")
    found = survey(tmp_path)
    assert (found.train, found.test) == ({"cat": 8, "dog": 5}, {"cat": 2, "dog": 1}) and not found.is_split
    assert found.passed_over == {"files beside the class folders": 1, ".heic files": 1, "folders inside a class": 1}
    assert {tuple(size) for size in found.sizes} == {(40, 36)} and not found.grey
    text = str(found)
    assert "2 classes; 13 pictures to train on, 3 to test: 20% of each class are tested" in text
    assert "passed over: 1 .heic files, 1 files beside the class folders, 1 folders inside a class" in text


def test_the_counts_are_those_of_the_split(tmp_path, write_people):
    write_people(tmp_path, cat=11, dog=2)
    found, split = survey(tmp_path), folder.load(tmp_path, (32, 32, 3))
    assert list(found.train.values()) == split.train.counts().tolist()
    assert list(found.test.values()) == split.test.counts().tolist()
    write_people(tmp_path / "given" / "train", cat=3, dog=2)
    write_people(tmp_path / "given" / "test", cat=1)
    write_people(tmp_path / "given" / "test", dog=1)
    given = survey(tmp_path / "given")
    assert (given.train, given.test, given.is_split) == ({"cat": 3, "dog": 2}, {"cat": 1, "dog": 1}, True)


def test_grey_pictures_are_seen(tmp_path):
    for name in "a", "b":
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("L", (9, 7)).save(tmp_path / name / f"{number}.png")
    assert survey(tmp_path).grey


def test_a_folder_is_surveyed_again_only_if_it_changed(tmp_path, write_people, monkeypatch):
    write_people(tmp_path, cat=3, dog=3)
    first = survey(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("sfkeras.data.survey.opened", None)  # it would fail
        assert survey(tmp_path) is first
    Image.new("L", (8, 8)).save(tmp_path / "cat" / "more.png")
    assert sum(survey(tmp_path).train.values()) > sum(first.train.values())
