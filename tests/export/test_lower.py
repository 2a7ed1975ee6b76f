"""Lowering: the integer graph computes what the quantised network does, from the very codes of the core."""

import time
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from export.graph import golden
from export.graph.golden import random_inputs
from export.graph.graph import Graph
from export.graph.operators import AveragePool, ChannelScale, Conv2D, DepthwiseConv2D, Lookup
from export.graph.switches import tensors_of, ways
from export.lower import lower
from export.streaming import line_model, line_plan
from export.tflite.placed import Tflite
from export.tflite.writing.writer import operator_counts, write
from sfkeras.nn.backbone import SemifreddoNet
from sfkeras.nn.baselines import ShuffleNetV2
from sfkeras.nn.freezing.core import Core
from sfkeras.nn.heads import Head
from sfkeras.nn.layers import fixed8
from sfkeras.nn.quantisation.fixed8 import INPUT_EXPONENT
from tests.support.networks.keras_networks import WIDTH, images, module_core, narrow_core, one_module, quantised, varied
from tests.support.proofs import prove_tflite

keras = tf.keras


def table1():
    """Table 1 at 96x96, grey, with a head on each of its three cores."""
    heads = [
        Head(4, on="frozen", name="scene", activation="sigmoid"),
        Head(6, on="core1", name="face", pooling=False),
        Head(8, on="core2", name="car", groups=4, activation="tanh"),
    ]
    return SemifreddoNet((96, 96, 1), heads, cores=2, core=narrow_core(width=1))


def residual():
    """Every alpha is 0.5; the last module is passed twice (Fig. 5)."""
    head = Head(6, groups=2, batch_norm=True, activation="relu")
    return SemifreddoNet((32, 32, 3), [head], cores=1, core=narrow_core(), width=WIDTH, alpha=0.5, repeats=2)


def frozen_alone():
    head = Head(5, on="frozen", activation="hard_swish")
    return SemifreddoNet((48, 32, 3), [head], cores=0, core=narrow_core(), width=WIDTH)


def trainable_alone():
    head = Head(5, pooling=False, activation=[(-1, 1), (0, 0), (2, 1)])
    return SemifreddoNet((32, 48, 1), [head], cores=3, frozen=False, width=WIDTH)


def free_module():
    return one_module(module_core(), cores=1)


def separate_module():
    """Every alpha is 0: nothing comes from the frozen core."""
    return one_module(module_core(), cores=1, alpha=0)


def shufflenet():
    """ShuffleNetV2 0.5x with its own head: max pooling, units with two pointwise convolutions."""
    return ShuffleNetV2((32, 32, 3), [Head(5, hidden=32)], width=0.5)


NETWORKS = (table1, residual, frozen_alone, trainable_alone, free_module, separate_module, shufflenet)


def thorough(network):
    """A network that only `make thorough` builds: it has no part that another one does not have."""
    return pytest.param(network, id=network.__name__, marks=pytest.mark.thorough)


SOME = [thorough(each) if each is trainable_alone else each for each in NETWORKS]
every_network = pytest.mark.parametrize("network", SOME, ids=lambda network: network.__name__)


@dataclass(frozen=True)
class Lowered:
    """A quantised network, its graph, its file, and the processor time that the two took."""

    model: keras.Model
    graph: Graph
    tflite: Tflite
    seconds: float


@cache
def lowered(network):
    model = quantised(varied(network(), seed=NETWORKS.index(network)))
    start = time.process_time()
    graph = lower(model, network.__name__)
    tflite = write(graph)
    return Lowered(model, graph, tflite, time.process_time() - start)


def convolutions(graph):
    """Codes of the convolutions in the axes of Keras: {name: (operator, int8 (height, width, in, out))}."""
    found = {}
    for operator in graph.operators:
        if isinstance(operator, Conv2D):
            found[operator.name] = operator, operator.codes.transpose(1, 2, 3, 0)
        if isinstance(operator, DepthwiseConv2D):
            found[operator.name] = operator, operator.codes[..., None]
    return found


# ---- what a task can switch


SWITCHES = {
    table1: ["head.car.pooling 1", "head.face.pooling 0", "head.scene.pooling 1"],
    residual: ["passes 2", "head.task.pooling 1"],
    frozen_alone: ["head.task.pooling 1"],
    trainable_alone: ["head.task.pooling 0"],
}


@pytest.mark.parametrize(
    "network",
    [thorough(each) if each is trainable_alone else each for each in SWITCHES],
    ids=lambda network: network.__name__,
)
def test_heads_and_passes_can_be_switched_and_stand_as_they_were_trained(network):
    switches = ways(lowered(network).graph).switches
    assert [f"{switch.name} {switch.position}" for switch in switches] == SWITCHES[network]


