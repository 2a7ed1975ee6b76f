"""The kernels with the instructions of each emulated board against the golden arithmetic."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from export.graph import Conv2D, DepthwiseConv2D
from tests.export.targets import BOARDS
from tests.micro import cases
from tests.micro.board_kernels import BoardKernels


def examples(strategy, count: int) -> list:
    drawn = []

    @settings(max_examples=count, phases=[Phase.generate], deadline=None, database=None)
    @given(strategy)
    def draw(example):
        drawn.append(example)

    draw()
    return drawn


@pytest.mark.parametrize("machine", BOARDS)
def test_kernels_on_boards(machine, tmp_path):
    kernels = BoardKernels(machine, tmp_path)
    nets = [net for kind in (Conv2D, DepthwiseConv2D) for net in examples(cases.convolutions(kind), 60)]
    tries = [(net, "made") for net in nets + examples(cases.deep_convolutions(), 40)]
    tries += [(net, name) for net in examples(cases.values(), 60) for name in cases.VALUES]
    tries = [each for net, name in tries for each in cases.maps_and_golden(net, name)]
    for graph, inputs, _ in tries:
        kernels.run(graph, graph.outputs[0], *inputs)
    kernels.make_calls()
    for graph, inputs, expected in tries:
        np.testing.assert_array_equal(kernels.run(graph, graph.outputs[0], *inputs), expected)
    assert len(tries) > 600
