"""Networks of known sizes with random weights, whose costs docs/speed-*.md state.

    python -m tests.support.networks.measured FOLDER

writes each as FOLDER/NAME.graph, which `sfkeras bench` reads.
"""

import sys
from pathlib import Path

from export.graph import graph_file
from export.graph.graph import Graph
from export.graph.operators import Add, AveragePool, Softmax
from tests.support.networks.graphs import Builder

LOWEST = -128  # the zero point of a map after ReLU, as converters choose it


def _convolution(net: Builder, name: str, input: str, out: int, kernel=1, **options) -> str:
    options = {"padding": "same", "zero_point": LOWEST, **options}
    return net.convolution(name, input, out, kernel, **options)


def _depthwise(net: Builder, name: str, input: str, stride=1, **options) -> str:
    return net.depthwise(name, input, relu=True, strides=(stride, stride), zero_point=LOWEST, **options)


def _classes(net: Builder, input: str, classes: int) -> str:
    """Global average, dense layer, softmax."""
    tensor = net.tensors[input]
    size = tensor.shape[:2]
    pool = net.add(AveragePool(name="pool", inputs=[input], window=size), tensor.scale, tensor.zero_point)
    return net.add(
        Softmax(name="softmax", inputs=[net.convolution("dense", pool, classes, relu=False)]), 1 / 256, LOWEST
    )


def resnet_8() -> Graph:
    """MLPerf Tiny's image classification: 32x32x3, three residual blocks of 16, 32 and 64 channels."""
    net = Builder()
    net.input((32, 32, 3))
    x = _convolution(net, "first", "image", 16, 3)
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        y = _convolution(net, f"{out}.first", x, out, 3, strides=(stride, stride))
        y = _convolution(net, f"{out}.second", y, out, 3, relu=False, zero_point=3)
        if stride == 2:
            x = _convolution(net, f"{out}.shortcut", x, out, strides=(2, 2), relu=False, zero_point=-5)
        x = net.add(Add(name=f"{out}.sum", inputs=[x, y], minimum=LOWEST), 2.0**-4, LOWEST)
    return net.graph(_classes(net, x, 10), name="resnet_8")


def ds_cnn() -> Graph:
    """MLPerf Tiny's keyword spotting: 49x10 features, four depthwise separable blocks of 64 channels."""
    net = Builder()
    net.input((49, 10, 1))
    x = _convolution(net, "first", "image", 64, (10, 4), strides=(2, 2))
    for i in range(4):
        x = _depthwise(net, f"{i}.depthwise", x)
        x = _convolution(net, f"{i}.pointwise", x, 64)
    return net.graph(_classes(net, x, 12), name="ds_cnn")


def mobilenet_v2() -> Graph:
    """MobileNetV2 0.35 of 96x96x3 images."""
    net = Builder()
    net.input((96, 96, 3))
    x = _convolution(net, "first", "image", 16, 3, strides=(2, 2))
    number = 0
    for expansion, out, repeats, stride in (
        (1, 8, 1, 1),
        (6, 8, 2, 2),
        (6, 16, 3, 2),
        (6, 24, 4, 2),
        (6, 32, 3, 1),
        (6, 56, 3, 2),
        (6, 112, 1, 1),
    ):
        for i in range(repeats):
            y, name, number = x, f"block{number}", number + 1
            if expansion > 1:
                y = _convolution(net, f"{name}.expand", y, expansion * net.channels(x))
            y = _depthwise(net, f"{name}.depthwise", y, stride if i == 0 else 1)
            y = _convolution(net, f"{name}.project", y, out, relu=False, zero_point=4)
            x = net.add(Add(name=f"{name}.sum", inputs=[x, y]), 2.0**-4, 4) if i > 0 else y
    return net.graph(_classes(net, _convolution(net, "last", x, 1280), 1000), name="mobilenet_v2_035")


def grouped() -> Graph:
    """Depthwise convolutions with multipliers 2, 3 and 4, which are grouped convolutions of one channel."""
    net = Builder()
    x = net.input((24, 24, 8))
    for multiplier in (2, 3, 4):
        groups = net.channels(x)
        x = _convolution(net, f"times{multiplier}", x, multiplier * groups, 3, groups=groups)
    return net.graph(x, name="depthwise_multiplied")


NETWORKS = (resnet_8, ds_cnn, mobilenet_v2, grouped)


def main(folder: str) -> None:
    """Write all."""
    for network in NETWORKS:
        graph = network()
        Path(folder, f"{graph.name}.graph").write_bytes(graph_file.to_bytes(graph))


if __name__ == "__main__":
    main(sys.argv[1])
