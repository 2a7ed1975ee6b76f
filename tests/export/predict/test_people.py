"""Enrolled people: the table, and the C of a device, which gives the same bytes and the same answers."""

import ctypes
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from export.backends.programs.machines import STRICT
from export.c.project import MICRO, PEOPLE
from export.graph.meaning import ONE
from export.predict import people

DIMENSIONS = 8
embeddings = arrays.arrays(np.int8, (DIMENSIONS,))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The C, which undefined behaviour ends with a message."""
    made = tmp_path_factory.mktemp("people") / "people.so"
    checks = ["-shared", "-fPIC", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-Wconversion"]
    subprocess.run(["gcc", "-std=c99", *STRICT, *checks, MICRO / PEOPLE / "sf_people.c", "-o", made], check=True)
    return ctypes.CDLL(str(made))


def bytes_of(people, dimensions=DIMENSIONS):
    return 12 + people * (36 + 4 * dimensions)


def test_the_cosine_of_a_face_with_itself_is_1_and_with_its_opposite_minus_1():
    face = np.array([3, -5, 100, 0, 7, 1, -1, 90], np.int8)
    known = people.People(DIMENSIONS)
    known.enrol("ann", face[None])
    assert abs(known.nearest(face)[1] - ONE) <= 2
    assert abs(known.nearest(-face)[1] + ONE) <= 2


@given(embeddings, embeddings)
def test_cosines_are_those_of_real_numbers(a, b):
    a, b = np.append(a, 1).astype(np.int8), np.append(b, 1).astype(np.int8)  # never all zeros
    expected = a.astype(float) @ b.astype(float) / np.linalg.norm(a.astype(float)) / np.linalg.norm(b.astype(float))
    assert people.cosine(people.unit(a), people.unit(b)) / ONE == pytest.approx(expected, abs=5e-4)


@given(st.lists(st.tuples(st.sampled_from("abc"), embeddings), min_size=1, max_size=12), embeddings)
@example([("a", np.zeros(DIMENSIONS, np.int8))], np.zeros(DIMENSIONS, np.int8))
@example([("a", np.full(DIMENSIONS, -128, np.int8))] * 3, np.full(DIMENSIONS, -128, np.int8))
@settings(max_examples=200, deadline=None)
def test_the_device_keeps_the_same_table_and_names_the_same_person(library, photos, face):
    known = people.People(DIMENSIONS)
    table = (ctypes.c_uint8 * bytes_of(3))()
    assert library.sf_people_clear(table, ctypes.c_size_t(len(table)), DIMENSIONS) == 0
    for name, photo in photos:
        known.enrol(name, photo[None])
        person = library.sf_people_enrol(table, ctypes.c_size_t(len(table)), name.encode(), photo.tobytes())
        assert person == list(known.sums).index(name)
    assert bytes(table)[: bytes_of(len(known.sums))] == known.to_bytes()
    cosine = ctypes.c_int32()
    person = library.sf_people_nearest(table, ctypes.c_size_t(len(table)), face.tobytes(), ctypes.byref(cosine))
    assert (list(known.sums)[person], cosine.value) == known.nearest(face)


def test_the_device_refuses_what_does_not_fit_and_changes_nothing(library):
    table, face = (ctypes.c_uint8 * bytes_of(1))(), bytes(DIMENSIONS)
    size = ctypes.c_size_t(len(table))
    cosine = ctypes.c_int32()
    assert library.sf_people_nearest(table, size, face, ctypes.byref(cosine)) == -2  # no table yet
    assert library.sf_people_clear(table, ctypes.c_size_t(11), DIMENSIONS) == -3
    assert library.sf_people_clear(table, size, 0) == library.sf_people_clear(table, size, 1025) == -3
    assert library.sf_people_clear(table, size, DIMENSIONS) == 0
    assert library.sf_people_nearest(table, size, face, ctypes.byref(cosine)) == -1  # nobody
    before = bytes(table)
    assert (
        library.sf_people_enrol(table, size, b"", face) == library.sf_people_enrol(table, size, b"x" * 32, face) == -4
    )
    assert bytes(table) == before
    assert library.sf_people_enrol(table, size, b"ann", face) == 0
    assert library.sf_people_enrol(table, size, b"ben", face) == -3  # full
    assert library.sf_people_enrol(table, ctypes.c_size_t(len(table) - 1), b"ann", face) == -2  # cut off
    for place, value in ((12, 0), (43, 1), (44, 0), (len(table) - 1, 1)):  # name, its end, photos, a sum
        damaged = bytearray(table)
        damaged[place] = value
        assert library.sf_people_nearest(bytes(damaged), size, face, ctypes.byref(cosine)) == -2
    library.sf_people_name.restype = ctypes.c_char_p
    assert library.sf_people_name(table, 0) == b"ann"


def test_a_table_comes_back_from_its_file(tmp_path):
    known = people.People(DIMENSIONS)
    known.enrol("Zoë", np.arange(16, dtype=np.int8).reshape(2, 8))
    known.save(tmp_path / "people.bin")
    again = people.load(tmp_path / "people.bin", DIMENSIONS)
    assert again.to_bytes() == known.to_bytes()
    assert people.load(tmp_path / "none.bin", DIMENSIONS).sums == {}


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda table: b"SFPX" + table[4:], "no table of people"),
        (lambda table: table[:-1], "cut off or damaged"),
        (lambda table: table[:6] + b"\7\0" + table[8:], "embeddings of 7 values, the network of 8"),
        (lambda table: b"", "no table of people"),
        (lambda table: table[:8] + b"\xff\xff\xff\xff" + table[12:], "cut off or damaged"),
        (lambda table: table[:12] + b"\xff" + table[13:], "cut off or damaged"),
        (lambda table: table[:12] + b"\0" + table[13:], "cut off or damaged"),
        (lambda table: table[:44] + b"\0" + table[45:], "cut off or damaged"),
        (lambda table: table[:-1] + b"\1", "cut off or damaged"),
        (lambda table: table[:8] + b"\2" + table[9:] + table[12:], "cut off or damaged"),
    ],
    ids="magic short dimensions empty count letter name photos sum twice".split(),
)
def test_a_damaged_table_is_refused_in_one_line(damage, said, tmp_path):
    known = people.People(DIMENSIONS)
    known.enrol("ann", np.ones((1, 8), np.int8))
    (tmp_path / "people.bin").write_bytes(damage(known.to_bytes()))
    with pytest.raises(ValueError, match=said):
        people.load(tmp_path / "people.bin", DIMENSIONS)


@pytest.mark.parametrize("name", ["", "x" * 32, "a\nb"])
def test_a_name_that_does_not_fit_is_refused(name):
    with pytest.raises(ValueError, match="the name"):
        people.People(2).enrol(name, np.ones((1, 2), np.int8))
