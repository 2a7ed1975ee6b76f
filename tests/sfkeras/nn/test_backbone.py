"""The network against Table 1 (shapes), Table 3 (counts) and Fig. 5 (repeats); what it takes and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.errors import RecipeError
from sfkeras.nn import heads
from sfkeras.nn.backbone import SemifreddoNet, check_input_shape
from sfkeras.nn.freezing.core import Core
from sfkeras.nn.heads import MOST_PARAMETERS, Head
from sfkeras.training.recipe import InputSize
from tests.support.networks.keras_networks import WIDTH, images, narrow_core

SIDES = (480, 640)


@pytest.fixture(scope="module")
def table1():
    """The network of Table 1 at the size that the paper counts operations at."""
    return SemifreddoNet((*SIDES, 3), cores=2, core=None)


@pytest.fixture(scope="module")
def three_heads():
    """A narrow network with a head on each of its three cores, for grey images that are not square."""
    tasks = [
        Head(5, on="frozen", name="scene"),
        Head(7, on="core1", name="face", pooling=False),
        Head(8, on="core2", name="car", groups=4, activation="sigmoid"),
    ]
    return SemifreddoNet((32, 48, 1), tasks, cores=2, core=narrow_core(), width=WIDTH, alpha=0.5)


def layers_of(model, prefix):
    return [layer for layer in model.layers if layer.name.startswith(prefix)]


def kernels(model, prefix):
    """Kernels (height, width, in, out) of the convolutions, trainable or frozen, by layer."""
    return {
        layer.name: layer.weights[0]
        for layer in layers_of(model, prefix)
        if layer.weights and layer.weights[0].shape.rank == 4
    }


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def macs(model, prefix):
    """A convolution multiplies each value of its kernel once at each place of its output map."""
    total = 0
    for name, kernel in kernels(model, prefix).items():
        height, width = model.get_layer(name).output_shape[1:3]
        total += height * width * count([kernel])
    return total


# ---- Table 1 and Table 3


def test_the_frozen_core_has_the_parameters_of_table_3(table1):
    codes = count(kernels(table1, "frozen.").values())
    biases = sum(layer.output_shape[-1] for layer in layers_of(table1, "frozen.") if layer.name.endswith("batch_norm"))
    assert (codes, biases, codes + biases) == (137_152, 2_784, 139_936)


@pytest.mark.parametrize("core", ["core1.", "core2."])
def test_a_trainable_core_has_the_parameters_of_table_3(table1, core):
    weights = [weight for layer in layers_of(table1, core) for weight in layer.trainable_weights]
    assert count(weights) == 60_192


@pytest.mark.parametrize(
    "part, millions",
    [
        ("frozen.stem", 66.4),
        ("core1.stem", 66.4),
        ("core2.stem", 66.4),
        ("frozen.stage1", 126),
        ("frozen.stage2", 112),
        ("frozen.stage3", 90),
        ("frozen.stage4", 105),
        ("frozen.", 499),
    ],
)
def test_multiplications_of_a_frame_of_640x480(table1, part, millions):
    assert macs(table1, part) / 1e6 == pytest.approx(millions, abs=0.5)


@pytest.mark.parametrize("core", ["core1.", "core2."])
def test_multiplications_of_a_trainable_core(table1, core):
    # 226 million if its unit of stage 3 transformed one half of the channels, as a regular unit does.
    assert macs(table1, core) / 1e6 == pytest.approx(248.5, abs=0.05)


@pytest.mark.parametrize(
    "stage, smaller, channels",
    [("stem.relu", 2, 32), ("stage1", 4, 64), ("stage2", 8, 128), ("stage3", 8, 128), ("stage4", 16, 256)],
)
def test_the_maps_of_table_1(table1, stage, smaller, channels):
    expected = (SIDES[0] // smaller, SIDES[1] // smaller, channels)
    ends = ["frozen.stem.relu", "core1.stem.relu", "core2.stem.relu"]
    if stage != "stem.relu":
        ends = [f"frozen.{stage}.unit4.shuffle", f"core1.{stage}.blend", f"core2.{stage}.blend"]
    assert [table1.get_layer(end).output_shape[1:] for end in ends] == [expected] * 3


def test_a_module_blends_after_the_frozen_repeats_and_then_shuffles_the_cores(table1):
    blend = table1.get_layer("core1.stage2.blend")
    sources = [tensor.node.layer.name for tensor in blend.input]
    assert sources == ["frozen.stage2.unit4.shuffle", "core1.stage2.shuffle"]
    shuffled = table1.get_layer("stage2.core_shuffle").input
    assert [tensor.node.layer.name for tensor in shuffled] == ["core1.stage2.blend", "core2.stage2.blend"]


# ---- what it takes


@pytest.mark.parametrize(
    "shape, options, channels",
    [
        ((112, 64, 3), {"cores": 1, "width": 0.5}, 128),
        ((32, 80, 1), {"cores": 3, "frozen": False, "width": 1.5}, 384),
        ((48, 32, 3), {"cores": 0, "width": WIDTH}, 64),
        ((64, 64, 3), {"cores": 2, "frozen": False, "core_shuffle": False, "width": 2}, 512),
    ],
)
def test_any_size_width_and_number_of_cores(shape, options, channels):
    model = SemifreddoNet(shape, core=None, **options)
    names = ["frozen"] * options.get("frozen", True) + [f"core{i}" for i in range(1, options["cores"] + 1)]
    expected = (None, shape[0] // 16, shape[1] // 16, channels)
    assert {name: tuple(maps.shape) for name, maps in model.output.items()} == dict.fromkeys(names, expected)
    shuffles = [layer.on for layer in model.layers if "core_shuffle" in layer.name]
    assert set(shuffles) == ({options.get("core_shuffle", True)} if options["cores"] > 1 else set())


def test_sides_that_vary():
    model = SemifreddoNet((None, None, 1), [Head(4, pooling=False)], cores=1, frozen=False, width=WIDTH)
    for height, width in [(32, 32), (48, 80)]:
        assert model(images(1, (height, width, 1))).shape == (1, height // 16, width // 16, 4)


def test_a_grey_image_reaches_the_frozen_stem_in_all_three_colours_and_the_others_once(three_heads):
    assert three_heads.get_layer("frozen.stem").input.shape[-1] == 3
    assert three_heads.get_layer("core1.stem").input.shape[-1] == 1


def test_alpha_fixes_every_blend(three_heads):
    blends = [layer for layer in three_heads.layers if layer.name.endswith(".blend")]
    assert len(blends) == 2 * 4
    assert all(layer.alpha == 0.5 and not layer.weights for layer in blends)


def test_alpha_start_is_where_every_blend_starts():
    model = SemifreddoNet((32, 32, 3), cores=2, core=None, width=WIDTH, alpha_start=0.2)
    blends = [layer for layer in model.layers if layer.name.endswith(".blend")]
    assert len(blends) == 2 * 4
    assert all(np.allclose(blend.alphas(), 0.2) for blend in blends)


@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_trainable_cores_can_start_as_copies_of_the_frozen_first_units(channels):
    model = SemifreddoNet((32, 32, channels), cores=2, core=narrow_core(), width=WIDTH, start="core")
    twins = {
        "stage1.left.depthwise": "stage1.unit1.left.depthwise",
        "stage4.right.pointwise": "stage4.unit1.right.pointwise",
        "stage3.left.pointwise": "stage3.unit1.pointwise",
        "stage3.right.pointwise": "stage3.unit1.pointwise",
    }
    for trainable, frozen in twins.items():
        expected = model.get_layer(f"frozen.{frozen}").frozen_kernel.numpy()
        for core in ("core1", "core2"):
            np.testing.assert_array_equal(model.get_layer(f"{core}.{trainable}").get_weights()[0], expected)
            norm = model.get_layer(f"{core}.{trainable}.batch_norm").get_weights()
            np.testing.assert_array_equal(norm, model.get_layer(f"frozen.{frozen}.batch_norm").get_weights())
    # On grey the frozen stem sees the image three times, a trainable stem once.
    picture = images(shape=(32, 32, channels))
    stems = tf.keras.Model(model.input, [model.get_layer(f"{part}.stem").output for part in ("frozen", "core1")])
    np.testing.assert_allclose(*stems(picture), atol=1e-5)


def test_each_pass_of_the_last_module_has_the_same_frozen_codes_and_new_trainable_weights():
    model = SemifreddoNet((32, 32, 3), cores=1, core=narrow_core(), width=WIDTH, repeats=3)
    frozen, trainable = kernels(model, "frozen.stage4"), kernels(model, "core1.stage4")
    # A module's frozen core: two branches of the first unit and three regular units, each separable.
    assert (len(frozen), len(trainable)) == (3 * 10, 3 * 4)
    for name, codes in frozen.items():
        assert codes.numpy().tobytes() == narrow_core().codes[Core.key(name)].tobytes()
    assert len({kernel.numpy().tobytes() for kernel in trainable.values()}) == len(trainable)
    assert model.output["core1"].shape == (None, 2, 2, 64)


def test_up_to_three_heads_at_once_each_on_its_core(three_heads):
    assert [tuple(output.shape[1:]) for output in three_heads.output] == [(1, 1, 5), (2, 3, 7), (1, 1, 8)]
    scene, face, car = (three_heads.get_layer(f"head.{name}.pointwise").input for name in ("scene", "face", "car"))
    assert scene is three_heads.get_layer("frozen.stage4.unit4.shuffle").output
    core1, core2 = three_heads.get_layer("stage4.core_shuffle").output
    assert face is core1 and car is core2


def test_one_head_on_all_cores_reads_them_side_by_side():
    model = SemifreddoNet((32, 32, 3), [Head(5)], cores=3, frozen=False, width=WIDTH)
    assert model.get_layer("head.task.pointwise").input.shape[-1] == 3 * 64
    assert model.output.shape == (None, 1, 1, 5)


# ---- what it refuses


def refusal(*arguments, **options):
    with pytest.raises(RecipeError) as error:
        SemifreddoNet(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize(
    "shape, message",
    [
        (
            (40, 32, 3),
            "network.input is 40x32x3. Expected sides that are multiples of 16 from 32 to 2048. Write network.input=48x32x3.",
        ),
        (
            (96, 15, 1),
            "network.input is 96x15x1. Expected sides that are multiples of 16 from 32 to 2048. Write network.input=96x32x1.",
        ),
        (
            (32, 32, 2),
            "network.input has 2 channels. Expected 1 (grey) or 3 (colour). Write for example network.input=96x96x3.",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_the_nearest_that_does(shape, message):
    assert refusal(shape) == message


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_network_and_the_recipe_take_the_same_inputs_and_suggest_the_same(height, width):
    size = InputSize(height, width, 3)
    if size.nearest() == size:
        check_input_shape(size)
    else:
        with pytest.raises(RecipeError, match=f"Write network.input={size.nearest()}."):
            check_input_shape(size)
    check_input_shape(size.nearest())


def test_no_core_at_all_is_refused():
    message = (
        "network.cores is 0 and network.frozen is false, so the network has no core. "
        "Set network.cores=1 or network.frozen=true."
    )
    assert refusal((32, 32, 3), cores=0, frozen=False) == message


def test_a_core_of_another_width_is_refused_with_the_width_that_fits():
    message = (
        "network.width is 1.0, so the stem has 32 channels, but core narrow has 8. "
        "Write network.width=0.25, or train a core of this width."
    )
    assert refusal((32, 32, 3), core=narrow_core()) == message


def test_repeats_are_refused_while_the_frozen_kernels_train():
    message = (
        "network.repeats is 2, but every pass must share the frozen kernels, and these kernels still train. "
        "Set network.core to a core file, or network.repeats=1."
    )
    assert refusal((32, 32, 3), core=None, repeats=2) == message


@pytest.mark.parametrize(
    "head, options, message",
    [
        (
            Head(4, on="core2"),
            {"cores": 1, "frozen": False},
            "on is core2. Expected one of core1, cores. Write heads.task.on=cores.",
        ),
        (Head(4), {"cores": 0}, "on is cores. Expected one of frozen. Write heads.task.on=frozen."),
        (
            Head(4, on="frozen"),
            {"cores": 2, "frozen": False},
            "on is frozen. Expected one of core1, core2, cores. Write heads.task.on=cores.",
        ),
        (
            Head(8, groups=3),
            {"cores": 1, "frozen": False},
            "groups is 3. Expected a divisor of its 64 input channels and its 8 outputs. Write heads.task.groups=1.",
        ),
    ],
)
def test_heads_that_read_what_is_not_there_or_do_not_divide_are_refused(head, options, message):
    assert refusal((32, 32, 3), [head], core=None, width=WIDTH, **options) == f"heads.task.{message}"


def test_heads_that_read_the_same_core_are_refused():
    tasks = [Head(4, on="cores", name="face"), Head(4, on="core1", name="scene")]
    assert "both read core1" in refusal((32, 32, 3), tasks, width=WIDTH, cores=2, frozen=False)


def test_a_head_that_the_hardware_cannot_hold_is_refused_with_the_number_to_lower():
    message = (
        "heads.task.outputs is 300, so that head has 153,600 parameters and all heads together have 153,600. The head "
        "block has room for 131,072. Set heads.task.outputs to at most 256, or raise heads.task.groups."
    )
    assert refusal((32, 32, 3), [Head(300)], cores=2, frozen=False) == message


def accepted(tasks, channels):
    try:
        heads.check(tasks, channels)
        heads.check_room(tasks, channels)
    except RecipeError as error:
        return str(error)
    return None


@settings(max_examples=300)
@given(st.data())
def test_the_suggested_number_of_outputs_is_accepted_and_one_more_is_not(data):
    channels = dict.fromkeys(["frozen", "core1", "core2"], data.draw(st.sampled_from([64, 256, 512])))
    places = data.draw(st.sampled_from([["cores"], ["frozen", "cores"], ["core1"], ["frozen", "core1", "core2"]]))
    tasks = []
    for i, place in enumerate(places):
        groups = data.draw(st.sampled_from([1, 2, 8]))
        tasks.append(Head(groups * data.draw(st.integers(1, 700)), on=place, name=f"task{i}", groups=groups))
    message = accepted(tasks, channels)
    if message is None:
        read = {"cores": 2 * channels["core1"]}
        assert sum(read.get(t.on, channels["core1"]) * t.outputs // t.groups for t in tasks) <= MOST_PARAMETERS
        return
    largest = next(task for task in tasks if message.startswith(f"heads.{task.name}.outputs is "))
    if "Use fewer heads" in message:
        smallest = largest.groups
        assert accepted(with_outputs(tasks, largest, smallest), channels) is not None
        return
    fits = int(message.split("at most ")[1].split(",")[0])
    assert accepted(with_outputs(tasks, largest, fits), channels) is None
    assert accepted(with_outputs(tasks, largest, fits + largest.groups), channels) is not None


def with_outputs(tasks, changed, outputs):
    return [
        Head(outputs, on=task.on, name=task.name, groups=task.groups) if task is changed else task for task in tasks
    ]


def test_every_frozen_layer_is_frozen_and_every_batch_norm_trains(three_heads):
    trainable = {id(weight) for weight in three_heads.trainable_weights}
    for layer in layers_of(three_heads, "frozen."):
        trains = [id(weight) in trainable for weight in layer.weights]
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            assert trains == [True, True, False, False]
        else:
            assert not any(trains)
