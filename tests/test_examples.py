"""The examples run, and say what their docstrings promise."""

import runpy
from pathlib import Path

import pytest

from export.c import project
from export.streaming import line_plan
from tests.support.networks.tiny import tiny

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *arguments):
    runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*map(str, arguments))


def test_every_example_is_run_here():
    text = Path(__file__).read_text()
    assert all(f'"{path.stem}"' in text for path in EXAMPLES.glob("*.py"))


@pytest.mark.compiler
def test_a_keras_model_of_ones_own_is_proven_and_compiled(tmp_path, capsys):
    run("own_keras_model", tmp_path / "out")
    said = capsys.readouterr().out
    assert "100% of 200 new pictures are right" in said and "c-native: " in said and "0 differ" in said
    assert (tmp_path / "out" / "main.c").is_file()


@pytest.mark.compiler
def test_a_second_task_is_loaded_on_the_first_ones_core(tmp_path, capsys):
    run("two_tasks", tmp_path / "out")
    assert "137,152 frozen codes stay where they are" in capsys.readouterr().out
    assert (tmp_path / "out" / "second.bin").stat().st_size < 137_152


def test_the_datapath_is_read_from_a_compiled_folder(tmp_path, capsys):
    project.write_folder(line_plan.plan(tiny()), tmp_path)
    run("read_the_datapath", tmp_path)
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith("frozen.stage1") and row.endswith("frozen") for row in rows)
