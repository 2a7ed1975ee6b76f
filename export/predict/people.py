"""People that a face network has been shown: enrolled from photos, then recognised.

All arithmetic is in integers, the same as in micro/people/sf_people.c, so that a device and this
computer give one answer. A person is the sum of the unit vectors of their photos' embeddings. A face
shows the person with the highest cosine, if that reaches the threshold.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.graph.meaning import ONE
from sfkeras import atomic_file

Codes = npt.NDArray[np.int8]

MAGIC, VERSION = b"SFPE", 1
HEADER = struct.Struct("<4sHHi")  # magic, version, dimensions, people
NAME_BYTES, MOST_PHOTOS = 32, 1 << 12  # of a person; so that sums fit in int32
MOST_DIMENSIONS = 1024
KNOWN_AS = "people.bin"


@dataclass
class People:
    """The enrolled people of one network.

    Attributes:
        dimensions: length of the network's embeddings.
        sums: by name, the sum of the unit vectors of that person's photos, int64 (dimensions,).
        photos: by name, the number of these photos.
    """

    dimensions: int
    sums: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    photos: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dimensions > MOST_DIMENSIONS:
            raise ValueError(
                f"the embeddings have {self.dimensions} values; people are kept of at most {MOST_DIMENSIONS}"
            )

    def enrol(self, name: str, embeddings: Codes) -> None:
        """Add photos to a person, who is new or known.

        Args:
            name: 1 to 31 bytes of UTF-8.
            embeddings: int8 (photos, dimensions).
        Raises: ValueError if the name is too long, there are too many photos, or a face has no embedding.
        """
        if not name.isprintable() or not 0 < len(name.encode()) < NAME_BYTES:
            raise ValueError(f"the name {name!r} must have 1 to {NAME_BYTES - 1} bytes of printable UTF-8")
        if (count := self.photos.get(name, 0) + len(embeddings)) > MOST_PHOTOS:
            raise ValueError(f"{name} has {count} photos; at most {MOST_PHOTOS} are kept")
        units = np.array([unit(embedding) for embedding in embeddings])
        self.sums[name] = self.sums.get(name, np.zeros(self.dimensions, np.int64)) + units.sum(axis=0)
        self.photos[name] = count

    def nearest(self, embedding: Codes) -> tuple[str, int]:
        """Return the person whose photos are most similar to a face, and the cosine in units of 1 / ONE.

        Of equally similar people the first enrolled. Raises: ValueError if nobody is enrolled.
        """
        if not self.sums:
            raise ValueError("nobody is enrolled")
        face = unit(embedding)
        cosines = {name: cosine(face, total) for name, total in self.sums.items()}
        name = max(cosines, key=cosines.__getitem__)
        return name, cosines[name]

    def _is_possible(self, name: str) -> bool:
        """Whether a person could have been enrolled: no value of a sum of unit vectors is above their number."""
        photos = self.photos[name]
        return bool(name) and 0 < photos <= MOST_PHOTOS and int(np.abs(self.sums[name]).max()) <= photos * ONE

    def to_bytes(self) -> bytes:
        """Return the table of people, little-endian: a header, then per person the name, the photos and the sums."""
        parts = [HEADER.pack(MAGIC, VERSION, self.dimensions, len(self.sums))]
        for name, total in self.sums.items():
            parts += [name.encode().ljust(NAME_BYTES, b"\0"), struct.pack("<i", self.photos[name])]
            parts += [total.astype("<i4").tobytes()]
        return b"".join(parts)

    def save(self, path: Path) -> None:
        """Write the table."""
        atomic_file.write(path, self.to_bytes())


def load(path: Path, dimensions: int) -> People:
    """Return the people of a table, or none if there is no such file.

    Raises: ValueError if it is damaged, or of a network with other embeddings.
    """
    if not path.exists():
        return People(dimensions)
    content, size = path.read_bytes(), NAME_BYTES + 4 + 4 * dimensions
    magic, version, found, count = HEADER.unpack_from(content.ljust(HEADER.size, b"\0"))
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"{path} is no table of people of version {VERSION}; remove it and enrol again")
    if found != dimensions:
        raise ValueError(f"{path} has embeddings of {found} values, the network of {dimensions}; give another --people")
    people = People(dimensions)
    if len(content) == HEADER.size + count * size:
        for start in range(HEADER.size, len(content), size):
            name = content[start : start + NAME_BYTES].partition(b"\0")[0].decode("utf-8", "replace")
            (people.photos[name],) = struct.unpack_from("<i", content, start + NAME_BYTES)
            people.sums[name] = np.frombuffer(content, "<i4", dimensions, start + NAME_BYTES + 4).astype(np.int64)
    if people.to_bytes() != content or not all(map(people._is_possible, people.sums)):
        raise ValueError(f"{path} is cut off or damaged; remove it and enrol again")
    return people


def unit(embedding: Codes) -> npt.NDArray[np.int64]:
    """Return an embedding as a vector of length ONE, a cosine of 1, each value rounded to nearest, halves up.

    Its length is taken in units of 1/1024. An embedding of zeros stays zeros.
    """
    values = embedding.astype(np.int64).ravel()
    length = math.isqrt(int(values @ values) << 20)
    if length == 0:
        return values
    return (2 * values * (ONE << 10) + length) // (2 * length)


def cosine(face: npt.NDArray[np.int64], total: npt.NDArray[np.int64]) -> int:
    """Return the cosine of a unit vector and a sum of unit vectors, in units of 1 / ONE, rounded down."""
    length = math.isqrt(int(total @ total))
    return int(face @ total) // length if length else -ONE
