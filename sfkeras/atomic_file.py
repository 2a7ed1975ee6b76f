"""Files that exist completely or not at all, also after a kill or a power cut."""

import glob
import os
from pathlib import Path


def write(path: str | os.PathLike, content: bytes | str) -> None:
    """Write a file under a temporary name in the same folder, then rename it.

    So no reader sees part of it. The content is on the disk before it has its name. What a killed
    process left of the same file is removed.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Write the names of a folder's files to the disk."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
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