def test_every_way_of_a_lowered_network_is_planned():
    graph = lowered(residual).graph
    found, inputs = ways(graph), random_inputs(graph, 1)
    made = line_model.run(line_plan.plan(found.graph, found.switches), inputs["image"])
    expected = golden.run(graph, inputs)
    for name, values in tensors_of(graph, found.graph, made).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


# ---- the same numbers everywhere


@cache
def both(network):
    """What the quantised network computes for two images, and what the graph does, by tensor: in codes."""
    net = lowered(network)
    x = images(2, net.model.input.shape[1:], seed=5)
    outputs = {}
    for layer in net.model.layers:
        name = layer.name.removesuffix(".relu").removesuffix(".batch_norm")
        if not isinstance(layer.output, list):
            outputs[name] = layer.output
        for i, output in enumerate(layer.output if isinstance(layer.output, list) else []):
            outputs[f"{name}.core{i + 1}" if "core_shuffle" in name else f"{name}.{i}"] = output
    names = [tensor.name for tensor in net.graph.tensors if tensor.name in outputs]
    values = keras.Model(net.model.input, [outputs[name] for name in names])(x, training=False)
    codes = {name: value.numpy() / net.graph.tensor(name).scale for name, value in zip(names, values)}
    return codes, golden.run(net.graph, codes[net.graph.inputs[0]].astype(np.int8))


@every_network
def test_the_graph_stays_within_a_few_codes_of_the_quantised_network(network):
    """Both start from the same image, and only rounding tells them apart: see the next test. What one layer rounds to the
    next code travels on through up to fifty layers. A table multiplies it by its steepest step."""
    in_keras, in_integers = both(network)
    tables = [operator for operator in lowered(network).graph.operators if isinstance(operator, Lookup)]
    steepest = {operator.name: np.abs(np.diff(operator.table.astype(int))).max() for operator in tables}
    for name, codes in in_keras.items():
        difference, step = np.abs(codes - in_integers[name]), max(1, steepest.get(name, 1))
        assert difference.max() <= 4 * step, (name, difference.max())
        if difference.size >= 100:  # of a few values, most may be on the other side of a half
            assert difference.mean() <= 0.5 * step, (name, difference.mean())


@every_network
def test_each_operator_differs_from_its_layer_by_one_code_at_most_and_rarely(network):
    """Each operator reads what its layer read. Keras then rounds once, from a float32 sum and a float bias; the integer
    form rounds the bias, and the sum twice. So they fall on different sides of a half now and then."""
    graph, (in_keras, _) = lowered(network).graph, both(network)
    values = {name: codes.astype(np.int8) for name, codes in in_keras.items() if np.array_equal(codes, np.rint(codes))}
    differences = []
    for operator in graph.operators:
        tensors = {name: graph.tensor(name) for name in (*operator.inputs, operator.output)}
        alone = Graph(operator.name, dict.fromkeys(operator.inputs), [operator.output], tensors.values(), [operator])
        computed = golden.run(alone, {name: values[name] for name in operator.inputs}, [operator.output])
        values.setdefault(operator.output, computed[operator.output])
        if operator.name in in_keras and not isinstance(operator, Lookup):  # it reads a mean, rounded only in the graph
            difference = np.abs(in_keras[operator.name] - computed[operator.output])
            assert difference.max() <= 1, (operator.name, difference.max())
            differences += [] if isinstance(operator, AveragePool) else [difference.ravel()]
    assert np.concatenate(differences).mean() <= 1 / 200


@every_network
def test_what_is_rounded_in_the_graph_is_rounded_in_the_network_but_for_the_mean_of_the_head(network):
    in_keras, _ = both(network)
    unrounded = {name for name, codes in in_keras.items() if not np.array_equal(codes, np.rint(codes))}
    assert all(name.endswith(".pool") for name in unrounded)


@every_network
def test_golden_the_reference_kernels_and_tflm_agree_at_every_tensor(network):
    net = lowered(network)
    result = prove_tflite(net.graph, net.tflite, random_inputs(net.graph, 2))
    assert result.passed, str(result)
    computed = {name for name, operator in ((o.name, o) for o in net.graph.operators) if hasattr(operator, "codes")}
    assert all(backend.checksums.keys() >= computed for backend in result.backends)


@every_network
def test_outputs_come_in_the_order_of_the_heads_in_their_shapes(network):
    net = lowered(network)
    outputs = tf.nest.flatten(net.model.output)
    assert [net.graph.tensor(name).shape for name in net.graph.outputs] == [tuple(o.shape[1:]) for o in outputs]


# ---- the core


