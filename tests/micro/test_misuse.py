"""Every function of an exported network, called at the wrong time and with the wrong arguments: a status, and no harm."""

from dataclasses import replace

import pytest

from export.backends.programs.c_program import Built
from export.backends.programs.machines import MachineError
from export.datapath import task_image
from export.graph import meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.streaming import line_plan
from tests.micro.scripts import build_with, checked
from tests.support.networks.repeated import plan_of, repeated
from tests.support.networks.tasks import every_operator
from tests.support.targets import SANITIZERS, thorough_but

ACTIONS, OUTSIDE, RANDOM = 17, 2, 400  # of drive_misuse.c
DEVICE_ACTIONS = 19  # of drive_device.c


def of_every_kind():
    return line_plan.plan(every_operator())


def of_every_switch():
    return plan_of(replace(repeated(2), name="net"))


every_sanitizer = pytest.mark.parametrize("machine", thorough_but("c-gcc-sanitizers", SANITIZERS))


@every_sanitizer
@pytest.mark.parametrize("network", [of_every_kind, of_every_switch])
def test_every_order_of_calls_is_answered(machine, network, tmp_path):
    plan = network()
    most = max(tensor.size for tensor in plan.graph.tensors)
    program = build_with("drive_misuse.c", plan, machine, tmp_path, [f"NET_OUTPUT_BYTES={most}"])
    result = program.run(task_image.write(plan).content)
    assert int.from_bytes(result.output, "little") == ACTIONS ** (1 + OUTSIDE) + RANDOM


@every_sanitizer
def test_slots_and_people_are_misused_in_every_order(machine, tmp_path):
    plan = line_plan.plan(meaning.attach(every_operator(), {"pool": Meaning("faces", threshold=0.5)}))
    program = build_with("drive_device.c", plan, machine, tmp_path)
    result = program.run(task_image.write(plan).content)
    assert int.from_bytes(result.output, "little") == DEVICE_ACTIONS**3 + 2000


@pytest.mark.parametrize("machine", SANITIZERS[:1])
def test_a_task_file_that_is_too_long_is_refused_without_a_look_behind_it(machine, tmp_path):
    plan = of_every_kind()
    image, program = task_image.write(plan).content, Built(plan, machine, tmp_path)
    inputs = random_inputs(plan.graph, 1)[plan.graph.inputs[0]]
    for more in (1, 2, 3, 4, 5, 1000):
        with pytest.raises(MachineError, match="was refused: the task image is not of the size that it should have"):
            program.run(inputs, checked(image + bytes(more)))
