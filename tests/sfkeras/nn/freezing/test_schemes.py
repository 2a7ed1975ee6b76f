"""Freezing by weights and by layers: what is frozen keeps its bytes and its codes, the rest moves, shares are exact."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.errors import RecipeError
from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.freezing import parameters, schemes
from sfkeras.nn.freezing.core import Core, snap
from sfkeras.nn.heads import Head
from sfkeras.nn.quantisation.fixed8 import trainable_kernel, unwrapped
from tests.support.networks.keras_networks import (
    SHAPE,
    WIDTH,
    fit,
    images,
    module_core,
    narrow_core,
    one_module,
    quantised,
)


def depthwise(name):
    return "depthwise" in name


def network(shares):
    return schemes.freeze(one_module(cores=1), module_core(), shares)


def kernels(model):
    """{layer: (kernel, its frozen weights)} of the frozen core."""
    found = {}
    for layer in model.layers:
        inner, kernel = unwrapped(layer), trainable_kernel(layer)
        if kernel is not None and inner.name.startswith("frozen."):
            constraint = getattr(inner, "depthwise_constraint" if depthwise(inner.name) else "kernel_constraint", None)
            frozen = constraint.frozen if constraint else np.zeros(kernel.shape, bool)
            found[inner.name] = kernel.numpy(), frozen
    return found


LAYERS = 7
SCHEMES = {
    "uniform": schemes.by_depth(0.5, LAYERS),
    "falling": schemes.by_depth((0.9, 0.2), LAYERS),
    "horizontal": schemes.first_layers(4, LAYERS),
}


@cache
def trained(scheme):
    """A network before training, after it in float, and after it in fixed8: with large steps and weight decay."""
    model = network(SCHEMES[scheme])
    before = kernels(model)
    after_float = kernels(fit(model, 2, rate=0.1))
    return before, after_float, kernels(fit(quantised(model), 2, rate=0.1))


every_scheme = pytest.mark.parametrize(
    "scheme", [pytest.param("uniform", marks=pytest.mark.thorough), "falling", "horizontal"]
)


@every_scheme
def test_frozen_weights_keep_their_bytes_and_the_others_train(scheme):
    before, *afters = trained(scheme)
    for after in afters:
        for name, (kernel, frozen) in before.items():
            assert kernel[frozen].tobytes() == after[name][0][frozen].tobytes(), name
            assert frozen.all() or (kernel != after[name][0])[~frozen].mean() > 0.5, name


@every_scheme
def test_frozen_codes_are_those_of_the_core_whatever_the_others_become(scheme):
    before, *afters = trained(scheme)
    for after in afters:
        for name, (kernel, _) in after.items():
            codes, frozen = snap(kernel, depthwise(name))[0], before[name][1]
            assert (codes == module_core().codes[module_core().key(name)])[frozen].all(), name


@every_scheme
def test_each_layer_has_its_share(scheme):
    before, *_ = trained(scheme)
    assert len(before) == schemes.depth(module_core()) == LAYERS
    for (name, (kernel, frozen)), share in zip(before.items(), SCHEMES[scheme]):
        assert frozen.sum() == round(share * kernel.size), name


@given(st.integers(1, 40), st.integers(1, 8), st.floats(0, 1), st.booleans(), st.integers(0, 2**31))
@settings(max_examples=50)
def test_who_has_frozen_weights_has_its_largest_among_them(channels, inputs, share, separable, seed):
    shape = (3, 3, channels, 1) if separable else (1, 1, inputs, channels)
    kernel = np.random.default_rng(seed).normal(size=shape).astype("float32")
    frozen = schemes.frozen_weights(kernel, share, separable, seed)
    by_channel = (0, 1, 3) if separable else (0, 1, 2)
    size = np.abs(kernel)
    largest = size == size.max(axis=by_channel, keepdims=True)
    assert frozen.sum() == round(share * kernel.size)
    assert ((frozen & largest).any(axis=by_channel) == frozen.any(axis=by_channel)).all()


def test_schemes_are_what_their_names_say():
    assert (SCHEMES["uniform"] == 0.5).all()
    assert (np.diff(SCHEMES["falling"]) < 0).all() and (np.diff(schemes.by_depth((0, 1), 5)) > 0).all()
    assert SCHEMES["horizontal"].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_all_frozen_computes_what_the_taped_out_core_does():
    partly, whole = network(schemes.by_depth(1, LAYERS)), one_module(module_core(), cores=1)
    for layer in whole.layers:
        if not hasattr(layer, "codes"):
            layer.set_weights(partly.get_layer(layer.name).get_weights())
    x = images(2)
    np.testing.assert_allclose(partly(x), whole(x), rtol=1e-5, atol=1e-5)


def test_a_share_may_be_one_number_two_or_the_number_of_first_layers():
    def share_by_layer(**options):
        frozen = kernels(schemes.freeze(one_module(cores=1), module_core(), **options))
        return [mask.mean() for _, mask in frozen.values()]

    def close(shares):
        return pytest.approx(list(shares), abs=0.02)

    assert share_by_layer(share=0.5) == close([0.5] * LAYERS)
    assert share_by_layer(share=(1, 0)) == close(np.linspace(1, 0, LAYERS))
    assert share_by_layer(layers=3) == [1] * 3 + [0] * (LAYERS - 3)


@pytest.mark.parametrize(
    "core, share, message",
    [
        (module_core, 2, r"share is 2. Expected numbers from 0 to 1."),
        (module_core, [0.5] * 5, r"got 5 shares. Expected 1, 2 or 7, one per convolution."),
        (narrow_core, 1, r"the model's frozen core has other layers than core narrow. Use a core of the same"),
    ],
)
def test_shares_and_cores_that_do_not_fit_are_refused(core, share, message):
    with pytest.raises(ValueError, match=message):
        schemes.freeze(one_module(cores=1), core(), share)


def test_a_network_whose_core_is_hardwired_cannot_be_frozen_in_part():
    with pytest.raises(ValueError, match="has no frozen core whose convolutions train"):
        schemes.freeze(one_module(module_core()), module_core())


# ---- as options of the network


def narrow(**options):
    options = {"cores": 0, "core": narrow_core(), "width": WIDTH, **options}
    return SemifreddoNet(SHAPE, [Head(2, on="frozen")], **options)


@cache
def counted(repeats=1):
    return parameters.parameters(narrow(repeats=repeats))


def test_the_network_takes_a_share_for_each_layer_and_they_are_counted():
    shares = schemes.first_layers(20, schemes.depth(narrow_core()))
    shared, whole = parameters.parameters(narrow(shares=shares)), counted()
    assert whole["trainable"] == 0 < shared["frozen"] < whole["frozen"]
    weights = sum(codes.size for codes in narrow_core().codes.values())
    channels = sum(scales.size for scales in narrow_core().scales.values())
    assert whole["frozen"] == weights + channels  # folded: an offset a channel; what trains has gamma and beta
    assert weights + channels < shared["frozen"] + shared["trainable"] < weights + 2 * channels


def test_heads_are_counted_apart_from_the_backbone():
    for head in (Head(6, on="frozen", batch_norm=True), Head(2, on="frozen", hidden=16)):
        model = SemifreddoNet(SHAPE, [head], cores=0, core=narrow_core(), width=WIDTH)
        read = model.get_layer("head.task.hidden" if head.hidden else "head.task.pointwise").input.shape[-1]
        expected = 6 * read + 2 * 6 if head.batch_norm else 16 * read + 2 * 16 + 2 * 16 + 2
        assert parameters.parameters(model) == counted() | {"heads": expected}


def test_kernels_that_a_repeated_module_passes_again_count_once_and_its_offsets_in_each_pass():
    passed = {repeats: counted(repeats)["frozen"] for repeats in (1, 2, 3)}
    offsets = sum(scales.size for layer, scales in narrow_core().scales.items() if layer.startswith("stage4"))
    assert passed[3] - passed[2] == passed[2] - passed[1] == offsets


def test_a_core_of_another_width_or_other_units_is_refused():
    with pytest.raises(RecipeError, match="network.width is 0.5, so the stem has 16 channels, but core narrow has 8"):
        narrow(width=0.5)
    with pytest.raises(RecipeError, match="first_pointwise is true, but core narrow was trained with false"):
        narrow(first_pointwise=True)


def test_batch_norms_that_do_not_train_keep_their_bytes_through_float_and_fixed8():
    def norms(model):
        inner = [unwrapped(layer) for layer in model.layers if "batch_norm" in layer.name]
        return {x.name: [weight.tobytes() for weight in x.get_weights()] for x in inner if x.name.startswith("frozen.")}

    model = narrow(train_batch_norm=False)
    before = norms(model)
    assert len(before) == schemes.depth(narrow_core())
    assert norms(fit(model)) == before == norms(fit(quantised(model)))


def test_units_with_the_first_pointwise_convolution_make_a_core_and_freeze_to_it():
    model = SemifreddoNet(SHAPE, cores=1, core=None, width=WIDTH, first_pointwise=True)
    core = Core.from_model(model, "first")
    assert (
        core.first_pointwise
        and "stage2.unit1.right.first" in core.codes
        and "stage2.unit1.left.first" not in core.codes
    )
    frozen = SemifreddoNet(SHAPE, cores=1, core=core, width=WIDTH, first_pointwise=True, start="core")
    names = {layer.name for layer in frozen.layers}
    assert {"frozen.stage3.unit1.first", "core1.stage3.right.first"} <= names
    assert "core1.stage3.left.first" not in names
