"""The frozen core: snapping, the file, and codes whose bytes never change, whatever is done to a network."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sfkeras import places
from sfkeras.errors import RecipeError
from sfkeras.nn.blocks import SMALLEST_GAMMA
from sfkeras.nn.freezing.core import Core, snap
from sfkeras.nn.quantisation import fixed8
from sfkeras.nn.quantisation.fixed8 import frozen_codes, unwrapped
from sfkeras.training import recipe as recipes
from sfkeras.training.run_folder.folder import Run
from tests.support.networks.keras_networks import fit, images, module_core, narrow_core, one_module, quantised

KERNELS = arrays.arrays(
    np.float32,
    st.tuples(st.sampled_from([1, 3]), st.just(1), st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(-100, 100, width=32),
)


BITS = st.sampled_from([8, 6, 5, 4, 2])


# ---- snapping


@given(KERNELS, BITS)
def test_snapping_errs_by_half_a_scale_at_most(kernel, bits):
    codes, scales = snap(kernel, bits=bits)
    assert codes.dtype == np.int8 and codes.shape == kernel.shape and scales.shape == (kernel.shape[3],)
    assert np.abs(codes.astype(int)).max() < 2 ** (bits - 1) and (scales > 0).all()
    assert (np.abs(codes * scales.astype(float) - kernel) <= scales * 0.50001).all()


@given(KERNELS, BITS)
def test_snapping_what_was_snapped_changes_no_code(kernel, bits):
    codes, scales = snap(kernel, bits=bits)
    assert np.array_equal(snap(codes * scales, bits=bits)[0], codes)


@given(KERNELS, BITS)
def test_the_largest_weight_of_each_channel_has_the_largest_code(kernel, bits):
    codes, _ = snap(kernel, bits=bits)
    largest = np.abs(codes.astype(int)).max(axis=(0, 1, 2))
    lives = np.abs(kernel).max(axis=(0, 1, 2)) > 1e-30
    assert (largest[lives] == 2 ** (bits - 1) - 1).all()


def test_a_depthwise_kernel_has_a_scale_a_channel_and_one_output_has_one_scale():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 6, 1)).astype("float32")
    codes, scales = snap(kernel, depthwise=True)
    assert scales.shape == (6,) and (np.abs(codes.astype(int)).max(axis=(0, 1, 3)) == 127).all()
    codes, scales = snap(kernel)
    assert scales.shape == (1,) and np.abs(codes.astype(int)).max() == 127


def test_a_frozen_network_computes_what_its_float_network_did_but_for_the_rounding_of_its_kernels():
    trained = one_module()
    frozen = one_module(module_core())
    for layer in frozen.layers:
        if layer.name.startswith("frozen.") and layer.name.removeprefix("frozen.") in module_core().codes:
            kernel, taped = trained.get_layer(layer.name).get_weights()[0], layer.frozen_kernel.numpy()
            assert np.abs(kernel - taped).max() <= np.abs(kernel).max() / 127 / 2 + 1e-6
        elif layer.name.startswith("frozen."):
            for weight, other in zip(layer.get_weights(), trained.get_layer(layer.name).get_weights()):
                assert np.array_equal(weight, other)


@pytest.mark.parametrize("bits", [pytest.param(5, marks=pytest.mark.thorough), 4])
def test_a_core_of_few_bits_computes_what_it_computed_while_it_trained(bits):
    trained = fixed8.round_frozen_kernels(one_module(cores=0), bits)
    fit(trained, steps=2)
    core = Core.from_model(trained, "few", bits=bits)
    assert core.bits == bits and all(np.abs(codes.astype(int)).max() < 2 ** (bits - 1) for codes in core.codes.values())
    frozen = one_module(core, cores=0)
    for layer in frozen.layers:
        if not hasattr(layer, "codes"):
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    np.testing.assert_allclose(frozen(images()), trained(images()), rtol=1e-4, atol=1e-5)


# ---- the file


def same(a, b):
    for part in ("codes", "scales", "batch_norm"):
        left, right = getattr(a, part), getattr(b, part)
        assert left.keys() == right.keys()
        for layer, array in left.items():
            assert array.dtype == right[layer].dtype and np.array_equal(array, right[layer])
    return (a.name, a.digest, a.provenance) == (b.name, b.digest, b.provenance)


def test_a_saved_core_comes_back_and_the_same_core_gives_the_same_bytes(tmp_path):
    module_core().save(tmp_path / "a.npz")
    again = Core.load(tmp_path / "a.npz")
    assert same(again, module_core())
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def changed(core, layer="stem", place=0, by=1):
    codes = {name: array.copy() for name, array in core.codes.items()}
    codes[layer].ravel()[place] ^= by
    return dataclasses.replace(core, codes=codes)


@settings(max_examples=40)
@given(st.data())
def test_one_changed_code_changes_the_digest(data):
    core = module_core()
    layer = data.draw(st.sampled_from(sorted(core.codes)))
    place = data.draw(st.integers(0, core.codes[layer].size - 1))
    assert changed(core, layer, place, data.draw(st.integers(1, 127))).digest != core.digest


def test_scales_batch_norm_and_names_are_not_in_the_digest_because_they_are_not_taped_out():
    core = module_core()
    scales = {name: array * 2 for name, array in core.scales.items()}
    assert dataclasses.replace(core, name="other", scales=scales, batch_norm={}).digest == core.digest


def refusal(path):
    with pytest.raises(RecipeError) as error:
        Core.load(path)
    return str(error.value)


def test_a_file_whose_codes_are_not_those_of_its_digest_is_refused(tmp_path):
    path = tmp_path / "core.npz"
    other = changed(module_core())
    object.__setattr__(other, "__class__", type("Liar", (Core,), {"digest": module_core().digest}))
    other.save(path)
    expected = f"{path} is damaged: the digest does not match the codes. Restore it, or train it again"
    assert refusal(path).startswith(expected)


@pytest.mark.parametrize("part", ["scales", "batch_norm", "exponents"])
def test_a_file_whose_other_content_is_not_that_of_its_digest_is_refused(part, tmp_path):
    path, core = tmp_path / "core.npz", module_core()
    changed_part = (
        {"stem": 3} if part == "exponents" else {k: v + np.float32(0.5) for k, v in getattr(core, part).items()}
    )
    other = dataclasses.replace(core, **{part: changed_part})
    object.__setattr__(other, "__class__", type("Liar", (Core,), {"content_digest": core.content_digest}))
    other.save(path)
    assert "is damaged: the digest does not match the scales, batch-norms and exponents." in refusal(path)


def test_a_file_of_version_1_is_read_and_one_of_version_3_is_not(tmp_path, monkeypatch):
    path = tmp_path / "core.npz"
    monkeypatch.setattr("sfkeras.nn.freezing.core._FORMAT", "sfkeras core 1")
    monkeypatch.setattr(Core, "content_digest", "")
    module_core().save(path)
    monkeypatch.undo()
    assert same(Core.load(path), module_core())
    monkeypatch.setattr("sfkeras.nn.freezing.core._FORMAT", "sfkeras core 3")
    module_core().save(path)
    monkeypatch.undo()
    assert "is damaged: its format is 'sfkeras core 3'; expected 'sfkeras core 2'." in refusal(path)


def test_foreign_and_empty_files_are_refused(tmp_path):
    path = tmp_path / "core.npz"
    for write in (lambda: path.write_text("weights"), lambda: path.write_bytes(b""), lambda: np.savez(path, x=1)):
        write()
        assert refusal(path).startswith(f"{path} is damaged: ")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "core.npz"
    module_core().save(path)
    whole = path.read_bytes()
    for length in np.linspace(1, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:length])
        assert "is damaged" in refusal(path)


def test_a_flipped_bit_is_refused_or_harmless(tmp_path):
    path = tmp_path / "core.npz"
    module_core().save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, len(whole), 150):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        try:
            assert same(Core.load(path), module_core())  # of a date in the archive, for example
        except RecipeError as error:
            assert "is damaged" in str(error)
            refused += 1
    assert refused > 75


def test_an_unknown_name_is_answered_with_the_cores_that_there_are():
    message = refusal("imagenet_22k")
    assert message.startswith("network.core is 'imagenet_22k', but there is no file ")
    assert "cores/imagenet_22k.npz. Expected the path of a core file (.npz) or one of the project's cores: " in message


def test_each_pass_of_a_repeated_module_has_the_name_of_the_first():
    assert Core.key("frozen.stage4.pass2.unit1.left.pointwise") == "stage4.unit1.left.pointwise"
    assert Core.key("frozen.stem") == "stem"
    assert narrow_core().stem_channels == 8


# ---- codes that never change


@pytest.fixture(scope="module")
def frozen_bytes():
    """The codes as taped out, by layer of one_module."""
    return {f"frozen.{layer}": codes.tobytes() for layer, codes in module_core().codes.items()}


def bytes_of(model):
    return {layer: codes.tobytes() for layer, codes in frozen_codes(model).items()}


@pytest.fixture(scope="module")
def trained(frozen_bytes):
    """A float network after some training."""
    return fit(one_module(module_core()), 3)


@pytest.fixture(scope="module")
def qat_trained(trained):
    """That network after some quantisation-aware training."""
    return fit(quantised(trained), 3)


def test_fit_changes_no_frozen_code(trained, frozen_bytes):
    assert bytes_of(trained) == frozen_bytes


def test_a_core_made_of_a_core_has_the_same_codes():
    model = one_module()
    for layer, codes in module_core().codes.items():
        scales = module_core().scales[layer]
        depthwise = codes.shape[3] == 1
        model.get_layer(f"frozen.{layer}").set_weights([codes * (scales[:, None] if depthwise else scales)])
    assert Core.from_model(model, "again").digest == module_core().digest


def test_quantisation_aware_fit_changes_no_frozen_code(qat_trained, frozen_bytes):
    assert bytes_of(qat_trained) == frozen_bytes


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_saving_and_reloading_a_float_network_changes_no_weight(trained, frozen_bytes, tmp_path):
    for name in ("model.keras", "model.h5"):
        trained.save(tmp_path / name)
        with by_class_name():
            again = tf.keras.models.load_model(tmp_path / name)
        assert bytes_of(again) == frozen_bytes
        assert equal_weights(again, trained)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_saving_and_reloading_a_quantised_network_changes_no_weight(qat_trained, frozen_bytes, tmp_path):
    """As a whole in HDF5, or its weights alone; .keras cannot tell the variables of tfmot's wrappers apart."""
    qat_trained.save(tmp_path / "model.h5")
    with by_class_name(), tfmot.quantization.keras.quantize_scope():
        again = tf.keras.models.load_model(tmp_path / "model.h5")
    assert bytes_of(again) == frozen_bytes
    assert equal_weights(again, qat_trained)

    weights = qat_trained.get_weights()
    qat_trained.save_weights(tmp_path / "qat.weights.h5")
    fit(qat_trained)
    qat_trained.load_weights(tmp_path / "qat.weights.h5")
    assert bytes_of(qat_trained) == frozen_bytes
    assert all(np.array_equal(now, then) for now, then in zip(qat_trained.get_weights(), weights))


