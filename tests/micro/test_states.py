"""States in C: they last from image to image, and until the network is reset."""

import numpy as np
import pytest

from export.graph import golden
from export.streaming import line_plan
from tests.micro.scripts import build_with
from tests.support.networks.tasks import every_operator
from tests.support.targets import SANITIZERS


@pytest.mark.parametrize("machine", SANITIZERS[:1])
def test_states_last_until_a_reset(machine, tmp_path):
    plan = line_plan.plan(every_operator())
    images = golden.random_inputs(plan.graph, 2)[plan.graph.inputs[0]]
    program = build_with("drive_states.c", plan, machine, tmp_path)
    first, *others = np.split(np.frombuffer(program.run(images.tobytes()).output, np.int8), 4)
    for other in others:  # after sf_reset, after sf_start in the middle of an image, after sf_load_task
        np.testing.assert_array_equal(other, first)
    expected = golden.run(plan.graph, images, plan.graph.outputs)
    assert sorted(first.tolist()) == sorted(np.concatenate([each.ravel() for each in expected.values()]).tolist())
    forgetful = [golden.run(plan.graph, image[None], plan.graph.outputs)["map"] for image in images]
    assert not np.array_equal(np.concatenate(forgetful), expected["map"])
