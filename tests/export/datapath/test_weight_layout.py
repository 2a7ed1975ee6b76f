"""Widened codes: the same bytes out of every machine, another task image and header, and no datapath in common."""

import numpy as np
import pytest

from export.backends.programs import c_program
from export.c import core_header
from export.datapath import structure, task_image, weight_layout
from export.datapath.retarget import fit
from export.graph import golden
from export.graph.golden import random_inputs
from export.streaming import line_plan
from tests.support.networks.tasks import every_operator, other_task
from tests.support.targets import BOARDS, MACHINES, SANITIZERS


def fast(graph):
    return weight_layout.for_flash(graph, weight_layout.FAST)


def test_words_hold_the_codes_in_the_order_of_the_kernels():
    codes = np.arange(-3, 3, dtype=np.int8).reshape(1, 1, 2, 3)
    words = weight_layout.paired(codes)
    assert words.tolist() == [[0xFFFFFFFD, 0x0000FFFE, 0x00000001, 0x00000002]]  # -3 -1, -2 0, 1 and 2 alone
    assert words.dtype == "<u4"


@pytest.mark.parametrize("machine", [*SANITIZERS, *BOARDS])
def test_every_machine_makes_the_same_bytes_of_them(machine, tmp_path):
    graph = every_operator()
    images = random_inputs(graph, 2)["image"]
    made, _ = c_program.Built(line_plan.plan(fast(graph)), machine, tmp_path, dumping=True).run(images)
    for name, expected in golden.run(graph, images).items():
        if name in made:
            np.testing.assert_array_equal(made[name], expected, err_msg=name)
    assert set(graph.outputs) <= made.keys()


@pytest.mark.compiler
def test_a_task_for_a_fast_network_is_laid_out_as_it_is(tmp_path):
    graph = every_operator()
    network, task = line_plan.plan(fast(graph)), other_task(graph)
    fitted = fit(task, network)
    image = task_image.write(fitted).content
    images = random_inputs(graph, 2)["image"]
    made, _ = c_program.Built(network, MACHINES["c-gcc-O0"], tmp_path).run(images, image)
    np.testing.assert_array_equal(made["map"], golden.run(task, images)["map"])
    assert fit(fast(task), line_plan.plan(graph)).graph.metadata == graph.metadata


def test_an_image_of_the_other_layout_is_of_another_datapath():
    small, widened = (line_plan.plan(each) for each in (every_operator(), fast(every_operator())))
    assert structure.digest(small) != structure.digest(widened)
    assert weight_layout.for_flash(widened.graph, weight_layout.SMALL).metadata == small.graph.metadata
    small_header, fast_header = (core_header.write(each.graph) for each in (small, widened))
    assert small_header.count("\nconst uint32_t") == 0
    assert fast_header.count("\nconst uint32_t") == fast_header.count("\nconst int8_t") == 1  # and a depthwise


def test_a_way_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="--flash is 'big'; expected one of small, fast"):
        weight_layout.for_flash(every_operator(), "big")
