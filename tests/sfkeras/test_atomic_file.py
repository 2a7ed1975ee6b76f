"""A file is there completely or not at all, and a kill leaves nothing for ever."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sfkeras import atomic_file

WRITER = """
import sys
from sfkeras import atomic_file
for number in range(100_000):
    atomic_file.write(sys.argv[1], bytes([number % 256]) * 4_000_000)
"""


def killed_writer(path):
    """Kills a process while it writes the file again and again."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], env=environment)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.pid


def test_after_kills_the_file_is_whole_and_the_next_write_removes_what_they_left(tmp_path):
    path = tmp_path / "name [1].bin"
    for _ in range(5):
        killed_writer(path)
        content = path.read_bytes()
        assert len(content) == 4_000_000 and len(set(content)) == 1
        path.unlink()
    dead = killed_writer(path)
    (tmp_path / f".{path.name}.{dead}.part").write_bytes(b"as after a kill in the middle")
    alive = tmp_path / f".{path.name}.{os.getppid()}.part"
    alive.write_bytes(b"of a process that still writes")
    other = tmp_path / f".other.{dead}.part"
    other.write_bytes(b"of another file")
    atomic_file.write(path, "new")
    assert path.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == sorted([path, alive, other])


def test_the_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power cut may leave the name without the content."""
    happened = []
    for name in "fsync", "replace":
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (happened.append(name), real(*a)))
    atomic_file.write(tmp_path / "file", b"x")
    assert happened == ["fsync", "replace", "fsync"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    atomic_file.write(tmp_path / "file", "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError):
        atomic_file.write(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "old"


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    for place in tmp_path, tmp_path / "missing" / "file", Path("/dev/null"), tmp_path / ("long" * 100):
        with pytest.raises(OSError) as error:
            atomic_file.write(place, "x")
        assert error.value.filename == str(place) and error.value.errno
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_folder_without_the_last_are_half_written(tmp_path, monkeypatch):
    old, new = ({name: content for name in ("last.c", "sf/a.c", "b.c")} for content in ("old", "new"))
    assert atomic_file.write_all(tmp_path, old, "last.c") == [tmp_path / name for name in old]
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"):
        atomic_file.write_all(tmp_path, new, "last.c")
    assert {path.name for path in tmp_path.rglob("*.c")} == {"a.c", "b.c"}
