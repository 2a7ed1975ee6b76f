"""Widened codes: the same bytes out of every machine, another task image and header, and no datapath in common."""

import numpy as np
import pytest

from export import c_run, core_header, datapath, flash, golden, lines, task_image
from export.fit import fit
from export.machines import MACHINES
from export.verify import random_inputs
from tests.export.targets import BOARDS, SANITIZERS
from tests.export.tasks import every_operator, other_task


def fast(graph):
    return flash.for_flash(graph, flash.FAST)


def test_words_hold_the_codes_in_the_order_of_the_kernels():
    codes = np.arange(-3, 3, dtype=np.int8).reshape(1, 1, 2, 3)
    words = flash.widened(codes)
    assert words.tolist() == [[0xFFFFFFFD, 0x0000FFFE, 0x00000001, 0x00000002]]  # -3 -1, -2 0, 1 and 2 alone
    assert words.dtype == "<u4"


@pytest.mark.parametrize("machine", [*SANITIZERS, *BOARDS])
def test_every_machine_makes_the_same_bytes_of_them(machine, tmp_path):
    graph = every_operator()
    images = random_inputs(graph, 2)["image"]
    made, _ = c_run.Built(lines.plan(fast(graph)), machine, tmp_path, dumping=True).run(images)
    for name, expected in golden.run(graph, images).items():
        if name in made:
            np.testing.assert_array_equal(made[name], expected, err_msg=name)
    assert set(graph.outputs) <= made.keys()


@pytest.mark.compiler
def test_a_task_for_a_fast_network_is_laid_out_as_it_is(tmp_path):
    graph = every_operator()
    network, task = lines.plan(fast(graph)), other_task(graph)
    fitted = fit(task, network)
    image = task_image.write(fitted).content
    images = random_inputs(graph, 2)["image"]
    made, _ = c_run.Built(network, MACHINES["gcc-O0"], tmp_path).run(images, image)
    np.testing.assert_array_equal(made["map"], golden.run(task, images)["map"])
    assert fit(fast(task), lines.plan(graph)).graph.metadata == graph.metadata


def test_an_image_of_the_other_layout_is_of_another_datapath():
    small, widened = (lines.plan(each) for each in (every_operator(), fast(every_operator())))
    assert datapath.digest(small) != datapath.digest(widened)
    assert flash.for_flash(widened.graph, flash.SMALL).metadata == small.graph.metadata
    small_header, fast_header = (core_header.write(each.graph) for each in (small, widened))
    assert small_header.count("static const uint32_t") == 0
    assert (
        fast_header.count("static const uint32_t") == fast_header.count("static const int8_t") == 1
    )  # and a depthwise


def test_a_way_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="--flash is 'big', wanted one of small, fast"):
        flash.for_flash(every_operator(), "big")
