"""A float Keras model compiled with pictures: TensorFlow's converter makes it int8, and it is exact from there on."""

import numpy as np
import pytest
from PIL import Image

import sfkeras
from export import __main__
from export.opening import open_network
from export.tflite import convert
from sfkeras.tensorflow import tf

keras = tf.keras


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with model.keras and pictures."""
    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(1)
    layers = keras.layers.Conv2D(4, 3, strides=2, activation="relu"), keras.layers.GlobalAveragePooling2D()
    model = keras.Sequential([keras.Input((16, 12, 3)), *layers, keras.layers.Dense(3, activation="softmax")])
    model.save(folder / "model.keras")
    (folder / "pictures").mkdir()
    random = np.random.default_rng(0)
    for number in range(4):
        pixels = random.integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{number}.png")
    return folder


def command(*words):
    return __main__.main([*map(str, words)])


@pytest.mark.compiler
def test_it_is_compiled_and_its_tflite_gives_the_same_bytes(saved, tmp_path, capsys):
    assert command("compile", saved / "model.keras", tmp_path, f"--pictures={saved / 'pictures'}") == 0
    network = open_network(tmp_path / "model.tflite")
    image = network.graph.tensor(network.graph.inputs[0])
    assert image.shape == (16, 12, 3) and image.zero_point == 0 and image.scale == pytest.approx(1 / 128, rel=0.01)
    assert network.verify(inputs=3, few=1, on=["stream", "tflm", "c-native"]).passed
    assert open_network(tmp_path).graph.macs() == network.graph.macs()


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "is a Keras model. `sfkeras compile"),
        (("--pictures=PICTURES", "--pixels=0..2"), "--pixels is '0..2'; expected one of -1..1, 0..1, 0..255"),
        (("--pictures=nowhere",), "nowhere does not exist"),
    ],
    ids=["no pictures", "range", "missing"],
)
def test_what_is_missing_is_told(saved, tmp_path, words, said, capsys):
    words = [word.replace("PICTURES", str(saved / "pictures")) for word in words]
    assert command("compile", saved / "model.keras", tmp_path / "out", *words) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_model_without_a_fixed_size_is_refused(saved, tmp_path, capsys):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)])
    model.save(tmp_path / "any.keras")
    assert command("compile", tmp_path / "any.keras", tmp_path / "out", f"--pictures={saved / 'pictures'}") == 2
    assert "expected one image of fixed size" in capsys.readouterr().err


def test_a_model_in_fixed8_is_not_quantised_again(saved, tmp_path, capsys):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, activation="relu")])
    sfkeras.quantise(model, np.zeros((1, 8, 8, 3), np.float32)).save(tmp_path / "twice.keras")
    assert command("compile", tmp_path / "twice.keras", tmp_path / "out", f"--pictures={saved / 'pictures'}") == 2
    assert "twice.keras: sequential" in (said := capsys.readouterr().err) and "export.open takes it" in said


def test_a_model_that_is_not_there_is_told_before_tensorflow_is_loaded(tmp_path):
    with pytest.raises(ValueError, match="no.keras does not exist; give a file that model.save has written"):
        convert.to_tflite(tmp_path / "no.keras", [])
