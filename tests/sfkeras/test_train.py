"""The command: what it refuses, and that a training which is killed ends as if it had not been."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export.report import run_report
from sfkeras import train
from sfkeras.nn.freezing import core
from sfkeras.training import trainer
from sfkeras.training.run_folder.journal import Journal
from tests.support.networks.keras_networks import build_one_module, one_module

ROOT = Path(__file__).parents[2]
COMMAND = "-m", "sfkeras.train"
SMALL = {
    "recipe": "face",
    "network.input": "32x32x1",
    "network.cores": 1,
    "data.augment": "none",  # which takes seconds to trace; test_batches resumes each
    "heads.task.outputs": 16,
    "training.epochs": 3,
    "training.steps_per_epoch": 2,
    "qat.epochs": 2,
    "qat.calibration_images": 50,
}


def start(words, program=COMMAND):
    return subprocess.Popen(
        [sys.executable, "-u", *program, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def run(*words, program=COMMAND):
    process = start(words, program)
    out, err = process.communicate()
    return process.returncode, out, err


@contextlib.contextmanager
def at_once():
    """Asserts that commands take less than a second of processor time, which other tests on this machine do not lengthen.

    Loading TensorFlow alone would take five.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_help_is_there_at_once():
    with at_once():
        code, out, _ = run("--help")
    assert code == 0 and "network.core_shuffle=true" in out and "Example: sfkeras train recipe=face" in out


@pytest.mark.parametrize(
    "words, told",
    [
        (["recipe=face_lfw", "data.root=/nowhere"], "data.root is /nowhere, which does not exist."),
        (["recipe=face_lfw", "data.root=EMPTY"], "EMPTY has no peopleDevTrain.txt. Put LFW's lists there"),
        (["recipe=face", "data.source=folder", "data.root=EMPTY"], "EMPTY has 0 class folders. Expected 2 or more."),
        (["recipe=face", "data.source=tfrecord", "data.root=EMPTY"], "EMPTY has no train-* shards."),
        (["recipe=face", "network.core=unheard_of"], "network.core is 'unheard_of', but there is no"),
    ],
)
def test_data_and_cores_that_are_not_there_are_told_at_once(words, told, tmp_path):
    (tmp_path / "empty").mkdir()
    words = [word.replace("EMPTY", str(tmp_path / "empty")) for word in words]
    with at_once():
        code, _, err = run(*words, f"run_root={tmp_path / 'runs'}")
    assert code == 2 and err.count("\n") == 1 and told.replace("EMPTY", str(tmp_path / "empty")) in err


@pytest.mark.parametrize(
    "words, told",
    [
        (["recipe=face", "network.coers=1"], "network.cores"),
        (["recipe=face", "training.epochs=many"], "training.epochs is many"),
        (["recipe=fase"], "Use one of"),
        (["recipe=face", "network.input=100x96x1"], "96x96x1"),
        (["recipe=face", "data.images_per_person=11"], "Set data.images_per_person to at most 10"),
        (["recipe=face", "heads.task.outputs=600", "network.core=null"], "Set heads.task.outputs to at most 256"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_leaves_nothing(words, told, tmp_path, capsys):
    assert train.main([*words, f"run_root={tmp_path / 'runs'}"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and told in err
    assert not (tmp_path / "runs").exists()


# ---- a training that is killed

PROGRAM = (__file__,)  # the command, with a network that is quick to trace: see the end of this file


@pytest.fixture(scope="module")
def small_core(tmp_path_factory):
    path = tmp_path_factory.mktemp("core") / "small.npz"
    core.Core.from_model(one_module(shape=(32, 32, 1)), "small").save(path)
    return path


def words_of(core_path, run_root):
    return [f"{k}={v}" for k, v in SMALL.items()] + [f"network.core={core_path}", f"run_root={run_root}"]


def kill_when(words, moment):
    """Starts a training and kills it, as a power cut would, in the line of output where `moment` appears."""
    process = start(words, PROGRAM)
    for line in process.stdout:
        if moment in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()


def train_in_this_process(words, monkeypatch):
    """Like `run` of PROGRAM, without another TensorFlow to load."""
    monkeypatch.setattr(trainer, "build_network", build_one_module)
    return train.main(words)


def interrupt_in(epoch, monkeypatch):
    """Makes the next training in this process stop as Ctrl-C would, after a step of an epoch of the fixed8 phase."""

    def on_train_batch_end(journal, batch, logs=None):
        if journal.phase == "qat" and len(journal.rows) == epoch - 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "on_train_batch_end", on_train_batch_end)


def test_a_killed_training_ends_with_the_same_bytes(small_core, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_report, "MOST_VALUES", 500_000)  # a few images of each kind are proven, instead of 100
    assert train_in_this_process(words_of(small_core, tmp_path / "whole"), monkeypatch) == 0
    assert "0 differ" in capsys.readouterr().out

    words = words_of(small_core, tmp_path / "cut")
    kill_when(words, "Epoch 3/3")
    with monkeypatch.context() as patched:
        interrupt_in(2, patched)
        assert train_in_this_process(words, patched) == 130
    out = capsys.readouterr().out
    assert "Epoch 1/3" not in out and "Epoch 3/3" in out and "Epoch 2/2" in out
    assert train_in_this_process(words, monkeypatch) == 0
    out = capsys.readouterr().out
    assert "Epoch 1/" not in out and "Epoch 3/3" not in out

    whole, cut = tmp_path / "whole" / "face", tmp_path / "cut" / "face"
    assert (whole / "export" / "face.tflite").read_bytes() == (cut / "export" / "face.tflite").read_bytes()
    assert json.loads((whole / "accuracy.json").read_text()) == json.loads((cut / "accuracy.json").read_text())
    for phase in "float", "qat":
        with np.load(whole / f"{phase}.npz") as one, np.load(cut / f"{phase}.npz") as other:
            weights = [name for name in one.files if name.startswith("weight")]
            assert weights and all((one[name] == other[name]).all() for name in weights)

    assert not [path for path in tmp_path.rglob("*") if "part" in path.suffix]
    # What a user looks at afterwards.
    assert (cut / "curves.png").read_bytes().startswith(b"\x89PNG") and (cut / "alphas.png").exists()
    assert "| TFLM |" in (cut / "report.md").read_text()
    frozen = core.Core.load(small_core)
    assert (cut / "export" / "face.graph").exists() and frozen.digest.encode() in (
        cut / "export" / "face.graph"
    ).read_bytes()

    code, _, err = run(*words, "seed=5")
    assert code == 2 and "started with other values of seed" in err
    assert err.startswith("error: ") and err.count("\n") == 1  # of TensorFlow, which has been loaded, nothing


if __name__ == "__main__":  # one process of the test above
    trainer.build_network = build_one_module
    sys.exit(train.main(sys.argv[1:]))
