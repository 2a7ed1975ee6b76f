"""Files that appear whole or not at all."""

import os
from pathlib import Path


def write(path: str | os.PathLike, content: bytes | str) -> None:
    """Writes a file under a temporary name beside it, then renames it, so that no reader ever sees half of it."""
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
