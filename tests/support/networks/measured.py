"""Networks of known sizes with random weights, whose costs docs/speed-*.md state.

    python -m tests.support.networks.measured FOLDER

writes each as FOLDER/NAME.graph, which `sfkeras bench` reads. tests/support/networks/speed_page.py measures them all.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from export.graph import graph_file
from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    AveragePool,
    Lookup,
    MatMul,
    Mean,
    Multiply,
    Rearrange,
    Resize,
    Softmax,
)
from tests.support.networks.graphs import Builder, semifreddo

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


def mobilenet_v1() -> Graph:
    """MLPerf Tiny's person detector: MobileNetV1 0.25 of 96x96x3 images, without channels that never change."""
    net = Builder()
    net.input((96, 96, 3))
    x = _separable_net(
        net, ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
    )
    return net.graph(_classes(net, x, 2), name="mobilenet_v1_025")


def _separable_net(net: Builder, blocks, first: int = 8) -> str:
    """A convolution of stride 2, then a depthwise and a pointwise convolution for each (channels, stride)."""
    x = _convolution(net, "first", "image", first, 3, strides=(2, 2))
    for i, (out, stride) in enumerate(blocks):
        x = _convolution(net, f"{i}.pointwise", _depthwise(net, f"{i}.depthwise", x, stride), out)
    return x


def autoencoder() -> Graph:
    """MLPerf Tiny's anomaly detection: 640 values through eight dense layers of 128 and one of 8."""
    net = Builder()
    x = net.input((1, 1, 640))
    for i, out in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128)):
        x = net.convolution(f"dense{i}", x, out, zero_point=LOWEST)
    return net.graph(net.convolution("decoded", x, 640, relu=False), name="autoencoder")


def partly_frozen() -> Graph:
    """A SemifreddoNet of 64x64x3 images: a frozen core and two trainable ones (Table 1 of the paper)."""
    return replace(semifreddo((64, 64)), name="semifreddo_64")


def wake_word() -> Graph:
    """A streaming wake word, as microWakeWord has it: 1-D convolutions over 30 frames of 40 features."""
    net = Builder()
    net.input((30, 1, 40))
    x = net.convolution("first", "image", 32, (3, 1), zero_point=LOWEST)
    for i, rows in enumerate((5, 9, 13)):
        x = net.depthwise(f"{i}.depthwise", x, (rows, 1), zero_point=LOWEST, padding="valid")
        x = _convolution(net, f"{i}.pointwise", x, 64)
    return net.graph(_classes(net, x, 2), name="wake_word")


def keywords_svdf() -> Graph:
    """A keyword spotter of SVDFs, one step per call, of the sizes of tflite-micro's keyword benchmark."""
    net = Builder()
    x = net.input((1, 1, 96))
    for i, (units, steps) in enumerate(((64, 8), (64, 8), (64, 8), (64, 8), (32, 32), (32, 32), (32, 32))):
        x = net.svdf(f"filter{i}", x, units, 1, steps, zero_point=LOWEST)
        x = net.convolution(f"dense{i}", x, 16, relu=False) if i < 4 else x
    dense = net.convolution("dense", x, 2, relu=False)
    return net.graph(net.add(Softmax(name="softmax", inputs=[dense]), 1 / 256, LOWEST), name="keywords_svdf")


def digits_lstm() -> Graph:
    """A digit read row by row by an LSTM of 20 units, as tflite-micro's example does."""
    net = Builder()
    net.input((28, 1, 28))
    rows = net.lstm("recurrent", "image", 20)
    tensor = net.tensors[rows]
    whole = Rearrange(name="whole", inputs=[rows], shape=(1, 1, 560), sizes=(560,), steps=(1,), first=0)
    dense = net.convolution("dense", net.add(whole, tensor.scale, tensor.zero_point), 10, relu=False)
    return net.graph(net.add(Softmax(name="softmax", inputs=[dense]), 1 / 256, LOWEST), name="digits_lstm")


