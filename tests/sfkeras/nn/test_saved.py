"""What a Keras user does with a model of sfkeras, in a process of its own: it works, or one line says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sfkeras
from tests.support.networks.keras_networks import images, module_core, one_module, quantised

ROOT = Path(__file__).parents[3]
NAMES = "float", "fixed8", "partly frozen"

LOADING = """
import sys, numpy as np, sfkeras
from pathlib import Path
folder = Path(sys.argv[1])
images = np.load(folder / "images.npy")
for name in {names}:
    try:
        {load}
        print(" ".join(f"{{value:.5f}}" for value in model(images).numpy().ravel()))
    except Exception as error:
        print(error)
"""


def output(code, *words, legacy=True):
    """What a fresh process prints, in Keras 2 or in TensorFlow's own choice; or the last line of its error."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("TF_USE_LEGACY_KERAS", None)
    environment |= {"TF_USE_LEGACY_KERAS": "1"} if legacy else {}
    run = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(run, capture_output=True, text=True, env=environment)
    return done.stdout.splitlines() if done.returncode == 0 else done.stderr.strip().splitlines()[-1:]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Files of a float, a fixed8 and a partly frozen network, and their outputs."""
    folder = tmp_path_factory.mktemp("models")
    np.save(folder / "images.npy", images())
    model = one_module(module_core())
    models = model, quantised(model), sfkeras.freeze(one_module(), module_core(), share=0.5)
    outputs = []
    for name, each in zip(NAMES, models):
        outputs.append(" ".join(f"{value:.5f}" for value in each(images()).numpy().ravel()))
        each.save(folder / f"{name}.keras")
        each.save(folder / f"{name}.h5")
    return folder, outputs


def test_a_keras_file_is_loaded_by_keras_alone(saved):
    folder, outputs = saved
    load = "import tensorflow as tf; model = tf.keras.models.load_model(folder / f'{name}.keras')"
    assert output(LOADING.format(names=NAMES, load=load), folder) == outputs


def test_an_h5_file_is_loaded_by_sfkeras_whatever_keras_tensorflow_would_choose(saved):
    """Though TensorFlow and Keras 2 were imported first: TensorFlow chooses when tf.keras is used for the first time."""
    folder, outputs = saved
    load = "model = sfkeras.load_model(folder / f'{name}.h5')"
    code = "import tensorflow, tf_keras" + LOADING.format(names=NAMES, load=load)
    assert output(code, folder, legacy=False) == outputs


def test_what_keras_3_says_has_its_answer_in_the_faq_and_what_sfkeras_then_says_is_the_answer(saved):
    """Keras 3 imports no module that a file names, and a .h5 file names none."""
    load = "import tensorflow as tf; model = tf.keras.models.load_model(folder / name) if name else sfkeras.AlphaBlend"
    told = output(LOADING.format(names=("float.keras", "float.h5", ""), load=load), saved[0], legacy=False)
    for line, expected in zip(told, ("Could not locate class 'SfkerasModel'", "Unknown layer: 'SfkerasModel'")):
        assert expected in line and expected in (ROOT / "docs" / "faq.md").read_text()
    assert told[2].startswith("TensorFlow chose Keras 3 before sfkeras was used; sfkeras needs Keras 2. Use a name of")


@pytest.mark.parametrize("build", [sfkeras.SemifreddoNet, sfkeras.ShuffleNetV2, sfkeras.quantise])
def test_another_policy_is_one_line_that_says_what_to_do(build):
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        with pytest.raises(
            ValueError, match=r"the Keras policy is mixed_float16, but .*set_global_policy\('float32'\).$"
        ):
            build((32, 32, 3), [sfkeras.Head(2)])
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def test_what_is_no_model_is_one_line(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK no archive")
    with pytest.raises(sfkeras.RecipeError, match="model.keras is not a model that Keras 2 can load: .* Save it again"):
        sfkeras.load_model(tmp_path / "model.keras")
    with pytest.raises(sfkeras.RecipeError, match="nothing.h5 does not exist"):
        sfkeras.load_model(tmp_path / "nothing.h5")
