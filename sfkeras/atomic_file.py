"""Files that exist completely or not at all, also after a kill or a power cut."""

import errno
import glob
import os
from collections.abc import Mapping
from pathlib import Path


def write(path: str | os.PathLike, content: bytes | str) -> None:
    """Write a file under a temporary name in the same folder, then rename it.

    So no reader sees part of it. The content is on the disk before it has its name. What a killed
    process left of the same file is removed.

    Raises: OSError that names the file.
    """
    put(Path(path), content)
    sync(Path(path).parent)


def put(path: Path, content: bytes | str) -> None:
    """Do what `write` does, but for the file's name, which the disk has after `sync`."""
    require_place(path)
    content = content.encode() if isinstance(content, str) else content
    remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:  # of the temporary file, or of no file when the disk is full
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_all(folder: Path, contents: Mapping[str, bytes | str], last: str) -> list[Path]:
    """Write files into a folder, made if need be. Returns: the files.

    Args:
        contents: by path in the folder.
        last: one of them, without which nothing can be done with the others. It is missing until they are there: a
            folder that was left half-written, or half of another, has none.
    """
    parents = sorted({path.parent for path in [folder / last, *map(folder.joinpath, contents)]})
    for parent in parents:
        parent.mkdir(parents=True, exist_ok=True)
    (folder / last).unlink(missing_ok=True)
    sync((folder / last).parent)
    for name in contents:
        if name != last:
            put(folder / name, contents[name])
    for parent in parents:
        sync(parent)
    write(folder / last, contents[last])
    return [folder / name for name in contents]


def require_place(path: str | os.PathLike) -> None:
    """Raise OSError unless a file can be written there, as far as names tell: to be called before long work."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Is a pipe or a device; expected a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"There is no folder {path.parent}; make it first", str(path))


def sync(folder: Path) -> None:
    """Write the names of a folder's files to the disk. Raises: OSError that names the folder."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(folder)) from None
    finally:
        os.close(entry)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of `path` whose processes no longer exist."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        process = left.name.split(".")[-2]
        if process.isdigit() and not is_alive(int(process)):
            left.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True
