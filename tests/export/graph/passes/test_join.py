"""Several tasks on one frozen core, joined to one network."""

from dataclasses import replace

import numpy as np
import pytest

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.operators import AveragePool
from export.graph.passes.join import join, prove
from export.graph.tensor import GraphError
from export.network import Network
from export.proof.proof import Proof
from tests.support.networks.graphs import Builder, core_shuffle, downscaling_unit

TAPED_OUT, OTHER = "ab" * 32, "cd" * 32


def task(name, seed, cores=1, outputs=5, pooled=True, shape=(16, 32, 3), frozen=7, core=TAPED_OUT):
    """A stem and one module, with a head on the trainable cores, or on the frozen one alone.

    Of two tasks with one seed `frozen`, the frozen cores are the same; what is the task's own has its `seed`.
    """
    net = Builder(frozen)
    image = net.input(shape)
    stem = net.convolution("frozen.stem", image, 8, 3, frozen=True, strides=(2, 2), padding="same")
    features = downscaling_unit(net, "frozen.stage1.unit1", stem, 16, frozen=True)
    net.random = np.random.default_rng(seed)
    blends = []
    for number in range(1, cores + 1):
        own = net.convolution(f"core{number}.stem", image, 8, 3, strides=(2, 2), padding="same")
        own = downscaling_unit(net, f"core{number}.stage1", own, 16)
        blends.append(net.blend(f"core{number}.stage1.blend", features, own))
    if cores == 2:
        blends = [net.concat("head.task.join", *core_shuffle(net, "stage1.core_shuffle", *blends))]
    head = net.convolution("head.task.pointwise", blends[0] if cores else features, outputs, relu=False)
    if pooled:
        window = net.tensors[head].shape[:2]
        head = net.add(AveragePool(name="head.task.pool", inputs=[head], window=window), net.tensors[head].scale)
    return net.graph(head, name=name, core=core)


def three():
    return [task("classes", 1, cores=0, outputs=12), task("faces", 2), task("streets", 3, cores=2, pooled=False)]


def test_each_output_has_the_bytes_of_its_task_alone():
    tasks = three()
    joined = join(tasks, "three")
    inputs = random_inputs(joined, 3)
    together = golden.run(joined, inputs, joined.outputs)
    for part, output in zip(tasks, joined.outputs):
        assert (together[output] == golden.run(part, inputs, part.outputs)[part.outputs[0]]).all()
    prove(joined, tasks)


def test_the_frozen_core_is_there_once_and_cores_are_numbered_through():
    tasks = three()
    joined = join(tasks, "three")
    assert joined.parameters().frozen_codes == tasks[0].parameters().frozen_codes
    own = [part.parameters().configurable_codes for part in tasks]
    assert joined.parameters().configurable_codes == sum(own)
    assert joined.outputs == ("head.classes.pool", "head.faces.pool", "head.streets.pointwise")
    stems = [operator.name for operator in joined.operators if operator.name.endswith(".stem")]
    assert stems == ["frozen.stem", "core1.stem", "core2.stem", "core3.stem"]
    assert joined.operator("core1.stem").codes.tobytes() == tasks[1].operator("core1.stem").codes.tobytes()
    assert joined.operator("core3.stem").codes.tobytes() == tasks[2].operator("core2.stem").codes.tobytes()
    shuffles = [operator.inputs for operator in joined.operators if "core_shuffle" in operator.name]
    assert shuffles == [("core2.stage1.blend", "core3.stage1.blend"), ("core3.stage1.blend", "core2.stage1.blend")]


@pytest.mark.compiler
def test_tflm_the_line_stream_and_c_give_three_outputs_with_goldens_bytes():
    joined = join(three(), "three")
    proof = Proof(Network(joined), few=1, on=["stream", "tflite-ref", "tflm", "c"]).verify(random_inputs(joined, 2))
    assert proof.passed, str(proof)


@pytest.mark.parametrize(
    "other, told",
    [
        (task("faces", 2), "2 tasks are called faces; train each under its own name="),
        (
            task("b", 2, shape=(32, 32, 3)),
            "b reads images of 32x32x3, faces of 16x32x3; expected one shape.* --size=HEIGHT",
        ),
        (task("b", 2, shape=(16, 32, 1)), "b reads images of 16x32x1, faces of 16x32x3"),
        (
            task("b", 2, core=OTHER),
            "b was trained on core cdcdcdcdcdcdcdcd, faces on abababababababab; expected one core",
        ),
        (task("b", 2, frozen=8), "frozen.stem is not the same in b as in faces: .* network.train_batch_norm=false"),
        (replace(task("b", 2), metadata={}), "b has no frozen core that it could share"),
    ],
)
def test_what_cannot_be_one_network_is_refused(other, told):
    with pytest.raises(GraphError, match=told):
        join([task("faces", 2), other], "two")


def test_a_changed_bias_of_the_frozen_core_is_found():
    faces, streets = task("faces", 2), task("streets", 3)
    biased = [  # as a batch-norm that trained on leaves it
        replace(operator, bias=operator.bias + 1) if operator.name == "frozen.stem" else operator
        for operator in streets.operators
    ]
    with pytest.raises(GraphError, match="frozen.stem is not the same in streets as in faces"):
        join([faces, replace(streets, operators=biased)], "two")


def test_a_network_that_mixes_tasks_is_no_join_of_them():
    faces, streets = task("faces", 2), task("streets", 3)
    with pytest.raises(GraphError, match="head.streets.pool of two differs from head.task.pool of streets alone"):
        prove(join([faces, streets], "two"), [faces, task("streets", 4)])


def test_joining_one_is_refused():
    with pytest.raises(GraphError, match="got 1 task; expected two or more"):
        join([task("faces", 2)], "one")
