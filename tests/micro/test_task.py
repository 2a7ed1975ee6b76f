"""Loading task images: what is not whole and meant for this network is refused, and changes nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from export.datapath import task_image
from export.graph import golden
from export.graph.golden import random_inputs
from export.streaming import line_plan
from tests.micro.scripts import Script, Status, build_with, checked
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import every_operator, other_task
from tests.support.targets import BOARDS, MACHINES, SANITIZERS
from tests.support.task_layout import HEADER_BYTES, parts

GRAPH, OTHER = every_operator(), other_task(every_operator())
PLAN = line_plan.plan(GRAPH)
TASK, OTHER_TASK = (task_image.write(line_plan.plan(graph)).content for graph in (GRAPH, OTHER))
ROWS = random_inputs(GRAPH, 1)["image"][0]
HOSTILE = 600  # images
CORE_DIGEST, DATAPATH_DIGEST = 16, 48  # offsets
every_sanitizer = pytest.mark.parametrize("machine", SANITIZERS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Gives the program of a machine."""
    return cache(lambda machine: build_with("drive_stream.c", GRAPH, machine, tmp_path_factory.mktemp("driven")))


@cache
def golden_outputs(graph):
    """Of ROWS."""
    made = golden.run(graph, ROWS[None], graph.outputs)
    return {name: made[name][0] for name in graph.outputs}


def assert_outputs(got, graph):
    np.testing.assert_equal(got, golden_outputs(graph))


def changed(image: bytes, offset: int, content: bytes) -> bytes:
    """An image with other bytes from an offset on, and the CRC-32 that suits them."""
    return checked(image[:offset] + content + image[offset + len(content) :])


def received(program, images: list[bytes], offset=0) -> list[Status]:
    """How images are received by a network at work, which goes on as if they had never come.

    It runs OTHER_TASK; some of the images come before each row.
    """
    script = Script(GRAPH).load(OTHER_TASK)
    groups = np.array_split(np.arange(len(images)), len(ROWS))
    for row, group in zip(ROWS, groups):
        for i in group:
            script.load(images[i], offset)
        script.push(row[None])
    results = script.run(program)
    assert_outputs(results.pop(), OTHER)
    rows = np.cumsum([1 + len(group) for group in groups])[:-1]
    assert [results[0], *(results[i] for i in rows)] == [Status.OK] * len(ROWS)
    return [result for i, result in enumerate(results) if i and i not in rows]


# --- Whole images -----------------------------------------------------------------------------------------------------


@every_sanitizer
def test_two_tasks_take_turns_on_one_frozen_core(machine, built):
    script = Script(GRAPH)
    for task in (TASK, OTHER_TASK, TASK):
        script.load(task).push(ROWS)
    results = script.run(built(machine))
    length = 1 + len(ROWS)
    assert results[::length] == [Status.OK] * 3
    for i, graph in enumerate((GRAPH, OTHER, GRAPH), start=1):
        assert_outputs(results[i * length - 1], graph)
    with pytest.raises(AssertionError):
        assert_outputs(results[-1], OTHER)


@every_sanitizer
def test_a_task_that_is_loaded_within_an_image_begins_a_new_one(machine, built):
    results = Script(GRAPH).load(TASK).push(ROWS[:3]).load(OTHER_TASK).push(ROWS).run(built(machine))
    assert set(results[:-1]) == {Status.OK}
    assert_outputs(results[-1], OTHER)


@every_sanitizer
def test_an_image_that_was_broken_off_leaves_no_trace(machine, built):
    script = Script(GRAPH).load(TASK).push(ROWS[::-1])
    for count in range(len(ROWS)):
        script.push(ROWS[:count]).begin()
    assert_outputs(script.push(ROWS).run(built(machine))[-1], GRAPH)


@every_sanitizer
def test_without_a_task_no_row_is_taken(machine, built):
    results = Script(GRAPH).push(ROWS[:1]).load(TASK[:-4]).push(ROWS[:1]).load(TASK).push(ROWS).run(built(machine))
    assert results[:4] == [Status.NO_TASK, Status.OTHER_SIZE, Status.NO_TASK, Status.OK]
    assert_outputs(results[-1], GRAPH)


# --- Damage -----------------------------------------------------------------------------------------------------------


@every_sanitizer
def test_every_shorter_image_is_refused(machine, built):
    found = received(built(machine), [TASK[:size] for size in range(len(TASK))])
    assert set(found[:HEADER_BYTES]) == {Status.TOO_SHORT}
    assert set(found[HEADER_BYTES:]) == {Status.OTHER_SIZE}


@every_sanitizer
def test_every_flipped_bit_is_found(machine, built):
    flipped = []
    for place, bit in np.ndindex(len(TASK), 8):
        flipped.append(TASK[:place] + bytes([TASK[place] ^ 1 << bit]) + TASK[place + 1 :])
    found = np.array(received(built(machine), flipped)).reshape(-1, 4, 8)  # by word, byte and bit
    header = [{Status.NOT_A_TASK}, {Status.OTHER_VERSION}, {Status.OTHER_SIZE, Status.DAMAGED}]
    for word, allowed in zip(found, [*header, *[{Status.DAMAGED}] * len(found)]):
        assert set(word.ravel().tolist()) <= allowed


@every_sanitizer
def test_what_follows_an_image_is_not_read_as_part_of_it(machine, built):
    """A slot of flash is larger than the image in it."""
    results = Script(GRAPH).load(TASK + b"\xff" * 100).push(ROWS).run(built(machine))
    assert results[0] == Status.OK
    assert_outputs(results[-1], GRAPH)


