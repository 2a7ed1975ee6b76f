"""Several workers: which one this process is, and that two of them train what one alone would."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended

from sfkeras import train
from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import convolution, downscaling_unit
from sfkeras.nn.heads import Head, attach
from sfkeras.training import recipe as recipes
from sfkeras.training import trainer, workers
from sfkeras.training.run_folder.folder import Run

ROOT = Path(__file__).parents[3]
CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
WORDS = {
    "recipe": "core",
    "network.input": "32x32x3",
    "heads.task.outputs": "3",
    "data.batch_size": "8",
    "data.augment": "none",
    "training.epochs": "5",
    "training.steps_per_epoch": "2",
    "training.start_scale": "1",
    "training.warmup_epochs": "0",
    "training.optimizer": "sgd",
    "training.learning_rate": "0.05",
}


@pytest.mark.parametrize("kind, index, number", [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_the_chief_comes_first(kind, index, number, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": CLUSTER, "task": {"type": kind, "index": index}}))
    assert workers.read_tf_config() == (number, 3)


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "two workers",
        "[]",
        "{}",
        {"cluster": {}, "task": {"type": "worker", "index": 0}},
        {"cluster": CLUSTER},
        {"cluster": CLUSTER, "task": {"type": "worker", "index": 2}},
        {"cluster": CLUSTER, "task": {"type": "worker", "index": -1}},
        {"cluster": CLUSTER, "task": {"type": "evaluator", "index": 0}},
        {"cluster": CLUSTER, "task": "worker"},
    ],
)
def test_a_place_that_cannot_be_meant_is_one_line(config, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(
        RecipeError, match="Expected the cluster and this process's task in it. Set for example"
    ) as told:
        workers.read_tf_config()
    assert "\n" not in str(told.value)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(tmp_path):
    recipe = recipes.read("face_arc", {"run_root": str(tmp_path), "data.batch_size": "64"})
    with pytest.raises(RecipeError, match="data.batch_size is 64, but 3 workers .* Write data.batch_size=63."):
        trainer.Training(Run(recipe), workers.Workers(0, 3, object()))


# ---- two real processes


def small_network(recipe, input_shape, core):
    """A stem and one unit: quicker to trace than the 39 convolutions of a core."""
    image = tf.keras.Input(input_shape, name="image")
    maps = downscaling_unit(convolution(image, 8, 3, 2, "frozen.stem", core), "frozen.stage1.unit1", core)
    (name, head), *_ = recipe.heads.items()
    return tf.keras.Model(image, attach(Head(head.outputs, "frozen", name), {"frozen": maps}))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Twenty-four images of three classes."""
    root = tmp_path_factory.mktemp("shards")
    for part, count in ("train", 24), ("val", 6):
        with tf.io.TFRecordWriter(str(root / f"{part}-00000-of-00001.tfrecord")) as writer:
            for number in range(count):
                pixels = np.random.default_rng(number).integers(0, 85, (32, 32, 3)) + 85 * (number % 3)
                png = tf.io.encode_png(pixels.astype(np.uint8)).numpy()
                features = {
                    "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 3])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    return root


def words(shards, run_root):
    return [f"{key}={value}" for key, value in {**WORDS, "data.root": shards, "run_root": run_root}.items()]


def start(shards, run_root, cluster, index):
    """Starts one worker of a cluster."""
    task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": index}}
    return subprocess.Popen(
        [sys.executable, "-u", __file__, *words(shards, run_root), "distribute=multiworker"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(task)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_ports(count):
    """So many ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return [f"localhost:{port}" for port in ports]


def ended(process):
    out, _ = process.communicate()
    assert process.returncode == 0, out
    return out


def weights(folder):
    with np.load(folder / "core" / "float.npz") as arrays:
        return [arrays[f"weight{i}"] for i in range(sum(name.startswith("weight") for name in arrays.files))]


@pytest.mark.thorough
def test_two_workers_of_which_one_is_killed_train_what_one_process_does(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "build_network", small_network)
    assert train.main(words(shards, tmp_path / "alone")) == 0

    cluster = free_ports(2)
    chief, other = (start(shards, tmp_path / "two", cluster, index) for index in range(2))
    for line in chief.stdout:  # after a whole epoch, in the middle of another
        if "Epoch 3/5" in line:
            break
    other.send_signal(signal.SIGKILL)
    other.wait()
    restarted = start(shards, tmp_path / "two", cluster, 1)
    told = [ended(restarted), ended(chief)]

    assert "another worker is lost" in told[1] and "Epoch 1/5" not in told[1], "it went on from a whole epoch"
    digests = [line.split()[-1] for out in told for line in out.splitlines() if "float ends with weights" in line]
    assert len(digests) == 2 and len(set(digests)) == 1

    # Fused batch-norm, which one process uses, takes the unbiased variance; the statistics of a batch are the same.
    for one, two in zip(weights(tmp_path / "alone"), weights(tmp_path / "two")):
        np.testing.assert_allclose(two, one, rtol=0.02, atol=2e-4)
    assert (tmp_path / "two" / "core" / "export" / "core.npz").is_file()


if __name__ == "__main__":  # one process of the test above
    trainer.build_network = small_network
    CollectiveAllReduceExtended._check_health_interval = 1  # second; else a strategy that ends sleeps for up to 30
    sys.exit(train.main(sys.argv[1:]))
