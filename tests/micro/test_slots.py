"""Task images that come over a line into two slots: whatever power does, the newest complete one is in use."""

import ctypes
import subprocess
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.c import project
from export.datapath import task_image
from export.streaming import line_plan
from tests.micro.kernels import PROGRAMS, STRICT, UNDEFINED
from tests.micro.scripts import Status, checked
from tests.support.networks.tasks import every_operator, other_task

Answer = IntEnum("Answer", "MORE PAGE_DONE LOADED REFUSED FAILED", start=0)
OWN, *OTHERS = (
    task_image.write(line_plan.plan(graph)).content
    for graph in (every_operator(), *map(lambda seed: other_task(every_operator(), seed), (1, 2, 3)))
)
ALWAYS = 1 << 30  # operations of the flash that power lasts for
OPERATIONS = 2 + -(-len(OWN) // 256)  # of the flash for an image: an erase, its pages, and the seal
SEAL_BYTES = 16
NO_SLOT = 2

pytestmark = pytest.mark.compiler


class Device:
    """The C of a network with its slots; the flash is that of the library, one for all."""

    def __init__(self, library):
        self.library = library
        self.library.in_use.restype = ctypes.POINTER(ctypes.c_uint8)
        self.library.forget()

    def start(self, operations=ALWAYS, torn=0) -> int:
        return self.library.start(operations, torn)

    def send(self, content: bytes) -> Answer:
        return Answer(self.library.take(content, ctypes.c_size_t(len(content))))

    @property
    def status(self) -> Status:
        return Status(self.library.status())

    @property
    def in_use(self) -> bytes:
        return ctypes.string_at(self.library.in_use(), len(OWN))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slots")
    project.write_folder(line_plan.plan(every_operator()), folder)
    driver = PROGRAMS / "drive_slots.c"
    sources = [driver, *folder.glob("net_*.c"), *folder.glob("core_*.c"), *folder.glob("sf/*.c")]
    flags = [*STRICT, *UNDEFINED, "-shared", "-fPIC", f"-I{folder}"]
    subprocess.run(["gcc", *flags, *sources, "-o", folder / "slots.so"], check=True)
    return ctypes.CDLL(str(folder / "slots.so"))


@pytest.fixture
def device(library):
    return Device(library)


def test_without_an_image_the_built_in_task_is_used(device):
    assert device.start() == NO_SLOT
    assert device.in_use == OWN


def test_images_take_turns_in_the_slots(device):
    device.start()
    for count, image in enumerate([*OTHERS, *OTHERS]):
        assert device.send(image) is Answer.LOADED
        assert device.in_use == image
        assert device.start() == count % 2
        assert device.in_use == image


def test_every_page_is_answered(device):
    device.start()
    pages = [OTHERS[0][i : i + 256] for i in range(0, len(OWN), 256)]
    answers = [device.send(page) for page in pages]
    assert answers == [Answer.PAGE_DONE] * (len(pages) - 1) + [Answer.LOADED]


def test_what_is_no_image_is_ignored(device):
    device.start()
    assert device.send(b"hello SFT SSFSFT\r\nSSF") is Answer.MORE
    assert device.send(b"S" + OTHERS[0]) is Answer.LOADED


@pytest.mark.parametrize(
    "image, status",
    [
        (OTHERS[0][:-9] + b"\x55" + OTHERS[0][-8:], Status.DAMAGED),
        (checked(OTHERS[0][:16] + b"\x55" + OTHERS[0][17:]), Status.OTHER_CORE),
        (OTHERS[0][:8] + b"\xff\xff\xff\x7f", Status.OTHER_SIZE),
        (OTHERS[0][:8] + b"\x00\x00\x00\x00", Status.OTHER_SIZE),
    ],
    ids=["damaged", "core", "large", "small"],
)
def test_an_image_that_does_not_suit_changes_nothing(image, status, device):
    device.start()
    device.send(OTHERS[1])
    assert device.send(image) is Answer.REFUSED
    assert device.status is status
    assert device.in_use == OTHERS[1]
    device.start()
    assert device.in_use == OTHERS[1]
    assert device.send(OTHERS[2]) is Answer.LOADED


def test_a_sender_that_went_silent_can_begin_again(device):
    device.start()
    device.send(OTHERS[0][: len(OWN) // 2])
    device.library.drop()
    assert device.send(OTHERS[1]) is Answer.LOADED
    assert device.in_use == OTHERS[1]


@settings(max_examples=200)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(range(len(OTHERS))), st.integers(0, OPERATIONS), st.integers(0, 255)),
        min_size=1,
        max_size=6,
    )
)
def test_whenever_power_fails_the_newest_complete_image_is_used(steps, library):
    device, expected = Device(library), OWN
    for number, operations, torn in steps:
        device.start(operations, torn)
        answer = device.send(OTHERS[number])
        assert answer is (Answer.LOADED if operations == OPERATIONS else Answer.FAILED)
        if operations == OPERATIONS or (operations == OPERATIONS - 1 and torn >= SEAL_BYTES):
            expected = OTHERS[number]
        device.start()
        assert device.in_use == expected
