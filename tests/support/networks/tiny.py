"""The network whose generated text is kept in tests/expected: one of each part that the paper's networks have."""

import numpy as np

from export.graph.graph import Graph
from export.graph.operators import AveragePool, Lookup
from export.graph.switches import NAMED_BY_SFKERAS
from tests.support.networks.graphs import Builder, downscaling_unit, regular_unit
from tests.support.networks.tasks import CORE


def tiny() -> Graph:
    """A frozen core of two units, a trainable core, a blend, and a head with a pool and an activation."""
    net = Builder()
    net.input((8, 6, 3))
    stems = [
        net.convolution(f"{core}.stem", "image", 4, 3, strides=(2, 2), padding="same", frozen=core == "frozen")
        for core in ("frozen", "core1")
    ]
    frozen = downscaling_unit(net, "frozen.stage1.unit1", stems[0], 4, frozen=True)
    frozen = regular_unit(net, "frozen.stage1.unit2", frozen, frozen=True)
    trainable = downscaling_unit(net, "core1.stage1", stems[1], 4)
    blend = net.blend("core1.stage1.blend", frozen, trainable)
    maps = net.convolution("head.task.pointwise", blend, 2, relu=False, scale=0.0703125, zero_point=5)
    tensor = net.tensors[maps]
    pool = AveragePool(name="head.task.pool", inputs=[maps], window=tensor.shape[:2])
    pooled = net.add(pool, tensor.scale, tensor.zero_point)
    table = np.arange(-128, 128).clip(-64, 64).astype(np.int8)
    output = net.add(Lookup(name="head.task.activation", inputs=[pooled], table=table), 2.0**-6)
    return net.graph(output, name="tiny", core=CORE, **NAMED_BY_SFKERAS)
