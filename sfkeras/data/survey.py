"""What a folder of pictures holds, seen before any picture is decoded: classes, sizes, what is passed over."""

import functools
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sfkeras.data import pictures
from sfkeras.data.images import SUFFIXES, folder_at
from sfkeras.data.sources import folder
from sfkeras.errors import RecipeError

MOST_OPENED = 500  # pictures whose headers are read
MOST_LISTED = 40  # classes in the text


@dataclass(frozen=True)
class Survey:
    """The pictures of a folder, one folder per class.

    Attributes:
        root: the folder.
        train, test: {class: number of pictures}.
        is_split: whether the folder says itself which pictures are tested.
        passed_over: {what: number of files}, which are not read.
        sizes: (pictures, 2), int: width and height of some pictures, evenly spread over all.
        grey: whether all of these are grey.
    """

    root: Path
    train: dict[str, int]
    test: dict[str, int]
    is_split: bool
    passed_over: dict[str, int]
    sizes: np.ndarray
    grey: bool

    def __str__(self) -> str:
        how = "as the folder is split" if self.is_split else f"{folder.TEST_SHARE:.0%} of each class are tested"
        lines = [
            f"{self.root}: {len(self.train)} classes; {sum(self.train.values()):,} pictures to train on, "
            f"{sum(self.test.values()):,} to test: {how}"
        ]
        width = max(map(len, self.train))
        for name in list(self.train)[:MOST_LISTED]:
            lines.append(f"  {name:<{width}} {self.train[name]:>7,} {self.test.get(name, 0):>7,}")
        if len(self.train) > MOST_LISTED:
            lines.append(f"  and {len(self.train) - MOST_LISTED} more classes")
        if len(self.sizes):
            (small, least), (large, most) = self.sizes.min(axis=0), self.sizes.max(axis=0)
            lines.append(f"  {small} to {large} pixels wide, {least} to {most} high{', grey' if self.grey else ''}")
        if self.passed_over:
            lines.append(f"  passed over: {', '.join(f'{count} {what}' for what, count in self.passed_over.items())}")
        return "\n".join(lines)


def survey(root: str | Path) -> Survey:
    """Return what a folder holds: as found before, if nothing was added or removed since.

    Raises: RecipeError, as folder.classes and folder.test_count.
    """
    root = folder_at(root)
    parts = folder.parts(root)
    folders = [Path(entry) for part in parts for entry in (part, *os.scandir(part)) if Path(entry).is_dir()]
    return _surveyed(root, tuple(parts), tuple((each, each.stat().st_mtime_ns) for each in folders))


@functools.lru_cache(maxsize=1)
def _surveyed(root: Path, parts: tuple[Path, ...], changed: tuple[tuple[Path, int], ...]) -> Survey:
    """Survey a folder. `changed`: when each folder in it was, so that another state is another call."""
    files = [folder.classes(part) for part in parts]
    train, *given = ({name: len(images) for name, images in found.items()} for found in files)
    test = given[0] if given else {name: folder.test_count(name, count) for name, count in train.items()}
    train = train if given else {name: count - test[name] for name, count in train.items()}
    sizes, grey = opened([path for images in files[0].values() for path in images])
    return Survey(root, train, test, len(parts) > 1, passed_over(parts), sizes, grey)


def passed_over(parts: Sequence[Path]) -> dict[str, int]:
    """Return what is in the folders and is not read, {what: number}: other files, and folders inside a class."""
    found = Counter()
    for part in parts:
        for entry in os.scandir(part):
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                found["files beside the class folders"] += 1
                continue
            for inner in os.scandir(entry.path):
                suffix = Path(inner.name).suffix.lower()
                if inner.name.startswith(".") or (suffix in SUFFIXES and inner.is_file()):
                    continue
                found["folders inside a class" if inner.is_dir() else f"{suffix or 'unnamed'} files"] += 1
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def opened(paths: list[Path]) -> tuple[np.ndarray, bool]:
    """Return (width, height) of some pictures, (pictures, 2), and whether all of these are grey.

    Pictures that cannot be opened are left out: they are named when all are decoded.
    """
    sizes, grey = [], True
    for path in paths[:: -(-len(paths) // MOST_OPENED) or 1]:
        try:
            sizes.append(pictures.size(path, path))
            with Image.open(path) as image:
                grey = grey and image.mode in ("1", "L", "LA", "I", "I;16", "F")
        except (RecipeError, OSError):
            continue
    return np.array(sizes, np.int64).reshape(-1, 2), grey and bool(sizes)
