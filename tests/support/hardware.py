"""Datapaths for tests: small networks of Table 1 in fixed8, and their simulations in Icarus."""

import re
from dataclasses import replace

import numpy as np

from export.datapath import task_image
from export.graph import golden
from export.graph.graph import Graph
from export.graph.operators import AveragePool, Convolution, Lookup, Wire
from export.hardware import layout, simulate
from export.hardware.schedule import schedule
from export.network import Network
from sfkeras import places
from tests.support.networks.graphs import Builder, core_shuffle, downscaling_unit, regular_unit, semifreddo
from tests.support.networks.tasks import CORE


def narrow(size=(32, 32), core_shuffled=True, seed=0) -> Graph:
    """The network of Table 1 an eighth as wide: every kind of block, on one frozen core."""
    graph = semifreddo(size, (4, 8, 16, 16, 32), seed, classes=3, core_shuffled=core_shuffled)
    return replace(graph, metadata={"core": CORE})


def one_module(size=(8, 10), seed=0) -> Graph:
    """A stem, one module with a repeat, two trainable cores, and a head: small enough for Icarus."""
    net = Builder(seed)
    image = net.input((*size, 3))
    cores = ("frozen", "core1", "core2")
    options = {"kernel": 3, "strides": (2, 2), "padding": "same"}
    stems = {core: net.convolution(f"{core}.stem", image, 4, frozen=core == "frozen", **options) for core in cores}
    frozen = downscaling_unit(net, "frozen.stage1.unit1", stems["frozen"], 8, frozen=True)
    frozen = regular_unit(net, "frozen.stage1.unit2", frozen, frozen=True)
    blends = []
    for core in cores[1:]:
        maps = downscaling_unit(net, f"{core}.stage1", stems[core], 8)
        blends.append(net.blend(f"{core}.stage1.blend", frozen, maps))
    joined = net.concat("head.input", *core_shuffle(net, "stage1.shuffled", *blends))
    logits = net.convolution("head.pointwise", joined, 3, relu=False)
    window = net.tensors[logits].shape[:2]
    pooled = net.add(AveragePool(name="head.pool", inputs=[logits], window=window), net.tensors[logits].scale)
    table = net.random.integers(-128, 128, 256).astype(np.int8)
    output = net.add(Lookup(name="head.activation", inputs=[pooled], table=table), 2.0**-7)
    return net.graph(output, logits, name="module", core=CORE)


def designed(graph: Graph, clocks_per_pixel=1, unroll=()):
    """The datapath of a graph without switches, and its line plan."""
    plan = Network(graph).plan
    return schedule(layout.design(graph, plan, clocks_per_pixel, unroll)), plan


def simulated(
    graph: Graph,
    folder,
    frames=1,
    clocks_per_pixel=1,
    stalls=None,
    reset=0,
    task=None,
    every_tensor=True,
    simulator="icarus",
    unroll=(),
):
    """What a simulator makes of random frames: maps and clocks, the golden maps, and the schedule."""
    planned, plan = designed(graph, clocks_per_pixel, unroll)
    built = simulate.build(planned.design, plan, folder, simulator, every_tensor, stalls)
    images = golden.random_inputs(graph, frames)
    image = task_image.write(plan).content if task is None else task
    made, clocks = built.run(images[graph.inputs[0]], image, plan.given, reset)
    return made, clocks[-1], golden.run(graph, images), planned


def status_of(what: str) -> int:
    """The number of a status of the C by its name, such as "DAMAGED"; what follows the first word is only said."""
    header = (places.shipped("micro") / "stream/sf_stream.h").read_text()
    names = re.findall(r"(?m)^  SF_(\w+)", header.partition("typedef enum {")[2].partition("} sf_status;")[0])
    return names.index(re.match(r"\w+", what)[0])


def other_numbers(graph: Graph, seed=5) -> Graph:
    """Another task of a graph: other trainable codes, biases, factors and core shuffle."""
    random = np.random.default_rng(seed)
    operators = []
    for operator in graph.operators:
        if isinstance(operator, Convolution):
            codes = operator.codes
            if not operator.frozen:
                codes = random.integers(-127, 128, codes.shape).astype(np.int8)
            scales = (operator.scales * random.uniform(0.5, 1, operator.scales.shape)).astype(np.float32)
            bias = random.integers(-5000, 5000, operator.bias.shape).astype(np.int32)
            operator = replace(operator, codes=codes, scales=scales, bias=bias)
        elif isinstance(operator, Wire) and operator.core_shuffle:
            operator = replace(operator, sources=operator.sources * (0, 1))
        operators.append(operator)
    return replace(graph, operators=operators)
