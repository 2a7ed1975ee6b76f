"""A network as a task for another that is compiled already."""

import numpy as np
import pytest

from export.backends.run import run_on
from export.datapath import task_image
from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.tensor import GraphError
from export.network import Network
from tests.support.networks.repeated import plan_of, repeated


def test_a_task_takes_the_image_size_of_the_network_that_is_compiled_already():
    compiled = plan_of(repeated(2, size=(16, 12)))
    task = Network(repeated(1, True, seed=2)).as_task_of(compiled)
    assert task.graph.tensor("image").shape == (16, 12, 3)
    assert task.compiled is compiled
    assert task.loaded == task_image.write(task.plan).content != task_image.write(compiled).content
    inputs = random_inputs(task.graph, 2)
    np.testing.assert_equal(
        run_on(task, inputs["image"], "stream")[0], golden.run(task.graph, inputs, task.graph.outputs)
    )


def test_what_is_no_task_of_the_compiled_network_is_refused_at_once():
    with pytest.raises(GraphError, match="passes through its last module 3 times"):
        Network(repeated(3)).as_task_of(plan_of(repeated(2)))
