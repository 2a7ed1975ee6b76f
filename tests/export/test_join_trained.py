"""Tasks that Keras trained on one settled core are joined to one network."""

import pytest
import tensorflow as tf

from export.graph.passes.join import join, prove
from export.graph.tensor import GraphError
from export.lower import lower
from sfkeras.nn.freezing.core import Core, settle
from sfkeras.nn.quantisation.fixed8 import calibrate, quantise
from tests.support.networks.keras_networks import fit, images, module_core, one_module


@pytest.fixture
def eagerly():
    """To trace a network for one batch would take longer."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_tasks_that_trained_on_a_settled_core_are_joined_and_on_another_not(eagerly, tmp_path):
    core = module_core()
    model = one_module(core, cores=0)
    exponents = calibrate(model, [images()])
    first = fit(quantise(model, exponents=exponents))
    settle(core, first, exponents, "first").save(tmp_path / "first.npz")
    settled = Core.load(tmp_path / "first.npz")
    assert settled.digest == core.digest and settled.exponents

    model = one_module(settled, seed=1, cores=1)
    for layer in model.layers:  # as network.train_batch_norm=false builds them
        if layer.name.startswith("frozen.") and layer.name.endswith(".batch_norm"):
            layer.set_weights(list(settled.batch_norm[Core.key(layer.name.removesuffix(".batch_norm"))]))
            layer.trainable = False
    fit(model)
    others = [images(seed=9) / 8]  # darker images, of which calibration thinks otherwise
    second = fit(quantise(model, others, exponents=settled.settled_exponents(model)))
    tasks = [lower(each, name, {"core": core.digest}) for each, name in ((first, "first"), (second, "second"))]
    prove(join(tasks, "both"), tasks)

    alone = lower(quantise(model, others), "second", {"core": core.digest})
    with pytest.raises(GraphError, match="is not the same in second as in first: batch-norm or exponents differ"):
        join([tasks[0], alone], "both")