def by_class_name():
    """HDF5 does not keep the package that a class is registered under."""
    registered = tf.keras.utils.get_custom_objects()
    return tf.keras.utils.custom_object_scope({name.split(">")[-1]: kind for name, kind in registered.items()})


def equal_weights(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.mark.parametrize("phase", ["float", "qat"])
def test_resuming_a_run_changes_no_frozen_code(phase, trained, qat_trained, frozen_bytes, tmp_path):
    model = {"float": trained, "qat": qat_trained}[phase]
    run = Run(recipes.read("face", {"run_root": str(tmp_path)}))
    run.begin()
    run.save(phase, model, model.optimizer, [{"loss": 1.0}])
    kept = [*model.get_weights(), *(slot.numpy() for slot in model.optimizer.variables)]
    fit(model)
    run.restore(phase, model)
    resumed = [*model.get_weights(), *(slot.numpy() for slot in model.optimizer.variables)]
    assert all(np.array_equal(now, then) for now, then in zip(resumed, kept, strict=True))
    assert bytes_of(model) == frozen_bytes
    fit(model)
    assert bytes_of(model) == frozen_bytes


@pytest.mark.parametrize("phase", ["float", "qat"])
def test_batch_norm_in_the_frozen_branch_trains(phase, trained, qat_trained):
    model = {"float": trained, "qat": qat_trained}[phase]
    started_from = one_module(module_core())
    norms = [layer for layer in model.layers if layer.name.startswith("frozen.") and layer.name.endswith("batch_norm")]
    assert len(norms) == len(module_core().codes)
    for layer in norms:
        for now, then in zip(unwrapped(layer).get_weights(), started_from.get_layer(layer.name).get_weights()):
            assert (now != then).any(), layer.name


@pytest.mark.parametrize("phase", ["float", "qat"])
def test_gamma_stays_positive_under_a_loss_that_pushes_it_down(phase, trained, qat_trained):
    model = {"float": trained, "qat": qat_trained}[phase]
    gammas = [unwrapped(layer).gamma for layer in model.layers if layer.name.endswith("batch_norm")]
    fit(
        model,
        3,
        loss=lambda _, y: tf.reduce_mean(y) + 10 * tf.add_n([tf.reduce_sum(gamma) for gamma in gammas]),
        rate=2,
    )
    for gamma in gammas:
        assert (gamma.numpy() == np.float32(SMALLEST_GAMMA)).all()


@pytest.mark.parametrize(
    "name, bits", [("tiny_imagenet", 8), ("tiny_imagenet_5bit", 5), ("tiny_imagenet_4bit", 4), ("tiny_imagenet_32", 8)]
)
def test_a_core_of_the_project_has_the_digest_and_accuracy_that_its_page_states(name, bits):
    core = Core.load(name)
    page = (places.PACKAGE / "cores" / "README.md").read_text()
    top1 = core.provenance["accuracy"]["after"]["top1"]
    assert (core.name.startswith("tiny_imagenet"), core.bits) == (True, bits)
    assert f"`{core.digest}`" in page and f"{100 * top1:.2f} %" in page
    assert sum(codes.size for codes in core.codes.values()) == 137_152
