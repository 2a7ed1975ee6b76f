"""Files that exist completely or not at all."""

import os
from pathlib import Path


def write(path: str | os.PathLike, content: bytes | str) -> None:
    """Write a file under a temporary name in the same folder, then rename it.

    So no reader sees part of it.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
