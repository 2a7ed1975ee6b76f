"""libFuzzer on the loader and on all kernels behind it, for a short time."""

import re
import subprocess
from dataclasses import replace

import pytest

from export.backends.programs.machines import Machine
from export.datapath import task_image
from export.datapath.retarget import fit
from export.streaming import line_plan
from tests.micro.scripts import build_with
from tests.support.networks.repeated import plan_of, repeated
from tests.support.networks.tasks import every_operator, other_task

CHECKS = "-g", "-fno-sanitize-recover=all", "-fsanitize=fuzzer,address,undefined"
# To optimise takes longer than it runs; make thorough does, for five times as many images per second.
LEVELS = [("-O0", 3), pytest.param("-O2", 20, marks=pytest.mark.thorough)]
MODES = 8  # of fuzz_task.c


def every_kind():
    """A network of every kind of stage, and other tasks of it."""
    graph = every_operator()
    return line_plan.plan(graph), [line_plan.plan(other_task(graph))]


def every_switch():
    """A network with every kind of switch, and tasks of other structures."""
    network = plan_of(replace(repeated(2), name="net"))
    return network, [fit(repeated(1, True, seed=2), network), fit(repeated(2, True, seed=3), network)]


@pytest.mark.clang
@pytest.mark.parametrize("level, seconds", LEVELS)
@pytest.mark.parametrize("network", [every_kind, every_switch])
def test_no_bytes_make_the_loader_or_a_kernel_fail(network, level, seconds, tmp_path):
    own, others = network()
    program = build_with("fuzz_task.c", own, Machine("fuzzer", "clang", (level, *CHECKS)), tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    images = [task_image.write(plan).content for plan in (own, *others)]
    for number, image in enumerate(images):
        for mode in range(MODES):
            (corpus / f"{number}.{mode}").write_bytes(bytes([mode]) + image)
    options = [f"-max_total_time={seconds}", f"-max_len={len(images[0]) + 100}", "-seed=1", "-print_final_stats=1"]
    command = [program.path, *options, f"-artifact_prefix={tmp_path}/", corpus]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert int(re.search(r"number_of_executed_units: (\d+)", ended.stderr)[1]) > 1000
