"""Small networks with the names that sfkeras gives: passes through the last module, a head that pools or does not."""

import re
import zlib
from dataclasses import replace

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import AveragePool, Lookup, Wire, switched_sources
from export.graph.switches import NAMED_BY_SFKERAS, ways
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan
from tests.support.networks.graphs import Builder, downscaling_unit, level_unit, regular_unit
from tests.support.networks.tasks import CORE

MAPS = 8  # channels behind the last module


def repeated(passes=3, pooled=False, seed=1, cores=2, activation=True, outputs=5, on="cores", size=(8, 6)) -> Graph:
    """A network of one module on one frozen core, whatever the rest; a seed has scales of its own too."""
    net = Builder(seed)
    net.input((*size, 3))
    names = ["frozen", *(f"core{i}" for i in range(1, cores + 1))]
    maps = {name: net.convolution(f"{name}.stem", "image", MAPS // 2, 3, padding="same") for name in names}
    for number in range(1, passes + 1):
        _module(net, maps, number, 2.0 ** -(3 + (seed + number) % 3), shuffled=seed % 2 == 1)
    read = [maps[name] for name in names[1:]] if on == "cores" else [maps[on]]
    if len(read) > 1:
        scale = net.tensors[read[0]].scale
        sources = np.array([(i, channel) for i in range(len(read)) for channel in range(MAPS)])
        read = [net.add(Wire(name="head.task.join", inputs=read, sources=sources), scale)]
    given = net.convolution("head.task.pointwise", read[0], outputs, relu=False)
    if pooled:
        pool = AveragePool(name="head.task.pool", inputs=[given], window=net.tensors[given].shape[:2])
        given = net.add(pool, net.tensors[given].scale)
    if activation:
        table = net.random.integers(-128, 128, 256).astype(np.int8)
        given = net.add(Lookup(name="head.task.activation", inputs=[given], table=table), 2.0 ** -(5 + seed % 2))
    return _on_one_core(net.graph(given, name=f"seed{seed}", core=CORE, **NAMED_BY_SFKERAS))


def plan_of(graph: Graph) -> LinePlan:
    """Its plan, with all ways."""
    found = ways(graph)
    return line_plan.plan(found.graph, found.switches)


def _module(net, maps, number, scale, shuffled):
    """One pass through the module: a frozen unit and its repeat, trainable units, blends, core shuffle."""
    module, unit = ("stage4", downscaling_unit) if number == 1 else (f"stage4.pass{number}", level_unit)
    arguments = (MAPS,) if number == 1 else ()
    for name in maps:
        first = f"{name}.{module}.unit1" if name == "frozen" else f"{name}.{module}"
        maps[name] = unit(net, first, maps[name], *arguments)
    maps["frozen"] = regular_unit(net, f"frozen.{module}.unit2", maps["frozen"])
    trainable = [name for name in maps if name != "frozen"]
    for name in trainable:
        maps[name] = net.blend(f"{name}.{module}.blend", maps["frozen"], maps[name], scale)
    if len(trainable) == 2:
        pairs = [(maps[own], maps[other]) for own, other in (trainable, reversed(trainable))]
        sources = switched_sources(MAPS, shuffled)
        for name, pair in zip(trainable, pairs):
            wire = Wire(name=f"{module}.core_shuffle.{name}", inputs=pair, sources=sources, core_shuffle=True)
            maps[name] = net.add(wire, scale)


def _on_one_core(graph: Graph) -> Graph:
    """The network with frozen codes that follow from their names, the same in each pass."""
    operators = []
    for operator in graph.operators:
        if operator.name.startswith("frozen.") and hasattr(operator, "frozen"):
            random = np.random.default_rng(zlib.crc32(re.sub(r"\.pass\d+", "", operator.name).encode()))
            codes = random.integers(-127, 128, operator.codes.shape).astype(np.int8)
            operator = replace(operator, codes=codes, frozen=True)
        operators.append(operator)
    return replace(graph, operators=operators)
