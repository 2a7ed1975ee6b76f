"""Random graphs of all operators: the same bytes at every tensor from golden, TFLM, the line plan and C."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from export.backends.c_host import BACKENDS
from export.backends.programs.c_program import DUMPING, dumped_maps
from export.backends.programs.machines import build
from export.c import project
from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import OPERATORS
from export.graph.passes.joined_inputs import with_one_input
from export.streaming import line_model, line_plan
from export.tflite.writing.writer import write
from tests.support.networks.random_graphs import random_graphs
from tests.support.networks.tasks import every_operator
from tests.support.proofs import prove_tflite

IMAGES = 3
DRIVER = Path(__file__).parents[1] / "micro" / "programs" / "drive_graphs.c"
MACHINE = BACKENDS[0].machine  # gcc, not optimised: the quickest to build


def drawn(count):
    """The same random graphs in each run."""
    graphs = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(random_graphs())
    def draw(graph):
        graphs.append(graph)

    draw()
    return graphs


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.thorough)])
def test_random_graphs_are_equal_on_tflm_golden_line_plan_and_c(count, tmp_path):
    graphs = [every_operator(), *drawn(count)]
    assert {type(operator) for graph in graphs for operator in graph.operators} == set(OPERATORS.values())
    for graph in graphs:
        result = prove_tflite(graph, write(graph), random_inputs(graph, IMAGES), on=["tflm"])
        assert result.passed, str(result)
    plans = [line_plan.plan(numbered(with_one_input(graph), i)) for i, graph in enumerate(graphs)]
    inputs = [random_inputs(plan.graph, IMAGES)[plan.graph.inputs[0]] for plan in plans]
    for plan, images, made_in_c in zip(plans, inputs, run_in_c(plans, inputs, tmp_path), strict=True):
        expected = golden.run(plan.graph, images)
        for made in (line_model.run(plan, images), made_in_c):
            assert set(plan.graph.outputs) <= made.keys()
            for name, values in made.items():
                np.testing.assert_array_equal(values, expected[name], err_msg=f"{plan.graph.name}: {name}")


def numbered(graph, i):
    """The graph with a name and a core of its own: the programs of all are linked together."""
    return replace(graph, name=f"net{i}", metadata={**graph.metadata, "core": f"{i:08x}".ljust(64, "0")})


def run_in_c(plans, inputs, folder):
    """Every tensor of each plan, made by one program of all of them."""
    for plan in plans:
        own = folder / "c" / plan.graph.name
        own.mkdir(parents=True)
        for name, content in project.files(plan).items():
            if (
                Path(name).suffix in (".c", ".h")
                and name not in (project.PROGRAM, "CMakeLists.txt")
                and "/" not in name
            ):
                (own / name).write_text(content)
    (folder / "c" / "sf").mkdir()
    for file in project.library_files(*project.LIBRARY):
        shutil.copy(file, folder / "c" / "sf")
    names = [plan.graph.name for plan in plans]
    includes = "".join(f'#include "{name}/{name}_stream.h"\n' for name in names)
    entries = ", ".join(f"{{&{name}_network, {name}_task}}" for name in names)
    table = f"static const struct {{\n  const sf_network *network;\n  const uint32_t *task;\n}} networks[] = {{{entries}}};\n"
    (folder / "c" / "networks.h").write_text(f"#define IMAGES {IMAGES}\n{includes}{table}")
    shutil.copy(DRIVER, folder / "c" / "main.c")
    output = build(MACHINE, folder / "c", folder, DUMPING).run(b"".join(each.tobytes() for each in inputs)).output
    for plan in plans:
        size = int.from_bytes(output[:4], "little")
        yield dumped_maps(plan, output[4 : 4 + size], IMAGES)
        output = output[4 + size :]
