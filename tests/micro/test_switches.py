"""Task images that switch a network's structure: each in turn on one compiled network, and none that it does not have."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from export.datapath import task_image
from export.datapath.retarget import fit
from export.datapath.task_image import HEADER
from export.graph import golden
from tests.micro.scripts import Script, Status, build_with, checked
from tests.support.networks.repeated import plan_of, repeated
from tests.support.targets import SANITIZERS

NETWORK = plan_of(replace(repeated(2), name="net"))
GRAPH = NETWORK.graph
TASKS = [repeated(passes, pooled, 2 + passes) for passes in (1, 2) for pooled in (False, True)]
FITTED = [fit(task, NETWORK) for task in TASKS]
IMAGES = [task_image.write(plan).content for plan in FITTED]
ROWS = np.random.default_rng(0).integers(-128, 128, GRAPH.tensor("image").shape).astype(np.int8)
every_sanitizer = pytest.mark.parametrize("machine", SANITIZERS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Gives the program of a machine."""
    return cache(lambda machine: build_with("drive_stream.c", NETWORK, machine, tmp_path_factory.mktemp("driven")))


def expected(task, plan):
    """Outputs of a task's own graph for ROWS by the names in a plan, and zeros for what the task does not give."""
    own = golden.run(task, ROWS[None], task.outputs)[task.outputs[0]][0]
    return {name: own if name in plan.given else np.zeros(GRAPH.tensor(name).shape, np.int8) for name in GRAPH.outputs}


def in_position(image: bytes, number: int, position: int) -> bytes:
    """An image with a switch in another position, and all else in its header right."""
    place = HEADER.size + 4 * number
    return checked(image[:place] + np.array(position, "<i4").tobytes() + image[place + 4 :])


@every_sanitizer
def test_tasks_of_every_structure_take_turns(machine, built):
    order = [0, 3, 1, 2, 0]
    script = Script(GRAPH)
    for i in order:
        script.push(ROWS[:2] if i else ROWS[:0]).load(IMAGES[i]).push(ROWS)  # some come within an image
    results = [result for result in script.run(built(machine)) if isinstance(result, dict)]
    for i, got in zip(order, results, strict=True):
        np.testing.assert_equal(got, expected(TASKS[i], FITTED[i]))


@every_sanitizer
def test_positions_that_the_network_does_not_have_are_refused(machine, built):
    wrong = [in_position(IMAGES[3], 0, n) for n in (0, 3, -1, 2**31 - 1, -(2**31), 257, 2 << 16)]
    wrong += [in_position(IMAGES[3], 1, n) for n in (2, -1, 256, 2**31 - 1, -(2**31))]
    script = Script(GRAPH).load(IMAGES[1])
    for image in wrong:
        script.load(image)
    first, *statuses, outputs = script.push(ROWS).run(built(machine))
    assert first == Status.OK and set(statuses[: len(wrong)]) == {Status.BAD_SWITCH}
    np.testing.assert_equal(outputs, expected(TASKS[1], FITTED[1]))


@every_sanitizer
def test_an_image_must_have_the_size_of_its_passes(machine, built):
    wrong = [in_position(IMAGES[0], 0, 2), in_position(IMAGES[2], 0, 1)]
    wrong += [checked(image[:size]) for image in IMAGES for size in (80, 84, 88, len(image) - 4)]
    wrong += [checked(image + bytes(4)) for image in IMAGES]
    script = Script(GRAPH)
    for image in wrong:
        script.load(image)
    assert set(script.run(built(machine))) == {Status.OTHER_SIZE}


@every_sanitizer
def test_sections_of_each_pass_and_of_the_heads_are_checked(machine, built):
    sections = task_image.write(NETWORK).sections

    def with_bad_factor(image, stage):
        place = sections[stage] + 4 * GRAPH.tensor(stage).channels  # behind the bias
        return checked(image[:place] + b"\x00" + image[place + 1 :])  # a shift of -64

    in_second_pass = with_bad_factor(IMAGES[2], "core1.stage4.pass2.left.depthwise")
    in_both = [with_bad_factor(image, "head.task.pointwise") for image in IMAGES]
    script = Script(GRAPH)
    for image in [in_second_pass, *in_both]:
        script.load(image)
    assert set(script.run(built(machine))) == {Status.BAD_FACTOR}
