import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sfkeras import data
from sfkeras.data.sources import folder
from sfkeras.errors import RecipeError

SHAPE = (32, 32, 3)


def test_a_fifth_of_each_class_is_kept(tmp_path, write_people):
    write_people(tmp_path, cat=10, dog=5, eel=2)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "readme.txt").write_text("no class")
    split = data.load("folder", SHAPE, tmp_path)
    assert split.train.class_names == split.test.class_names == ("cat", "dog", "eel") and split.pairs is None
    assert split.train.counts().tolist() == [8, 4, 1] and split.test.counts().tolist() == [2, 1, 1]


def test_people_are_kept_whole(tmp_path, write_people):
    write_people(tmp_path, ada=5, bob=5, cyd=5, dan=5, eve=5)
    split = data.load("folder", SHAPE, tmp_path, test_people=3)
    assert len(split.train.class_names) == 2 and len(split.test.class_names) == 3
    assert not set(split.train.class_names) & set(split.test.class_names)
    assert len(split.pairs) == 2 * 3 * 10


def test_a_split_that_is_given(tmp_path, write_people):
    write_people(tmp_path / "train", cat=3, dog=2)
    write_people(tmp_path / "val", cat=1, dog=4)
    split = folder.load(tmp_path, SHAPE)
    assert split.train.counts().tolist() == [3, 2] and split.test.counts().tolist() == [1, 4]


def test_other_people_in_the_test_folder(tmp_path, write_people):
    write_people(tmp_path / "train", ada=3, bob=2)
    write_people(tmp_path / "test", cyd=5, dan=5)
    split = folder.load(tmp_path, SHAPE)
    assert split.test.class_names == ("cyd", "dan") and split.pairs.same.sum() == 20


def test_a_class_only_in_the_test_folder(tmp_path, write_people):
    write_people(tmp_path / "train", cat=3, dog=2)
    write_people(tmp_path / "val", cat=1, eel=1)
    with pytest.raises(RecipeError, match="class eel is in .*/val but not in .*/train."):
        folder.load(tmp_path, SHAPE)


def test_an_empty_class(tmp_path, write_people):
    write_people(tmp_path, cat=2, dog=2, eel=0)
    with pytest.raises(RecipeError, match="class eel is empty: .*/eel has no images. Add images or remove the folder."):
        folder.load(tmp_path, SHAPE)


def test_no_classes(tmp_path):
    with pytest.raises(RecipeError, match="has 0 class folders. Expected 2 or more."):
        folder.load(tmp_path, SHAPE)


def test_a_class_of_one_image(tmp_path, write_people):
    write_people(tmp_path, cat=2, dog=1)
    with pytest.raises(RecipeError, match="class dog has 1 image. Expected 2 or more"):
        folder.load(tmp_path, SHAPE)


def test_too_many_test_people(tmp_path, write_people):
    write_people(tmp_path, ada=5, bob=5, cyd=5, dan=5)
    with pytest.raises(RecipeError, match="data.test_people is 3. Expected 2 to 2 of 4 people"):
        folder.load(tmp_path, SHAPE, test_people=3)


def test_an_unreadable_image(tmp_path, write_people):
    write_people(tmp_path, cat=3, dog=3)
    (tmp_path / "dog" / "1.png").write_bytes(b"not a png")
    with pytest.raises(RecipeError, match=r"dog/1.png is not a readable image."):
        folder.load(tmp_path, SHAPE)


@pytest.mark.parametrize("people", [0, 2])
@pytest.mark.parametrize("fit", ["squeeze", "crop"])
def test_all_unreadable_images_are_named_at_once_also_those_to_test(fit, people, tmp_path, write_people):
    names = ["ada", "bob", "cyd", "dan"]
    write_people(tmp_path, **dict.fromkeys(names, 3))
    broken = [tmp_path / name / "1.png" for name in names] + [tmp_path / "ada" / f"{number}.png" for number in (0, 2)]
    for number, path in enumerate(broken):
        path.write_bytes(b"not a png" * number)
    with pytest.raises(RecipeError, match="^6 pictures cannot be read: ") as found:
        folder.load(tmp_path, SHAPE, fit=fit, test_people=people)
    assert all(str(path) in str(found.value) for path in broken)


@pytest.mark.parametrize("place", ["", "cat", "cat/0.png"])
def test_what_may_not_be_read_is_one_line(place, tmp_path, write_people):
    """In a process that becomes another user if this one may read everything."""
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):  # pytest's, with one of xdist's
        if parent.name != Path(tempfile.gettempdir()).name:
            parent.chmod(0o755)
    write_people(tmp_path, cat=3, dog=3)
    (tmp_path / place).chmod(0)
    code = f"""
import os
import numpy.random  # all that is imported late comes now: the other user may not read it
from sfkeras import command
from sfkeras.data import load
os.getuid() or os.setuid(65534)
exit(command.guarded(lambda: load("folder", {SHAPE}, {str(tmp_path)!r})))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    (tmp_path / place).chmod(0o755)
    assert run.returncode == 2 and run.stderr.count("\n") == 1, run.stderr
    assert run.stderr.startswith("error: ") and str(tmp_path / place) in run.stderr


def test_errors_come_without_tensorflow(tmp_path):
    code = f"""
import sys
from sfkeras import data
from sfkeras.errors import RecipeError
try:
    data.load("folder", (32, 32, 3), {str(tmp_path / "nowhere")!r})
except RecipeError as error:
    print(error, "tensorflow" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.endswith("which does not exist. Write data.root=FOLDER. False\n")
