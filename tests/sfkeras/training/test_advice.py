"""Every advice of an error is followed here: it is a command that gets further, never one that ends in the same error."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from sfkeras import data
from sfkeras.errors import RecipeError
from sfkeras.nn import backbone, heads
from sfkeras.nn.freezing.core import Core
from sfkeras.training import recipe as recipes
from sfkeras.training import tasks, trainer
from sfkeras.training.run_folder.folder import Run
from tests.sfkeras.data.sources.test_tfrecord import png, write

ROUNDS = 6  # an advice may lead to the next error, whose advice leads on
KEY = r"[a-z_]+(?:\.[a-z0-9_]+)*"


def words_of(text):
    """The key=value words of a piece of advice, and those of "K to at most N"."""
    words = dict(re.findall(rf"(?<!-)\b({KEY})=(\[[^\]]*\]|[^\s,)\]]+?)[.,)]?(?=\s|$)", text))
    return words | dict(re.findall(rf"({KEY}) to at most (\d+)", text))


def advised(message):
    """The alternatives that an error advises: a list of {key: value}."""
    told = re.split(r"(?:Write|Set|nearest is|write|raise|another name)\s", message, maxsplit=1)[-1]
    return [words for part in re.split(r",? or (?:write |set )?", told) if (words := words_of(part))]


def attempt(words):
    """What a training does before it builds its network. Raises: RecipeError."""
    recipe = recipes.parse([f"{key}={value}" for key, value in words.items()])
    settings, shape = recipe.data, tuple(recipe.network.input)
    Run(recipe)
    core = Core.load(recipe.network.core) if recipe.takes_core else None
    options = trainer.network_options(recipe.network, core)
    if recipe.network.kind == "semifreddo":
        backbone.check_options(options)
    channels = dict.fromkeys(
        (["frozen"] if recipe.network.frozen else []) + [f"core{i}" for i in range(1, recipe.network.cores + 1)], 256
    )
    made = [heads.Head(name=name, **vars(head)) for name, head in recipe.heads.items()]
    heads.check(made, channels)
    heads.check_room(made, channels)
    split = data.load(settings.source, shape, settings.root, settings.test_people, settings.crop, settings.name)
    tasks.make_task(recipe, split)


def refusal(words):
    try:
        attempt(words)
    except RecipeError as error:
        return str(error)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Folders of every kind that a source may find: {name: path}."""
    root = tmp_path_factory.mktemp("places")

    def people(folder, names, count=6):
        for name in names:
            (folder / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.random.default_rng(number).integers(0, 256, (36, 40, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{number}.png")

    people(root / "PEOPLE", "abcdefgh")
    people(root / "FEW", "abc")
    people(root / "SPLIT" / "train", "abcde")
    people(root / "SPLIT" / "val", "abcde", 2)
    people(root / "OTHERS" / "train", "abcde")
    people(root / "OTHERS" / "val", "vwxyz", 3)
    (root / "SHARDS").mkdir()
    for part in "train-0", "val-0":
        write(root / "SHARDS" / part, [(png(10 * number), number % 4) for number in range(40)])
    for part in "train", "test":
        for kind in "images", "masks":
            (root / "STREETS" / part / kind).mkdir(parents=True)
            for number in range(3):
                Image.new("L" if kind == "masks" else "RGB", (64, 64)).save(
                    root / "STREETS" / part / kind / f"{number}.png"
                )
    return {path.name: path for path in root.iterdir()}


FACE = {"recipe": "face", "network.input": "32x32x1"}
FOLDER = {**FACE, "data.source": "folder"}
CASES = {
    "split folders for faces": {**FOLDER, "data.root": "SPLIT"},
    "a folder without test people for faces": {**FOLDER, "data.root": "PEOPLE", "data.test_people": 0},
    "more test people than people": {**FOLDER, "data.root": "PEOPLE"},
    "too few people to keep some": {**FOLDER, "data.root": "FEW"},
    "three people without test people": {**FOLDER, "data.root": "FEW", "data.test_people": 0},
    "too many people in a batch": {**FOLDER, "data.root": "OTHERS"},
    "more images per person than there are": {**FACE, "data.images_per_person": 11},
    "people with enough images": {**FACE, "data.min_images": 11},
    "all of att's people are tested": {**FACE, "data.test_people": 40},
    "one of att's people is tested": {**FACE, "data.test_people": 1},
    "angles on split folders": {**FOLDER, "recipe": "face_arc", "data.root": "SPLIT"},
    "faces of shards": {**FACE, "data.source": "tfrecord", "data.root": "SHARDS"},
    "classes of a folder": {
        "recipe": "classify",
        "data.source": "folder",
        "data.root": "PEOPLE",
        "data.test_people": 0,
    },
    "classes of people": {"recipe": "classify", "data.source": "folder", "data.root": "PEOPLE", "data.test_people": 2},
    "classes of shards": {"recipe": "classify", "data.root": "SHARDS"},
    "streets as classes": {"recipe": "classify", "data.source": "camvid", "data.root": "STREETS"},
    "classes as streets": {"recipe": "segment", "data.source": "folder", "data.root": "SPLIT", "data.test_people": 0},
    "streets of people": {"recipe": "segment", "data.root": "STREETS", "data.min_images": 2},
    "a prediction per image of streets": {"recipe": "segment", "data.root": "STREETS", "heads.task.pooling": "true"},
    "no root": {"recipe": "classify"},
    "no name of a set": {"recipe": "classify", "data.source": "tfds", "data.root": "PEOPLE"},
    "a size that does not fit": {**FACE, "network.input": "100x90x2"},
    "a size that is too large": {**FACE, "network.input": "9999x32x1"},
    "no number": {**FACE, "training.epochs": "many"},
    "no core at all": {**FACE, "network.frozen": "false", "network.cores": 0},
    "fixed alphas that start": {**FACE, "network.alpha": 0.5, "network.alpha_start": 0.5},
    "a start from no core": {**FACE, "network.start": "core", "network.core": "null"},
    "a ShuffleNetV2 with a frozen core": {**FACE, "network.kind": "shufflenet"},
    "shares of no core": {**FACE, "network.frozen_share": 0.5, "network.core": "null"},
    "layers and repeats": {**FACE, "network.frozen_layers": 3, "network.repeats": 2},
    "falling and rising shares": {**FACE, "network.frozen_share": "[0.5,7]"},
    "repeats of a core that trains": {**FACE, "network.repeats": 2, "network.core": "null"},
    "a core of another width": {**FACE, "network.width": 2},
    "a core of other units": {**FACE, "network.first_pointwise": "true"},
    "a head on a core that is missing": {**FACE, "heads.task.on": "core7"},
    "two heads on one core": {**FACE, "heads.other.on": "cores"},
    "four heads": {**FACE, **{f"heads.h{i}.on": f"core{i}" for i in range(1, 5)}, "network.cores": 4},
    "groups that do not divide": {**FACE, "heads.task.groups": 3},
    "a head that is too large": {**FACE, "heads.task.outputs": 4096},
    "several heads that are too large": {
        **FACE,
        "heads.task.on": "core1",
        "heads.b.on": "core2",
        "heads.b.outputs": 4000,
    },
    "triplets of several workers": {**FACE, "distribute": "multiworker"},
    "batches too large for the data": {**FACE, "recipe": "face_arc", "data.batch_size": 4000},
    "batches too large for any memory": {**FACE, "data.images_per_person": 60_000},
}


def resolved(words, places):
    return {key: places.get(str(value), value) for key, value in words.items()}


@pytest.mark.parametrize("case", CASES)
def test_each_advice_leads_further(case, places):
    start = resolved(CASES[case], places)
    told = refusal(start)
    assert told and "\n" not in told
    alternatives = advised(told)
    assert alternatives, told
    for first in alternatives:
        words, message, seen = start, told, [told]
        for _ in range(ROUNDS):
            first = {key: {"FOLDER": "SPLIT"}.get(value, value) for key, value in first.items()}
            kept = {key: value for key, value in words.items() if not any(key.startswith(f"{gone}.") for gone in first)}
            words = kept | resolved(first, places)
            message = refusal(words)
            if message is None:
                break
            assert message not in seen, f"{case}: after {first}, again: {message}"
            seen.append(message)
            if not (following := advised(message)):
                break  # it asks for other data
            first = following[-1]
        assert message is None or "data.root" in message or "has no" in message, seen


def test_a_run_of_another_recipe_is_told_a_name_that_is_free(tmp_path):
    words = {**FACE, "run_root": str(tmp_path)}
    run = Run(recipes.parse([f"{key}={value}" for key, value in words.items()]))
    run.begin()
    told = refusal(words | {"seed": 2})
    assert advised(told)[0] == {"name": "face2"}
    assert refusal(words | {"seed": 2} | advised(told)[0]) is None
    shutil.rmtree(run.folder)
    assert refusal(words | {"seed": 2}) is None


def test_the_same_people_in_both_parts_are_not_advised_what_they_have(places, tmp_path):
    told = refusal(resolved(CASES["split folders for faces"], places) | {"run_root": str(tmp_path)})
    assert told.endswith(
        "Put images of other people into the folder's test part, or write task=classification heads.task.outputs=5."
    )
