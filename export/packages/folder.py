"""Writes a package into a folder: one form per ecosystem, all of the same parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from export.packages import arduino, cmake, cmsis_pack, esp_idf, platformio, single_file, zephyr
from export.packages.package import Files, Package
from sfkeras import atomic_file

FORMS: dict[str, Callable[[Package], Files]] = {
    "arduino": arduino.files,
    "platformio": platformio.files,
    "esp-idf": esp_idf.files,
    "zephyr": zephyr.files,
    "cmsis-pack": cmsis_pack.files,
    "cmake": cmake.files,
    "single-file": single_file.files,
}
WITH_TFLM = "esp-idf", "zephyr", "cmsis-pack", "cmake"  # forms whose ecosystems have TensorFlow Lite Micro
RUNTIMES = STREAM, TFLM = "stream", "tflm"
MANIFEST = "sfkeras.json"  # which files the package has; with digests when all are written


def require_form(form: str, runtime: str = STREAM) -> None:
    """Raise ValueError if there is no such form, or no such runtime in it."""
    if form not in FORMS:
        raise ValueError(f"--form is {form!r}; it must be one of {', '.join(FORMS)}")
    if runtime not in RUNTIMES:
        raise ValueError(f"--runtime is {runtime!r}; it must be one of {', '.join(RUNTIMES)}")
    if runtime == TFLM and form not in WITH_TFLM:
        raise ValueError(
            f"--runtime=tflm needs a form that can bring TensorFlow Lite Micro, one of {', '.join(WITH_TFLM)}; {form} cannot"
        )


def require_place(out: Path) -> None:
    """Raise ValueError unless a package can be written there: a folder that is new, empty or an older package."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give a folder")
    if out.is_dir() and any(map(_counts, out.iterdir())) and not (out / MANIFEST).is_file():
        raise ValueError(f"{out} is not empty, and no package is in it that could be replaced; give a new folder")


def write(package: Package, form: str, out: Path) -> list[Path]:
    """Write a package; an older one in the same folder is replaced. Returns: the files written.

    Raises: ValueError if there is no such form, or something else is in the folder.
    """
    require_form(form)
    require_place(out)
    files, older = FORMS[form](package), _older(out)
    out.mkdir(parents=True, exist_ok=True)
    # Not atomic_file.write_all, which leaves a half-written folder without its last file: the manifest says
    # from the beginning what a later call may replace.
    atomic_file.write(out / MANIFEST, manifest(package, form, dict.fromkeys([*older, *files])))
    for path in older:
        (out / path).unlink(missing_ok=True)
    for path, content in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(out / path, content)
    atomic_file.write(out / MANIFEST, manifest(package, form, files))
    return [out / path for path in [*files, MANIFEST]]


def manifest(package: Package, form: str, files: Mapping[str, str | bytes | None]) -> str:
    """Say of what a package consists, as JSON. files: contents by path; None of one that is not written yet."""
    digests = {path: _digest(content) for path, content in sorted(files.items())}
    return (
        json.dumps(
            {"package": package.name, "form": form, "version": package.values["version"], "files": digests}, indent=1
        )
        + "\n"
    )


def _older(out: Path) -> list[str]:
    """The manifest and the files of an older package. What is not below the folder is not a file of it."""
    if not (out / MANIFEST).is_file():
        return []
    try:
        named = list(json.loads((out / MANIFEST).read_text())["files"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{out / MANIFEST} is damaged; give a new folder") from None
    inside = [path for path in named if not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts]
    return inside


def _counts(path: Path) -> bool:
    """Whether a file is more than what a killed process left of the manifest."""
    return not path.name.startswith(f".{MANIFEST}.")


def _digest(content: str | bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(_bytes(content)).hexdigest()


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