@every_sanitizer
def test_a_size_that_is_not_this_networks_is_refused(machine, built):
    images = [TASK[:size] for size in range(HEADER_BYTES, len(TASK))] + [TASK + bytes(more) for more in (1, 4, 10_000)]
    assert set(received(built(machine), [checked(image) for image in images])) == {Status.OTHER_SIZE}


@every_sanitizer
@pytest.mark.parametrize("offset", [1, 2, 3])
def test_an_image_that_is_not_aligned_is_refused(machine, built, offset):
    assert received(built(machine), [TASK, TASK[:10], b""], offset) == [Status.NOT_ALIGNED] * 3


# --- Images of another make -------------------------------------------------------------------------------------------


@every_sanitizer
def test_tasks_of_other_networks_are_refused(machine, built):
    other_core = replace(GRAPH, metadata={"core": "ab" * 32})
    without_core = replace(GRAPH, metadata={})
    images = [
        task_image.write(line_plan.plan(graph)).content for graph in (other_core, without_core, every_operator((7, 6)))
    ]
    images += [changed(TASK, 4, b"\2"), changed(TASK, 3, b"J")]
    found = received(built(machine), images)
    expected = ["OTHER_CORE", "OTHER_CORE", "OTHER_DATAPATH", "OTHER_VERSION", "NOT_A_TASK"]
    assert found == [Status[name] for name in expected]


@every_sanitizer
def test_every_byte_of_the_digests_counts(machine, built):
    for begin, status in ((CORE_DIGEST, Status.OTHER_CORE), (DATAPATH_DIGEST, Status.OTHER_DATAPATH)):
        images = [changed(TASK, i, bytes([TASK[i] ^ 1])) for i in range(begin, begin + 32)]
        assert set(received(built(machine), images)) == {status}


# --- Content that no export writes, in images that are whole otherwise ------------------------------------------------


def with_value(part, index: int, value: int) -> bytes:
    """TASK with another number in a part."""
    return changed(TASK, part.offset + index * part.dtype.itemsize, np.array(value).astype(part.dtype).tobytes())


def absurd_numbers():
    """Images that each have one number out of range, by status."""
    switches, factors = [], []
    for part in parts(PLAN):
        for index in range(int(np.prod(part.shape))):
            if part.what == "switch":
                switches += [with_value(part, index, value) for value in (2, -1, 256, -(2**31))]
            elif part.what == "multipliers" or part.what == "factors" and index % 2 == 0:
                factors += [with_value(part, index, value) for value in (-1, -(2**31))]
            elif part.what == "shifts" or part.what == "factors":
                factors += [with_value(part, index, value) for value in (32, -32, 127, -128)]
            elif part.what == "words":
                factors += [with_value(part, index, value) for value in (96, 32, 0, 127, -64, -(2**31) + 64)]
    return {Status.BAD_SWITCH: switches, Status.BAD_FACTOR: factors}


@every_sanitizer
def test_every_number_out_of_range_is_refused(machine, built):
    for status, images in absurd_numbers().items():
        assert len(images) >= 4
        assert set(received(built(machine), images)) == {status}


def hostile(seed: int) -> bytes:
    """A task image with random numbers in some parts, many of them extreme, but each one that the loader lets through."""
    random, image = np.random.default_rng(seed), bytearray(TASK)

    def among(low, high, shape):
        extremes = random.choice([low, high, low + 1, high - 1, min(max(0, low), high)], shape)
        return np.where(random.random(shape) < 0.5, extremes, random.integers(low, high, shape, endpoint=True))

    for part in parts(PLAN):
        if random.random() < 0.6:  # else hardly a value would survive until the outputs
            continue
        multipliers = among(0, 2**31 - 1, part.shape)
        # Shifts beyond 12 leave nothing of most values; small ones make them overflow.
        shifts = np.where(random.random(part.shape) < 0.5, among(-31, 31, part.shape), among(0, 12, part.shape))
        if part.what == "words":
            values = multipliers & ~127 | shifts + 64
        elif part.what == "factors":
            values = np.where([True, False], multipliers, shifts)
        elif part.what == "switch":
            values = random.integers(0, 2, part.shape)
        elif part.what in ("multipliers", "shifts"):
            values = {"multipliers": multipliers, "shifts": shifts}[part.what]
        else:
            bits = 8 * part.dtype.itemsize - 1
            values = among(-(2**bits), 2**bits - 1, part.shape)
        image[part.offset : part.offset + part.size] = values.astype(part.dtype).tobytes()
    return checked(bytes(image))


@pytest.mark.compiler
@pytest.mark.clang
def test_whatever_is_let_through_runs_in_defined_arithmetic_the_same_everywhere(built):
    script = Script(GRAPH)
    for seed in range(HOSTILE):
        script.load(hostile(seed)).push(ROWS)
    first, second = (script.run(built(MACHINES[name])) for name in ("c-gcc-sanitizers", "c-clang-sanitizers"))
    assert first[:: 1 + len(ROWS)] == [Status.OK] * HOSTILE
    np.testing.assert_equal(first, second)


# --- Cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", BOARDS)
def test_a_task_is_checked_in_few_instructions_a_byte(machine, tmp_path):
    graph = replace(semifreddo((32, 32), (8, 8, 16, 16, 32)), name="net")
    loaded = build_with("measure_load.c", graph, machine, tmp_path).run()
    assert loaded.output == bytes([Status.OK])
    assert loaded.instructions < 20 * len(task_image.write(line_plan.plan(graph)).content)


# --- Texts ------------------------------------------------------------------------------------------------------------


@every_sanitizer
def test_every_status_has_a_text_of_its_own(machine, built):
    script = Script(GRAPH)
    for status in range(len(Status) + 1):
        script.ask(status)
    *texts, unknown = script.run(built(machine))
    assert len(set(texts)) == len(Status) and unknown == "unknown status"
