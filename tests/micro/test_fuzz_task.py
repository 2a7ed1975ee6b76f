"""libFuzzer on the loader and on all kernels behind it, for a short time."""

import re
import subprocess

import pytest

from export import lines, task_image
from export.machines import Machine
from tests.export.tasks import every_operator, other_task
from tests.micro.scripts import build_with

FUZZER = Machine("fuzzer", "clang", ("-O2", "-g", "-fno-sanitize-recover=all", "-fsanitize=fuzzer,address,undefined"))
SECONDS = 10
MODES = 8  # of fuzz_task.c


@pytest.mark.clang
def test_no_bytes_make_the_loader_or_a_kernel_fail(tmp_path):
    graph = every_operator()
    program = build_with("fuzz_task.c", graph, FUZZER, tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, task in (("own", graph), ("other", other_task(graph))):
        image = task_image.write(lines.plan(task)).content
        for mode in range(MODES):
            (corpus / f"{name}{mode}").write_bytes(bytes([mode]) + image)
    options = [f"-max_total_time={SECONDS}", f"-max_len={len(image) + 100}", "-seed=1", "-print_final_stats=1"]
    command = [program.path, *options, f"-artifact_prefix={tmp_path}/", corpus]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert int(re.search(r"number_of_executed_units: (\d+)", ended.stderr)[1]) > 1000
