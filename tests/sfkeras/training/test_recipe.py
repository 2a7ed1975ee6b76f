"""Recipes: from words to typed keys, what is refused and in which words, and the way back to text."""

import os
import subprocess
import sys
import time
from dataclasses import MISSING
from pathlib import Path
from typing import Literal, get_args, get_origin

import fire
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from sfkeras.errors import RecipeError
from sfkeras.nn import limits
from sfkeras.training import recipe, settings

ROOT = Path(__file__).parents[3]
KNOWN = ", ".join(recipe.known_recipes())
EXAMPLE = "sfkeras train recipe=face network.cores=1 training.epochs=20 name=face_one_core"
SIZE = "HEIGHTxWIDTHxCHANNELS with sides that are multiples of 16 from 32 to 2048, and 1 or 3 channels"


def refusal(*words):
    """The one line with which words are refused."""
    with pytest.raises(RecipeError) as caught:
        recipe.parse(words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(tmp_path, text):
    """A recipe file with that text."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


# ---- what is read


@pytest.mark.parametrize("name", recipe.known_recipes())
def test_recipes_of_the_project_are_whole(name, tmp_path):
    for label in "cat", "dog":
        (tmp_path / label).mkdir()
        for number in range(2):
            Image.new("RGB", (80, 60)).save(tmp_path / label / f"{number}.png")
    assert recipe.parse([f"recipe={name}", f"data.root={tmp_path}"]).name == name
    assert (recipe.RECIPES / f"{name}.yaml").read_text().startswith("# ")


def test_words_override_the_file_with_and_without_dashes_in_any_order():
    bare = recipe.parse(["recipe=face", "seed=5", "network.input=64x96x3", "data.root=a=b"])
    dashed = recipe.parse(["--seed=5", "-network.input=64x96x3", "--recipe=face", "--data.root=a=b"])
    assert bare == dashed
    assert (bare.seed, bare.network.input, bare.data.root) == (5, (64, 96, 3), "a=b")
    assert bare.training == recipe.parse(["recipe=face"]).training


def test_the_key_decides_what_a_text_means():
    words = ["recipe=face", "name=007", "training.learning_rate=1e-3", "network.alpha=null", "network.frozen=false"]
    read = recipe.parse(words)
    assert (read.name, read.training.learning_rate, read.network.alpha, read.network.frozen) == (
        "007",
        1e-3,
        None,
        False,
    )


def test_the_file_is_read_as_the_words_are(tmp_path):
    path = written(tmp_path, "name: 007\ntraining: {learning_rate: 1e-3}\nheads: {task: {on: core2}}\n")
    read = recipe.parse([f"recipe={path}"])
    assert (read.name, read.training.learning_rate, read.heads["task"].on) == ("007", 1e-3, "core2")


def test_a_file_gives_its_name_to_the_run(tmp_path):
    assert recipe.read(written(tmp_path, "heads: {task: {}}")).folder == Path("runs/mine")


@pytest.mark.parametrize(
    ("words", "takes", "makes"),
    [
        (["recipe=face"], True, False),
        (["recipe=face", "network.core=null"], False, False),
        (["recipe=face", "network.frozen=false"], False, False),
        (["recipe=core", "data.root=x"], False, True),
        (["recipe=core", "data.root=x", "network.core=mine"], True, False),
    ],
)
def test_a_core_is_taken_or_made(words, takes, makes):
    made = recipe.parse(words)
    assert (made.takes_core, made.makes_core) == (takes, makes)


def test_heads_come_and_go():
    read = recipe.parse(["recipe=face", "heads.task=null", "heads.left.on=core1", "heads.right={on: core2, groups: 2}"])
    assert {name: (head.on, head.groups) for name, head in read.heads.items()} == {
        "left": ("core1", 1),
        "right": ("core2", 2),
    }


def test_activation_by_name_or_through_points():
    assert recipe.parse(["recipe=face", "heads.task.activation=relu"]).heads["task"].activation == "relu"
    points = recipe.parse(["recipe=face", "heads.task.activation=[[-1, 0], [1, .5]]"]).heads["task"].activation
    assert points == [(-1.0, 0.0), (1.0, 0.5)]


def test_fire_hands_the_words_on_as_they_are():
    seen = []

    @fire.decorators.SetParseFn(str)
    def train(*words):
        seen.extend(words)

    words = ["recipe=face", "name=007", "heads.task.activation=[[0,0],[1,1]]", "seed=1", "data.root=a-b"]
    fire.Fire(train, command=words)
    assert seen == words


@given(st.floats(0, 1000, width=32))
def test_the_nearest_side_is_a_multiple_of_16_from_32_up_and_none_is_nearer(pixels):
    side = limits.nearest_side(pixels)
    assert side in range(32, 1024, 16)
    assert abs(side - pixels) == min(abs(other - pixels) for other in range(32, 1024, 16))


# ---- what is refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], f"the command has no recipe. Write recipe=NAME with one of {KNOWN}."),
        (["recipe=fase"], f"recipe fase: there is no such recipe. Use one of {KNOWN}, or the path of a .yaml file."),
        (
            ["recipe=x.yaml"],
            f"recipe x.yaml: there is no such recipe. Use one of {KNOWN}, or the path of a .yaml file.",
        ),
        (["recipe=face", "fast"], f"fast is not of the form key=value. Write for example {EXAMPLE}"),
        (["recipe=face", "seed=1", "--seed=2"], "seed is repeated. Keep one of them."),
        (["recipe=face", "data.root=a", "data={}"], "data.root and data overlap. Keep one of them."),
    ],
)
def test_command_is_refused(words, message):
    assert refusal(*words) == message


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data.rot=x", "unknown key data.rot. Did you mean data.root?"),
        ("epochs=3", "unknown key epochs. Did you mean training.epochs or qat.epochs?"),
        ("netwrk.cores=1", "unknown key netwrk. Did you mean network?"),
        ("heads.task.outptus=9", "unknown key heads.task.outptus. Did you mean heads.task.outputs?"),
        ("data=3", "data is 3. Expected keys in it. Write data.KEY=VALUE."),
        ("data={", "data is {. Expected keys in it. Write data.KEY=VALUE."),
        ("seed=a", "seed is a. Expected a whole number from 0 to 2147483647. Write for example seed=1."),
        ("seed=-1", "seed is -1. Expected a whole number from 0 to 2147483647. The nearest is seed=0."),
        (
            "training.epochs=3.5",
            "training.epochs is 3.5. Expected a whole number from 0 to 100000. Write for example training.epochs=30.",
        ),
        (
            "qat.epochs=",
            "qat.epochs is empty. Expected a whole number from 0 to 100000. Write for example qat.epochs=5.",
        ),
        (
            "training.learning_rate=inf",
            "training.learning_rate is inf. Expected a number from 0 to 1000. Write for example training.learning_rate=0.001.",
        ),
        (
            "network.alpha=2",
            "network.alpha is 2. Expected a number from 0 to 1, or null. The nearest is network.alpha=1.0.",
        ),
        (
            "network.alpha_start=0",
            "network.alpha_start is 0. Expected a number from 0.01 to 0.99, or null. The nearest is network.alpha_start=0.01.",
        ),
        (
            "network={alpha: 0.5, alpha_start: 0.2}",
            "network.alpha is 0.5 and network.alpha_start is 0.2, but fixed alphas have no start. "
            "Write network.alpha=null, or network.alpha_start=null.",
        ),
        (
            "network={core: null, start: core}",
            "network.start is core, but network.frozen is true and network.core is null, so there is no core to copy. "
            "Write network.start=random.",
        ),
        (
            "network.core_bits=4",
            "network.core_bits is 4, but this training makes no core. The codes of a core have the bits that it was made "
            "with. Write network.core_bits=8, or network.core=null network.cores=0.",
        ),
        (
            "network={kind: shufflenet, cores: 1}",
            "network.kind is shufflenet, but network.frozen is true, network.cores 1 and network.width 1. Expected one "
            "trainable core of width 0.5 or 1. Write network.frozen=false network.cores=1 network.width=1.",
        ),
        (
            "network.frozen_share=[0.5, 2]",
            "network.frozen_share is [0.5, 2.0]. Expected shares from 0 to 1. Write for example network.frozen_share=[0.5,1].",
        ),
        (
            "network={frozen_share: 0.5, frozen_layers: 3}",
            "network.frozen_share and network.frozen_layers are both set. Set one of them to null.",
        ),
        (
            "network={frozen_layers: 3, core: null}",
            "network.frozen_layers is set, but there is no trained core to freeze in part. Expected network.frozen=true, a "
            "network.core and network.repeats=1. Set these, or write network.frozen_layers=null.",
        ),
        (
            "network.core_shuffle=1",
            "network.core_shuffle is 1. Expected true or false. Write for example network.core_shuffle=true.",
        ),
        ("network.input=96", f"network.input is 96. Expected {SIZE}. Write for example network.input=96x96x3."),
        (
            "network.input=100x90x2",
            f"network.input is 100x90x2. Expected {SIZE}. The nearest is network.input=96x96x3.",
        ),
        ("network.input=16x47x0", f"network.input is 16x47x0. Expected {SIZE}. The nearest is network.input=32x48x1."),
        (
            "task=tripl",
            "task is tripl. Expected one of triplet, arc, classification, segmentation. Write for example task=triplet.",
        ),
        (
            "heads.task.activation=[[0, 0], [1]]",
            "heads.task.activation is [[0, 0], [1]]. Expected one of relu, sigmoid, tanh, hard_swish, or "
            "[[a number, a number], ...], or null. Write for example heads.task.activation=null.",
        ),
        (
            "heads.task.on=core3",
            "heads.task.on is core3. Expected one of frozen, core1, core2, cores. Write heads.task.on=cores.",
        ),
        ("network.cores=0", "heads.task.on is cores. Expected one of frozen. Write heads.task.on=frozen."),
        ("heads.task=null", "the recipe has 0 heads. Expected 1 to 3. Write heads.task.on=cores."),
        (
            "heads={a: {}, b: {}, c: {}, d: {}}",
            "the recipe has 4 heads. Expected 1 to 3. Write heads.d=null.",
        ),
        (
            "heads.other={}",
            "heads.task.on is cores and heads.other.on is cores, so both read core1. Expected one head per core, or one on "
            "all trainable cores. Write heads.other.on=frozen.",
        ),
        (
            "heads={left: {on: core1}, frozen: {on: frozen}, right: {on: core1}}",
            "heads.left.on is core1 and heads.right.on is core1, so both read core1. Expected one head per core, or one on "
            "all trainable cores. Write heads.right.on=core2.",
        ),
        (
            "heads={both: {on: cores}, frozen: {on: frozen}, right: {on: core2}}",
            "heads.both.on is cores and heads.right.on is core2, so both read core2. Expected one head per core, or one on "
            "all trainable cores. Write heads.right=null.",
        ),
        (
            "heads={a b: {}}",
            "the name of a head is 'a b'. Expected at most 100 letters, digits, '_', '.' and '-'. Write for example face_2.",
        ),
        (
            "name=../up",
            "name is '../up'. Expected at most 100 letters, digits, '_', '.' and '-'. Write for example face_2.",
        ),
        ("name=", "name is ''. Expected at most 100 letters, digits, '_', '.' and '-'. Write for example face_2."),
        (
            "distribute=multiworker",
            "distribute is multiworker, but task triplet compares all images of a batch, and a worker has only part "
            "of them. Write task=arc, or distribute=none.",
        ),
        ("data.source=lfw", "data.root is null, but data.source=lfw needs a folder. Write data.root=FOLDER."),
    ],
)
def test_key_or_value_is_refused(word, message):
    assert refusal("recipe=face", word) == f"recipe face: {message}"


@examples(deadline=None)
@given(
    st.integers(0, 3),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["frozen", "core1", "core2", "core3", "cores"]),
    ),
)
def test_what_is_accepted_reads_each_core_once_and_every_fix_is_accepted_in_the_end(cores, frozen, places):
    """Whoever writes what each error says comes to heads of which no two read one core."""
    overrides = {"network.cores": f"{cores}", "network.frozen": f"{frozen}", "heads.task": "null"}
    overrides |= {f"heads.{name}.on": place for name, place in places.items()}
    while True:
        try:
            made = recipe.read("face", overrides)
            break
        except RecipeError as error:
            key, _, value = str(error).rpartition("Write ")[2].removesuffix(".").partition("=")
            assert overrides.get(key) != value
            name = key.split(".")[1]
            if value == "null":
                overrides = {other: given for other, given in overrides.items() if other.split(".")[1] != name}
            overrides[key] = value
    trainable = [f"core{number}" for number in range(1, made.network.cores + 1)]
    read = [core for head in made.heads.values() for core in (trainable if head.on == "cores" else [head.on])]
    assert 1 <= len(made.heads) <= 3
    assert len(set(read)) == len(read)


@pytest.mark.parametrize("places", [["frozen", "core1", "core2"], ["frozen", "cores"], ["core2", "core1"]])
def test_a_head_on_each_core_or_one_on_all_trainable_cores(places):
    heads = {f"head{number}": {"on": place} for number, place in enumerate(places)}
    assert [head.on for head in recipe.read("face", {"heads": str(heads)}).heads.values()] == places


def test_a_network_without_cores_is_refused():
    message = "network.frozen is false and network.cores is 0. Expected at least one core. Write network.cores=1."
    assert refusal("recipe=face", "network.frozen=false", "network.cores=0") == f"recipe face: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nname: [\n", "PATH, line 3: expected the node content, but found '<stream end>'. Fix that line."),
        ("seed: 1\ndata:\n  root: a\n  root: b\n", "PATH, line 4: key root is repeated. Fix that line."),
        ("[a]: 1\n", "PATH, line 1: found unhashable key. Fix that line."),
        ("- seed\n", "PATH is ['seed']. Expected lines of key: value. Write for example seed: 1."),
        ("seed: 1\nsead: 2\n", "unknown key sead. Did you mean seed?"),
        (
            "seed: {a: 1}\n",
            "seed is {'a': '1'}. Expected a whole number from 0 to 2147483647. Write for example seed=1.",
        ),
    ],
)
def test_file_is_refused(tmp_path, text, message):
    path = written(tmp_path, text)
    assert refusal(f"recipe={path}") == f"recipe {path}: {message.replace('PATH', str(path))}"


@pytest.mark.parametrize(
    "text, message",
    [
        ("seed: &a 1\nname: *a\n", "PATH, line 2: it has an alias (*NAME); write the value out. Fix that line."),
        ("a: " + "[" * 3000, "PATH, line 1: it is nested more than 16 deep. Fix that line."),
        ("#" * 70_000, "PATH has 70,000 bytes. Expected at most 65,536. Remove what is not a key."),
        ("name: " + "a" * 300, f"name is '{'a' * 57}...'. Expected at most 100 letters, digits, '_', '.' and '-'. "),
        ('run_root: "a\\0b"\n', "run_root is a b. Expected text. "),
        ("seed: " + "9" * 5000, f"seed is {'9' * 57}.... Expected a whole number from 0 to 2147483647. "),
        ("b" * 900 + ": 1", f"unknown key {'b' * 57}.... Did you mean "),
        (
            "network:\n  cores: 100000000",
            "network.cores is 100000000. Expected a whole number from 0 to 16. The nearest ",
        ),
        (
            "network:\n  input: 99999x99999x3",
            "network.input is 99999x99999x3. Expected HEIGHTxWIDTHxCHANNELS with sides ",
        ),
    ],
    ids=str.split("alias nesting bytes name nul digits key cores input"),
)
def test_what_would_cost_too_much_is_refused(tmp_path, text, message):
    path = written(tmp_path, text)
    assert refusal(f"recipe={path}").startswith(f"recipe {path}: {message.replace('PATH', str(path))}")


def test_words_that_would_cost_too_much_are_refused():
    assert refusal("recipe=face", "name=" + "a" * 10_000_000) == "name has 10,000,000 letters. Expected at most 65,536."
    assert refusal("recipe=face", "heads.task=" + "[" * 3000).startswith("recipe face: heads.task is [[[")


@pytest.mark.parametrize(
    "words", [["data.people_per_batch=60000"], ["data.images_per_person=60000"], ["task=arc", "data.batch_size=60000"]]
)
def test_a_batch_that_no_machine_has_memory_for_is_refused_and_its_advice_works(words):
    told = refusal("recipe=face", "network.input=512x512x1", *words)
    assert "Expected at most 67,108,864 pixels in a batch. Write data." in told
    advised = told.split("Write ")[1].rstrip(".").split()
    kept = [word for word in words if word.split("=")[0] not in told.split("Write ")[1]]
    assert recipe.parse(["recipe=face", "network.input=512x512x1", *kept, *advised])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff")
    assert refusal(f"recipe={path}").endswith("Save it as UTF-8.")


# ---- the way back


def texts_for(kind, limits):
    """Texts that fit a kind of value."""
    low, high = max(limits["at_least"], -1e6), min(limits["at_most"], 1e6)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is list:
        number = st.floats(-10, 10)
        return st.lists(st.tuples(number, number)).map(lambda points: str([list(point) for point in points]))
    return {
        int: lambda: st.integers(int(low), int(high)).map(str),
        float: lambda: st.floats(low, high).map(repr),
        bool: lambda: st.sampled_from(["true", "false", "True"]),
        str: lambda: st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        recipe.InputSize: lambda: st.builds(
            "{}x{}x{}".format, *[st.sampled_from([32, 96, 640])] * 2, st.sampled_from([1, 3])
        ),
        type(None): lambda: st.sampled_from(["null", "~", ""]),
    }[kind]()


def fitting_texts(entry):
    union = get_args(entry.type) if get_origin(entry.type) is not Literal and get_args(entry.type) else ()
    kinds = union if union and get_origin(entry.type) is not list else (entry.type,)
    return st.one_of(*(texts_for(kind, entry.metadata) for kind in kinds))


# Together, or to a folder.
BATCH = "data.batch_size", "data.people_per_batch", "data.images_per_person"
BOUND = ("name", "distribute", "data.source", "heads.task.on", *BATCH) + tuple(
    f"network.{part}"
    for part in ("kind", "frozen", "cores", "alpha", "start", "frozen_share", "frozen_layers", "core_bits")
)
FREE = {
    name.replace("NAME", "task"): fitting_texts(entry)
    for name, entry in settings.all_keys(recipe.Recipe)
    if entry.metadata and name.replace("NAME", "task") not in BOUND
}


@example(overrides={"run_root": "B\u00fccher\x85 \u2028\ufeff"})
@examples(deadline=None, max_examples=50)
@given(overrides=st.fixed_dictionaries({}, optional=FREE))
def test_round_trip_through_yaml(tmp_path_factory, overrides):
    made = recipe.read("face", overrides)
    path = tmp_path_factory.mktemp("run") / "recipe.yaml"
    path.write_text(recipe.to_yaml(made), encoding="utf-8")
    assert recipe.read(path) == made


@examples(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=8), max_size=3))
def test_any_words_are_read_or_refused_in_one_line(overrides):
    try:
        recipe.parse(["recipe=face", *(f"{name}={value}" for name, value in overrides.items())])
    except RecipeError as error:
        assert error.args[0]


@examples(deadline=None)
@given(st.sampled_from(sorted(FREE)), st.text(st.characters(codec="utf-8"), max_size=12))
def test_any_text_for_a_key_is_read_or_refused_with_its_key(name, text):
    try:
        recipe.read("face", {name: text})
    except RecipeError as error:
        assert str(error).startswith(f"recipe face: {name} is ")
        assert len(str(error).splitlines()) == 1


def test_difference_names_the_keys():
    a = recipe.parse(["recipe=face"])
    b = recipe.parse(["recipe=face", "seed=2", "heads.task.outputs=64", "qat.epochs=9"])
    assert recipe.difference(a, a) == []
    assert recipe.difference(a, b) == ["seed", "heads.task.outputs", "qat.epochs"]


def test_a_run_goes_on_under_its_own_recipe_only():
    a, b = recipe.parse(["recipe=face"]), recipe.parse(["recipe=face", "seed=2", "qat.epochs=9"])
    recipe.require_same(a, a)
    with pytest.raises(RecipeError) as caught:
        recipe.require_same(b, stored=a)
    assert str(caught.value) == (
        "recipe face: runs/face was started with other values of seed, qat.epochs. "
        "Give this run another name (name=face2) or delete runs/face."
    )
    with pytest.raises(
        RecipeError, match=r"of training.epochs. .*name=face2; start_from=runs/face trains on from its wei"
    ):
        recipe.require_same(recipe.parse(["recipe=face", "training.epochs=99"]), stored=a)


# ---- help


def test_help_has_every_key_with_default_and_doc():
    text = recipe.help()
    for name, entry in settings.all_keys(recipe.Recipe):
        if entry.metadata:
            default = "" if entry.default is MISSING else settings.shown(entry.default)
            assert f"  {name}={default}" in text
            assert f"      {entry.metadata['doc']} ({settings.expected(entry)})" in text
    assert EXAMPLE in text
    assert all(f"  {name}  " in text for name in recipe.known_recipes())


def test_help_answers_within_a_second():
    code = (
        "from sfkeras.training import recipe; print(recipe.help()); import sys; assert 'tensorflow' not in sys.modules"
    )
    took = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    assert min(took) < 1
