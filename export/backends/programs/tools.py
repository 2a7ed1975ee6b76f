"""Programs that a backend needs and that may not be installed."""

from __future__ import annotations

import os
import shutil


class MissingTool(RuntimeError):
    """A tool is not installed."""


def find(tool: str, package: str, backend: str) -> str:
    """Return the path of a tool.

    Args:
        tool: the program's name.
        package: the packages of Debian 12 that bring it, with what it needs beside it.
        backend: the name of the backend that needs it.
    Raises: MissingTool if it is not installed.
    """
    path = shutil.which(tool)
    if path is None:
        raise MissingTool(f"{backend} needs {tool}, which is not installed. On Debian: apt install {package}")
    return path


def may_be_missing() -> bool:
    """Whether a backend without its tools is left out. In CI every tool must be there, so it fails."""
    return "CI" not in os.environ
