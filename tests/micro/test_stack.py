"""The stack that a network says it needs: enough for every path of the code and for runs on boards, and little more."""

import re
import subprocess
from dataclasses import replace

import pytest

from export.c import project
from export.datapath.weight_layout import for_flash
from export.streaming import line_plan
from tests.micro.scripts import build_with
from tests.micro.stack_usage import KERNELS, OTHERS, CallGraph
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.tasks import every_operator
from tests.support.targets import BOARDS, thorough_but

OPTIMISED, UNOPTIMISED = ("-Og", "-O3"), ("-O0",)  # -O1 and -Os take less


def target(kernels: str, name: str, compiler: str, marker, *flags: str):
    return pytest.param(kernels, compiler, flags, id=name, marks=marker)


TARGETS = [  # and the kernels that are taken
    target("arm_dsp", "m4", "arm-none-eabi-gcc", pytest.mark.cross, "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard"),
    target("arm_mve", "m55", "arm-none-eabi-gcc", pytest.mark.cross, "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    target("portable", "m0", "arm-none-eabi-gcc", pytest.mark.cross, "-mcpu=cortex-m0", "-mthumb"),
    target("portable", "x86-64", "gcc", pytest.mark.compiler),
    target("avx2", "avx2", "gcc", pytest.mark.compiler, "-mavx2"),
    target("avx512_vnni", "avx512", "gcc", pytest.mark.compiler, "-mavx512vl", "-mavx512vnni", "-mavx512bw"),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The folder sf/ of an exported network."""
    folder = tmp_path_factory.mktemp("exported")
    project.write_folder(line_plan.plan(every_operator()), folder)
    return folder / "sf"


def stated(compiler, flags, sources) -> tuple[str, dict[str, int]]:
    """The kernels that a compiler takes, and the stack of sf_stack.h by kind of stages."""
    header = f'#include "{sources / "sf_stack.h"}"\n'
    kinds = *KERNELS, OTHERS
    text = header + "kernels SF_KERNELS\n" + "".join(f"{kind} SF_STACK_{kind.upper()}\n" for kind in kinds)
    command = [compiler, *flags, "-E", "-P", "-"]
    made = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    kernels = re.search(r'kernels "(\w+)"', made)[1]
    return kernels, {kind: int(re.search(rf"^{kind} \((\d+)\)", made, re.MULTILINE)[1]) for kind in kinds}


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param(OPTIMISED, id="optimised"),
        pytest.param((*OPTIMISED, "-O2"), id="every level", marks=pytest.mark.thorough),
        pytest.param(UNOPTIMISED, id="unoptimised", marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize("kernels, compiler, flags", thorough_but("m4", TARGETS))
def test_no_path_is_deeper_than_the_header_says(kernels, compiler, flags, levels, sources, tmp_path):
    deepest = {}
    for level in levels:
        folder = tmp_path / level
        folder.mkdir()
        for kind, bytes in CallGraph(compiler, (*flags, level), sources, folder).bounds().items():
            deepest[kind] = max(bytes, deepest.get(kind, 0))
        taken, bounds = stated(compiler, (*flags, level), sources)
        assert taken == kernels
    for kind, bytes in deepest.items():
        assert bytes <= bounds[kind], kind
    if kernels.startswith("arm"):  # else one figure is for several processors
        for kind, bytes in deepest.items():
            assert bounds[kind] <= 1.25 * bytes + 64, kind


def deep():
    """Windows that are taken part by part, by channels that need the slow path too."""
    net = Builder(1)
    net.input((6, 20, 64))
    tensor = net.convolution("deep", "image", 24, 3, padding="same")
    tensor = net.convolution("wide", tensor, 70, relu=False, zero_point=-7)
    return net.graph(net.depthwise("depthwise", tensor, 5))


NETWORKS = {
    "every operator": every_operator,
    "every operator, fast flash": lambda: for_flash(every_operator(), "fast"),
    "semifreddo": lambda: replace(semifreddo((32, 32), (8, 8, 16, 16, 32)), name="net"),
    "deep": deep,
}


@pytest.mark.parametrize("level", [pytest.param("-O0", marks=pytest.mark.thorough), "-O2"])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("machine", thorough_but("m4 m55", BOARDS))
def test_a_run_stays_within_the_bound(machine, network, level, tmp_path):
    if level not in machine.flags:  # a level that is said twice would be other objects to ccache
        machine = replace(machine, flags=(*machine.flags, level))
    result = build_with("measure_stack.c", NETWORKS[network](), machine, tmp_path).run()
    bound = int.from_bytes(result.output, "little")
    assert 0 < result.stack <= bound
