"""The installed command: quick to help, without TensorFlow, and right about its exit codes."""

import inspect
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sfkeras
from export.__main__ import Commands
from export.graph import golden
from export.packages import folder
from export.tflite.writing import writer
from sfkeras import cli, command
from sfkeras.experiments import EXPERIMENTS
from tests.support.networks.tasks import every_operator

ROOT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "tf_keras", "keras_cv", "tensorflow_model_optimization", "tflite_micro", "PIL", "matplotlib")
BLOCKED = f"""
import sys
sys.modules.update(dict.fromkeys({HEAVY!r}))
from sfkeras.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_heavy(*words, **options):
    """Runs the command where none of the heavy packages can be imported."""
    child = subprocess.run(
        [sys.executable, "-c", BLOCKED, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )
    return child.returncode, child.stdout, child.stderr


@pytest.fixture(scope="module")
def tflite(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "net.tflite"
    path.write_bytes(writer.write(every_operator()).content)
    return path


@pytest.mark.compiler
def test_a_tflite_is_compiled_and_run_with_numpy_alone(tflite, tmp_path):
    code, said, _ = without_heavy("compile", tflite, tmp_path / "c")
    assert code == 0, said
    cli.main(["compile", str(tflite), str(tmp_path / "with")])
    files = {path.relative_to(tmp_path / "c") for path in (tmp_path / "c").rglob("*") if path.is_file()}
    for path in files:
        assert (tmp_path / "c" / path).read_bytes() == (tmp_path / "with" / path).read_bytes(), path
    images = golden.random_inputs(every_operator(), 2)["image"]
    np.save(tmp_path / "in.npy", images)
    for on in "c", "golden":
        code, _, said = without_heavy("run", tmp_path / "c", tmp_path / "in.npy", tmp_path / f"{on}.npz", f"--on={on}")
        assert code == 0, said
    ours, expected = np.load(tmp_path / "c.npz"), np.load(tmp_path / "golden.npz")
    for name in expected.files:
        np.testing.assert_array_equal(ours[name], expected[name])


def test_what_needs_a_package_says_which(tflite):
    code, _, said = without_heavy("verify", tflite)
    assert code == 2
    assert said == (
        "error: this needs the package tensorflow; install it with: pip install 'sfkeras[verify]', or 'sfkeras[train]' "
        "to train\n"
    )


@pytest.mark.parametrize(
    "words, expected",
    [
        (["join", "a", "b", "--out=c"], "error: a is no run with an export"),
        (["verify", "run", "--on=stream", "--json-file=no/v.json"], "error: no/v.json: There is no folder no"),
    ],
)
def test_a_mistake_does_not_wait_for_tensorflow(words, expected, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").touch()
    code, _, said = without_heavy(*words, cwd=tmp_path)
    assert code == 2 and said.startswith(expected) and said.count("\n") == 1


@pytest.mark.parametrize(
    "words", [[], ["train"], ["compile"], ["compare-experiments"], ["compare-experiments", "table3"]]
)
def test_help_is_quick(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code, said, _ = without_heavy(*words, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code == 0 and said.strip()
    assert (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    )  # the processor's, however busy it is


def test_an_option_stands_apart_from_its_text(capsys):
    for name, function in command.commands_of(Commands).items():
        for each in inspect.signature(function).parameters.values():
            if each.kind is each.KEYWORD_ONLY or each.default is not each.empty:
                option = "--" + each.name.replace("_", "-")
                assert cli.main([name, "--help"]) == 0
                assert re.search(rf"^  {option}(  +\S|$)", capsys.readouterr().out, re.MULTILINE), (name, option)


def test_the_help_of_experiments_names_every_folder_of_data(capsys):
    assert cli.main(["compare-experiments", "--help"]) == 0
    said = capsys.readouterr().out
    for experiment in EXPERIMENTS.values():
        assert all(f"{name}=" in said for name, task in experiment.tasks.items() if task.folder)


def test_the_overview_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    for name in "train", "compile", "verify", "run", "bench", "image", "join", "tflm", "compare-experiments":
        assert f"\n  {name} " in said


@pytest.mark.parametrize("name", ["training-speed", "training_speed"])
def test_a_command_may_be_written_with_either_dash(name, capsys):
    assert cli.main(["compare-experiments", name, "--steps=none"]) == 2
    assert "--steps is 'none'; it must be a whole number" in capsys.readouterr().err


def test_python_runs_the_package_as_the_command():
    done = subprocess.run([sys.executable, "-m", "sfkeras", "--version"], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == f"sfkeras {sfkeras.__version__}\n"


def test_no_command_is_a_mistake(capsys):
    assert cli.main([]) == 2
    assert "Usage: sfkeras COMMAND" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"sfkeras {sfkeras.__version__}\n"


def test_ctrl_c_ends_with_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("export.__main__.Commands.compile", interrupted)
    assert cli.main(["compile", "a", "b"]) == 130
    assert capsys.readouterr().err == "\nstopped\n"


def test_importing_the_packages_changes_nothing():
    code = """
import os, sys
before = dict(os.environ)
import sfkeras, export, sfkeras.cli
assert dict(os.environ) == before
heavy = {"numpy", "tensorflow", "yaml", "fire"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.installed
def test_the_wheel_compiles_a_tflite_in_an_empty_environment(tflite, tmp_path):
    """`make installed`: pip install of the project as it is, then what needs no extra, and the check of the emitted C."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    commands = tmp_path / "venv" / "bin"
    subprocess.run([commands / "pip", "install", "--quiet", ROOT], check=True)
    run = {"check": True, "cwd": tmp_path, "env": {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}}
    subprocess.run(["sfkeras", "train", "--help"], **run, stdout=subprocess.DEVNULL)
    subprocess.run(["sfkeras", "compile", tflite, "c"], **run)
    subprocess.run(["sfkeras", "area", "tiny_imagenet"], **run, stdout=subprocess.DEVNULL)
    for form in folder.FORMS:
        subprocess.run(["sfkeras", "package", tflite, f"package/{form}", f"--form={form}"], **run)
    cli.main(["compile", str(tflite), str(tmp_path / "checkout")])
    for path in (tmp_path / "checkout").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "c" / path.relative_to(tmp_path / "checkout")).read_bytes()
    assert shutil.which("cmake")
    subprocess.run(["cmake", "-S", "c", "-B", "build"], **run)
    subprocess.run(["cmake", "--build", "build"], **run)
    subprocess.run([tmp_path / "build" / "net_check"], **run)