@pytest.mark.parametrize(
    "network, core",
    [
        (table1, lambda: narrow_core(width=1)),
        (residual, narrow_core),
        (frozen_alone, narrow_core),
        (free_module, module_core),
    ],
    ids=["table1", "residual", "frozen_alone", "free_module"],
)
def test_frozen_codes_are_the_bytes_of_the_core_whatever_the_task(network, core):
    frozen = {n: codes for n, (operator, codes) in convolutions(lowered(network).graph).items() if operator.frozen}
    assert {Core.key(name) for name in frozen} == core().codes.keys()
    for name, codes in frozen.items():
        assert codes.tobytes() == core().codes[Core.key(name)].tobytes(), name


@every_network
def test_what_is_frozen_is_what_the_frozen_core_computes(network):
    for name, (operator, _) in convolutions(lowered(network).graph).items():
        assert operator.frozen == name.startswith("frozen."), name


@pytest.mark.parametrize("network", [separate_module, thorough(trainable_alone)], ids=lambda network: network.__name__)
def test_without_a_frozen_core_or_with_alpha_0_no_frozen_operator_is_left(network):
    graph = lowered(network).graph
    assert not [operator.name for operator in graph.operators if operator.name.startswith("frozen.")]
    assert graph.parameters().frozen_codes == 0
    assert not any(isinstance(operator, ChannelScale) for operator in graph.operators)


# ---- blends


@pytest.mark.parametrize("network", [table1, residual, free_module], ids=lambda network: network.__name__)
def test_the_codes_of_alpha_and_1_minus_alpha_add_to_128(network):
    net = lowered(network)
    scales = {o.name: o.codes.astype(int) for o in net.graph.operators if isinstance(o, ChannelScale)}
    blends = {name.removesuffix(".frozen") for name in scales if name.endswith(".frozen")}
    assert len(scales) == 2 * len(blends) > 0
    for blend in blends:
        kept, rest = scales[f"{blend}.frozen"], scales[f"{blend}.trainable"]
        assert (kept + rest == 128).all() and kept.min() >= 1
        if network is residual:
            assert (kept == 64).all()
        else:
            alphas = net.model.get_layer(blend).layer.alphas().numpy()
            assert (np.abs(kept / 128 - alphas) <= 1 / 128).all()


# ---- the file


@every_network
def test_nothing_in_the_file_converts_or_transposes(network):
    counts = operator_counts(lowered(network).tflite.content)
    assert not counts.keys() & {"QUANTIZE", "DEQUANTIZE", "TRANSPOSE", "RESHAPE"}
    own = {"CONV_2D", "DEPTHWISE_CONV_2D"}
    assert sum(counts[name] for name in own) == len(convolutions(lowered(network).graph))


@every_network
def test_the_same_network_gives_the_same_bytes(network):
    net = lowered(network)
    assert write(lower(net.model, network.__name__)).content == net.tflite.content


def test_lowering_and_writing_the_network_of_table_1_takes_seconds():
    assert lowered(table1).seconds < 3


def test_the_graph_has_the_parameters_and_multiplications_of_the_paper():
    graph = lowered(table1).graph
    counts = graph.parameters()
    assert (counts.frozen_codes, counts.frozen_biases) == (137_152, 2_784)
    frames = 640 * 480 / 96**2  # every map is as many times larger
    macs = {name: macs * frames / 1e6 for name, macs in graph.macs().items()}
    frozen = {part: sum(n for name, n in macs.items() if name.startswith(f"frozen.{part}")) for part in ("", "stem")}
    assert frozen[""] == pytest.approx(499, abs=0.5) and frozen["stem"] == pytest.approx(66.4, abs=0.1)


# ---- the cross-check


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected")
def test_tensorflows_own_converter_finds_the_same_codes():
    net = lowered(free_module)
    shape = net.model.input.shape[1:]
    run = tf.function(lambda image: net.model(fixed8(image, INPUT_EXPONENT), training=False))
    frozen = convert_variables_to_constants_v2(run.get_concrete_function(tf.TensorSpec((1, *shape), tf.float32)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converted = weights(converter.convert())
    ours = Counter()
    for operator, _ in convolutions(net.graph).values():
        kernel = operator.codes[None] if isinstance(operator, DepthwiseConv2D) else operator.codes
        ours[(kernel.shape, kernel.tobytes())] += 1
    assert converted == ours
    assert sum(ours.values()) == sum(operator_counts(net.tflite.content)[n] for n in ("CONV_2D", "DEPTHWISE_CONV_2D"))


def weights(content):
    """The int8 weights of all convolutions of a .tflite: Counter of (shape, bytes)."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    graph = model.subgraphs[0]
    kinds = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
    found = Counter()
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode in kinds:
            tensor = graph.tensors[operator.inputs[1]]
            assert tensor.type == schema.TensorType.INT8
            found[(tuple(tensor.shape), bytes(model.buffers[tensor.buffer].data))] += 1
    return found
