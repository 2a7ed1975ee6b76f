"""A run folder with all that a finished training leaves, of a small network with random weights."""

import json
from dataclasses import replace

import numpy as np
import pytest

from export import deploy
from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.proof.comparison import compare
from export.report.judged import judge
from sfkeras.data.images import LabelledImages
from sfkeras.data.pairs import balanced
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import Run
from tests.support.networks.tiny import tiny

CLASSES = ("cat", 'a "dog" <b>')


def images(count=60):
    """Test images (count, 8, 6, 3) of two classes, by their codes and pixels."""
    codes = random_inputs(tiny(), count)["image"]
    pixels = (codes.astype(np.int16) + 128).astype(np.uint8)
    return LabelledImages("test", pixels, np.arange(count) % len(CLASSES), CLASSES), codes


def make_run(folder, task, name="tiny"):
    """A run of the tiny network, whose one output is class scores or an embedding."""
    head = {"classification": "classify", "faces": "face"}[task]
    run = Run(recipes.read(head, {"run_root": str(folder), "name": name, "data.root": "pictures"}))
    run.begin()
    run.close()
    (output,) = tiny().outputs
    known = Meaning(task, CLASSES) if task == "classification" else Meaning(task, threshold=0.5)
    graph = replace(meaning.attach(tiny(), {output: known}), name=name)
    deploy.write(graph, run.export)
    test, codes = images()
    made = golden.run(graph, codes, graph.outputs)
    pairs = balanced(test.labels, "the test people") if task == "faces" else None
    run.write_judged(judge({output: known}, [made[output]], test, pairs))
    metric = {"classification": "top1", "faces": "verification_accuracy"}[task]
    run.write_accuracy({form: {metric: value} for form, value in (("float", 0.75), ("TFLM", 0.5))})
    run.write_alphas({"core1.stage1": np.linspace(0, 1, 8)})
    rows = [
        {"phase": "float", "epoch": i, "loss": 1 / i, "accuracy": 0.9, metric: i / 9, "revived": i - 1} for i in (1, 2)
    ]
    np.savez(run.folder / "float.npz", rows=np.frombuffer(json.dumps(rows).encode(), np.uint8))
    proof = compare(graph, {"image": codes[:2]}, {})
    (run.export / "verify.json").write_text(json.dumps({"test images": proof.to_json()}))
    return run.folder


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """The folder of a run that tells classes apart."""
    return make_run(tmp_path_factory.mktemp("classes"), "classification")


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """The folder of a run that recognises faces."""
    return make_run(tmp_path_factory.mktemp("faces"), "faces")
