"""The exported C: golden's bytes at every tensor, on every machine, for networks of any shape."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from export.backends.programs.c_program import DUMPING, Built, dumped_maps, output_maps, prepare
from export.backends.programs.machines import STRICT, Program
from export.backends.programs.tools import MissingTool
from export.c import project
from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import Lookup, Softmax, Wire, switched_sources
from export.network import Network
from export.streaming import line_plan
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams
from tests.support.networks.tasks import every_operator
from tests.support.targets import BOARDS, EVERY_MACHINE, MACHINES, SANITIZERS, thorough_but

SMALL = (8, 8, 16, 16, 32)  # channels of a SemifreddoNet


def assert_all_equal(made, graph, images):
    expected = golden.run(graph, images)
    assert made.keys() == {operator.output for operator in line_plan.composed(graph).operators}
    for name, values in made.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


# --- Any network ------------------------------------------------------------------------------------------------------


class QuickBuilds:
    """Builds networks for one machine: what is the same in every exported folder is compiled once."""

    def __init__(self, machine, folder: Path):
        self.machine, self.folder = machine, folder
        self.flags = [machine.compiler, *STRICT, *machine.flags, *(f"-D{define}" for define in DUMPING)]
        project.write_folder(line_plan.plan(every_operator()), folder)
        self.library = sorted(path.name for path in (folder / "sf").glob("*.c"))
        for source in self.library:  # each by itself, because ccache keeps objects
            self._compile(folder, "-c", f"sf/{source}", "-o", Path(source).with_suffix(".o"))

    def run(self, graph, images):
        """Every tensor that the C makes of images."""
        plan = line_plan.plan(graph)
        with tempfile.TemporaryDirectory() as folder:
            project.write_folder(plan, folder)
            objects = [str(self.folder / Path(source).with_suffix(".o")) for source in self.library]
            self._compile(folder, *(path.name for path in Path(folder).glob("*.c")), *objects, "-o", "program", "-lm")
            output = Program(self.machine, Path(folder, "program"), ()).run(images.tobytes()).output
        return dumped_maps(plan, output, len(images))

    def _compile(self, folder, *arguments):
        subprocess.run([*self.flags, "-I.", *arguments], cwd=folder, check=True)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return QuickBuilds(MACHINES["c-gcc-sanitizers"], tmp_path_factory.mktemp("library"))


def odd_core_shuffle(on):
    """Five channels: two of one's own, three of the other."""
    net = Builder()
    net.input((3, 4, 2))
    swap = Wire(
        name="swap",
        inputs=[net.convolution(name, "image", 5) for name in ("own", "other")],
        sources=switched_sources(5, on),
        core_shuffle=True,
    )
    return net.graph(net.add(swap, 2.0**-4))


def steep_softmax():
    """Its factor is as large as one can be."""
    net = Builder()
    net.input((2, 2, 9), 0.5)
    return net.graph(net.add(Softmax(name="softmax", inputs=["image"], beta=1000.0), 2.0**-8, -128))


@pytest.mark.compiler
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@example(every_operator())
@example(odd_core_shuffle(True))
@example(odd_core_shuffle(False))
@example(steep_softmax())
@given(graph=random_streams())
def test_every_tensor_of_any_network_equals_golden(quick, graph):
    images = random_inputs(graph, 3)[graph.inputs[0]]
    assert_all_equal(quick.run(graph, images), graph, images)


# --- Every machine ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", thorough_but("c-gcc-sanitizers c-native m4 m55 rv32", EVERY_MACHINE))
def test_every_tensor_of_a_semifreddonet_equals_golden(machine, tmp_path):
    graph = semifreddo((32, 32), SMALL)
    images = random_inputs(graph, 2)["image"]
    made, _ = Built(line_plan.plan(graph), machine, tmp_path, dumping=True).run(images)
    assert_all_equal(made, graph, images)


@pytest.mark.parametrize("machine", [*SANITIZERS[:1], *BOARDS[:1]])
def test_outputs_alone_are_golden_s(machine, tmp_path):
    graph = every_operator()  # of several outputs, one of many rows
    images = random_inputs(graph, 5)["image"]
    made, result = Built(line_plan.plan(graph), machine, tmp_path).run(images)
    expected = golden.run(graph, images, graph.outputs)
    assert list(made) == list(graph.outputs)
    for name in graph.outputs:
        np.testing.assert_array_equal(made[name], expected[name])
    assert (result.instructions is None) == (machine.board is None)


# --- Reading what a program wrote -------------------------------------------------------------------------------------


def test_outputs_are_read_image_by_image_in_the_order_of_the_graph():
    graph = every_operator()
    images = random_inputs(graph, 4)["image"]
    expected = golden.run(graph, images, graph.outputs)
    output = b"".join(expected[name][i].tobytes() for i in range(4) for name in graph.outputs)
    made = output_maps(line_plan.plan(graph), output, 4)
    assert list(made) == list(graph.outputs)
    np.testing.assert_equal(made, expected)


@pytest.mark.compiler
def test_a_program_is_built_once_and_follows_its_plan(monkeypatch):
    graph = every_operator()
    images = random_inputs(graph, 2)
    run = prepare(MACHINES["c-gcc-O0"], Network(graph), True)
    assert_all_equal(run(images)[0], graph, images["image"])
    monkeypatch.setenv("PATH", "")  # no compiler any more
    assert_all_equal(run({"image": images["image"][:1]})[0], graph, images["image"][:1])
    with pytest.raises(MissingTool, match="needs gcc"):
        prepare(MACHINES["c-gcc-O0"], Network(graph), True)


@pytest.mark.compiler
def test_an_absurd_task_runs_too(quick):
    """Sums that overflow, as an export of a broken training may have."""
    net = Builder(3)
    net.input((4, 4, 8), 1.0)
    net.convolution("conv", "image", 6, 3)
    operator = replace(net.operators[0], bias=np.full(6, 2**31 - 1, np.int32), scales=np.full(6, 2.0**25, np.float32))
    net.operators = [operator]
    net.add(Lookup(name="table", inputs=["conv"], table=np.arange(-128, 128).astype(np.int8)), 2.0**-4)
    graph = net.graph("table")
    images = random_inputs(graph, 2)["image"]
    assert_all_equal(quick.run(graph, images), graph, images)
