"""The kernels with the instructions of each emulated board against the golden arithmetic."""

import subprocess
from functools import cache

import numpy as np
import pytest

from export.backends.programs.machines import STRICT
from export.graph.operators import Conv2D, DepthwiseConv2D
from tests.micro import cases
from tests.micro.board_kernels import BoardKernels
from tests.micro.kernels import copy_kernels
from tests.support.targets import BOARDS, MACHINES


def copies(random):
    """Arguments of sf_copy_channels, the last one being where to write; and what must be there then."""
    for _ in range(60):
        width, count, step = random.integers(1, (40, 40, 20), dtype=int).tolist()
        inputs, outputs = count + int(random.integers(4)), step * count + int(random.integers(4))
        input, output = (random.integers(-128, 128, (width, n)).astype(np.int8) for n in (inputs, outputs))
        expected = output.copy()
        expected[:, : step * count : step] = input[:, :count]
        yield (width, count, step, inputs, outputs, input, output), expected


@pytest.mark.parametrize("machine", BOARDS)
def test_copies_on_boards(machine, tmp_path):
    kernels = BoardKernels(machine, tmp_path)
    tries = list(copies(np.random.default_rng(0)))
    for arguments, _ in tries:
        kernels.call("sf_copy_channels", *arguments)
    kernels.make_calls()
    for arguments, expected in tries:
        kernels.call("sf_copy_channels", *arguments)
        np.testing.assert_array_equal(arguments[-1], expected)


@cache
def tries() -> list:
    """Random operators with their inputs and golden's output."""
    nets = [net for kind in (Conv2D, DepthwiseConv2D) for net in cases.examples(cases.convolutions(kind), 60)]
    nets += cases.examples(cases.usual_convolutions(), 80) + cases.examples(cases.deep_convolutions(), 40)
    nets += cases.examples(cases.stems(), 30)
    nets += cases.saturating_convolutions()
    named = [(net, "made") for net in nets]
    named += [(net, name) for net in cases.examples(cases.values(), 60) for name in cases.VALUES]
    return [each for net, name in named for each in cases.maps_and_golden(net, name)]


@pytest.mark.parametrize("machine", BOARDS)
def test_kernels_on_boards(machine, tmp_path):
    kernels = BoardKernels(machine, tmp_path)
    calls = [(kernels.run, *each) for each in tries()]
    calls += [(kernels.run_widened, *each) for each in tries() if isinstance(each[0].operators[0], Conv2D)]
    for run, graph, inputs, _ in calls:
        run(graph, graph.outputs[0], *inputs)
    kernels.make_calls()
    for run, graph, inputs, expected in calls:
        np.testing.assert_array_equal(run(graph, graph.outputs[0], *inputs), expected)
    assert len(calls) > 800


@pytest.mark.cross
@pytest.mark.parametrize("level", ["-O0", "-O1", "-Os", "-O3"])
def test_instructions_of_the_dsp_extension_find_registers_at_every_level(level, tmp_path):
    """Assembler that needs all but one of them is refused where a frame pointer takes another."""
    machine = MACHINES["m4"]
    sources = map(str, sorted(copy_kernels(tmp_path / "c").glob("*_dsp.c")))
    subprocess.run([machine.compiler, *STRICT, *machine.flags, level, "-c", *sources], cwd=tmp_path, check=True)