def attention() -> Graph:
    """A keyword transformer's layer: 16 frames of 64 values, four dense layers and two products of maps."""
    net = Builder()
    net.input((1, 16, 64))
    query, key, value = (net.convolution(name, "image", 64, relu=False) for name in ("query", "key", "value"))
    scores = net.add(MatMul(name="scores", inputs=[query, key]), 2.0**-1)
    weights = net.add(Softmax(name="weights", inputs=[scores]), 1 / 256, LOWEST)
    turned = Rearrange(name="turned", inputs=[value], shape=(1, 64, 16), sizes=(64, 16), steps=(1, 64), first=0)
    mixed = net.add(MatMul(name="mixed", inputs=[weights, net.add(turned, 2.0**-4)]), 2.0**-4)
    sums = net.add(Add(name="sum", inputs=["image", net.convolution("out", mixed, 64, relu=False)]), 2.0**-4)
    return net.graph(_classes(net, net.convolution("last", sums, 64), 12), name="attention")


def squeeze_excite() -> Graph:
    """Blocks of MobileNetV3: each map is multiplied by a vector that is made of its mean."""
    net = Builder()
    net.input((48, 48, 3))
    x = _convolution(net, "first", "image", 16, 3, strides=(2, 2))
    for i, (out, stride) in enumerate(((24, 2), (40, 2), (48, 1))):
        y = _depthwise(net, f"{i}.depthwise", _convolution(net, f"{i}.expand", x, 4 * net.channels(x)), stride)
        mean = net.add(Mean(name=f"{i}.mean", inputs=[y]), 2.0**-4, LOWEST)
        gate = net.convolution(f"{i}.first", mean, net.channels(y) // 4, zero_point=LOWEST)
        gate = net.convolution(f"{i}.second", gate, net.channels(y), relu=False)
        table = np.clip(np.arange(-128, 128) // 2 + 64, 0, 127).astype(np.int8)
        gate = net.add(Lookup(name=f"{i}.gate", inputs=[gate], table=table), 2.0**-7)
        size = net.tensors[y].shape[:2]
        gate = net.add(Resize(name=f"{i}.spread", inputs=[gate], size=size, method="nearest"), 2.0**-7)
        y = net.add(Multiply(name=f"{i}.product", inputs=[y, gate]), 2.0**-4, LOWEST)
        x = net.convolution(f"{i}.project", y, out, relu=False, zero_point=4)
    return net.graph(_classes(net, x, 10), name="squeeze_excite")


def detector() -> Graph:
    """An SSD of 96x96x3 images: boxes and scores of maps of 12x12 and 6x6."""
    net = Builder()
    net.input((96, 96, 3))
    x = _separable_net(net, ((16, 1), (24, 2), (24, 1), (48, 2), (48, 1)))
    y = _convolution(net, "next.pointwise", _depthwise(net, "next.depthwise", x, 2), 96)
    outputs = [
        net.convolution(f"{what}{i}", map, 3 * values, relu=False)
        for i, map in enumerate((x, y))
        for what, values in (("boxes", 4), ("scores", 2))
    ]
    return net.graph(*outputs, name="detector")


def segmentation() -> Graph:
    """A map of four classes in the size of a 64x64x3 image: three scales, each resized and added to the one above it."""
    net = Builder()
    net.input((64, 64, 3))
    x = _convolution(net, "first", "image", 16, 3, strides=(2, 2))
    maps = [x]
    for i, out in enumerate((32, 48)):
        x = _convolution(net, f"{i}.pointwise", _depthwise(net, f"{i}.depthwise", x, 2), out)
        maps.append(x)
    x = net.convolution("2.classes", x, 4, relu=False)
    for i in (1, 0):
        size = net.tensors[maps[i]].shape[:2]
        up = net.add(Resize(name=f"{i}.up", inputs=[x], size=size, half_pixel_centers=True), 2.0**-4)
        own = net.convolution(f"{i}.classes", maps[i], 4, relu=False)
        x = net.add(Add(name=f"{i}.sum", inputs=[up, own]), 2.0**-4)
    whole = Resize(name="whole", inputs=[x], size=(64, 64), half_pixel_centers=True)
    return net.graph(net.add(whole, 2.0**-4), name="segmentation")


NETWORKS = (
    *(mobilenet_v1, resnet_8, ds_cnn, autoencoder, mobilenet_v2, partly_frozen, wake_word, keywords_svdf),
    *(digits_lstm, attention, squeeze_excite, detector, segmentation, grouped),
)


def main(folder: str) -> None:
    """Write all."""
    for network in NETWORKS:
        graph = network()
        Path(folder, f"{graph.name}.graph").write_bytes(graph_file.to_bytes(graph))


if __name__ == "__main__":
    main(sys.argv[1])
