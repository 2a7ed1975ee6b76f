"""The network of a frozen core before anything is trained: Table 1 with the core's own codes, for the area report.

Its shapes, frozen codes and rates are those of a trained network. Scales, biases and trainable codes are placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import Add, ChannelScale, Conv2D, DepthwiseConv2D, Operator, Wire, switched_sources
from export.graph.switches import NAMED_BY_SFKERAS
from export.graph.tensor import Size, Tensor

Kernels = Mapping[str, npt.NDArray[np.int8]]
Array = npt.NDArray[np.int8]
MOST_CORES = 16  # as of network.cores
SCALE = 2.0**-4  # of all maps


def network_of(core: Kernels, size: Size, cores: int, name: str) -> Graph:
    """Return the network of a core.

    Args:
        core: codes by layer, such as "stage2.unit3.pointwise": int8 (kernel, kernel, in, out), depthwise (kernel, kernel,
            channels, 1).
        size: height and width of the image.
        cores: number of trainable cores.
        name: of the network.
    Raises: ValueError if there are more cores than a recipe can have.
    """
    if cores > MOST_CORES:
        raise ValueError(f"--cores is {cores}; expected up to {MOST_CORES}")
    return _Builder(core, size, cores).graph(name)


class _Builder:
    def __init__(self, core: Kernels, size: Size, cores: int):
        self.core = core
        self.trainable = [f"core{i}" for i in range(1, cores + 1)]
        self.operators: list[Operator] = []
        image = Tensor("image", (*size, core["stem"].shape[2]), 2.0**-7)
        self.tensors = {"image": image}

    def graph(self, name: str) -> Graph:
        """Build all stages."""
        maps = {
            each: self._convolve(f"{each}.stem", "image", self.core["stem"], 2) for each in ("frozen", *self.trainable)
        }
        for number in range(1, 1 + max(int(layer[5]) for layer in self.core if layer.startswith("stage"))):
            maps = self._module(f"stage{number}", maps)
        outputs = tuple(maps[each] for each in self.trainable or ["frozen"])
        return Graph(name, ("image",), outputs, tuple(self.tensors.values()), tuple(self.operators), NAMED_BY_SFKERAS)

    def _module(self, stage: str, maps: dict[str, str]) -> dict[str, str]:
        downscales = f"{stage}.unit1.left.pointwise" in self.core
        made = {"frozen": maps["frozen"]}
        units = sorted({layer.split(".")[1] for layer in self.core if layer.startswith(f"{stage}.")})
        for unit in units:
            build = self._downscaling if unit == "unit1" and downscales else self._regular
            made["frozen"] = build(f"frozen.{stage}.{unit}", made["frozen"])
        for core in self.trainable:
            build = self._downscaling if downscales else self._level
            own = build(f"{core}.{stage}", maps[core])
            made[core] = self._blend(f"{core}.{stage}.blend", made["frozen"], own)
        return self._shuffled(stage, made) if len(self.trainable) > 1 else made

    # --- Units

    def _codes(self, name: str, *shape: int) -> Array:
        """Return the codes of a frozen layer; zeros of this shape for a trainable one."""
        layer = name.removeprefix("frozen.")
        return self.core[layer] if name.startswith("frozen.") else np.zeros(shape, np.int8)

    def _branch(self, name: str, input: str, stride: int, outputs: int) -> str:
        channels = self.tensors[input].channels
        codes = self._codes(f"{name}.depthwise", 3, 3, channels, 1)
        made = self._convolve(f"{name}.depthwise", input, codes, stride)
        return self._convolve(f"{name}.pointwise", made, self._codes(f"{name}.pointwise", 1, 1, channels, outputs), 1)

    def _downscaling(self, name: str, input: str) -> str:
        channels = self.tensors[input].channels
        return self._interleaved(
            name, [self._branch(f"{name}.{side}", input, 2, channels) for side in ("left", "right")]
        )

    def _regular(self, name: str, input: str) -> str:
        half = self.tensors[input].channels // 2
        kept, worked = self._halves(name, input)
        return self._interleaved(name, [kept, self._branch(name, worked, 1, half)])

    def _level(self, name: str, input: str) -> str:
        half = self.tensors[input].channels // 2
        branches = [
            self._branch(f"{name}.{side}", part, 1, half)
            for side, part in zip(("left", "right"), self._halves(name, input))
        ]
        return self._interleaved(name, branches)

    def _halves(self, name: str, input: str) -> list[str]:
        half = self.tensors[input].channels // 2
        return [
            self._wire(f"{name}.split.{i}", [input], np.array([(0, i * half + c) for c in range(half)]))
            for i in range(2)
        ]

    def _interleaved(self, name: str, inputs: list[str]) -> str:
        channels = self.tensors[inputs[0]].channels
        return self._wire(f"{name}.shuffle", inputs, np.array([(i, c) for c in range(channels) for i in range(2)]))

    def _shuffled(self, stage: str, maps: dict[str, str]) -> dict[str, str]:
        shuffled = dict(maps)
        for i, core in enumerate(self.trainable):
            other = self.trainable[(i + 1) % len(self.trainable)]
            sources = switched_sources(self.tensors[maps[core]].channels, True)
            pair = [maps[core], maps[other]]
            shuffled[core] = self._wire(f"{stage}.core_shuffle.{core}", pair, sources, core_shuffle=True)
        return shuffled

    # --- Operators

    def _add(self, operator: Operator) -> str:
        shape = operator.output_shape(*(self.tensors[name].shape for name in operator.inputs))
        self.tensors[operator.name] = Tensor(operator.name, shape, SCALE)
        self.operators.append(operator)
        return operator.name

    def _convolve(self, name: str, input: str, codes: Array, stride: int) -> str:
        frozen = name.startswith("frozen.")
        codes = codes if frozen or name.endswith(("depthwise", "pointwise")) else np.zeros_like(codes)
        is_depthwise = name.endswith("depthwise")
        outputs = codes.shape[2 if is_depthwise else 3]
        kind, shaped = (Conv2D, codes.transpose(3, 0, 1, 2)) if not is_depthwise else (DepthwiseConv2D, codes[..., 0])
        made: Operator = kind(
            name=name,
            inputs=(input,),
            codes=shaped,
            scales=np.full(outputs, 2.0**-9, np.float32),
            bias=np.zeros(outputs, np.int32),
            strides=(stride, stride),
            padding="same",
            minimum=-128 if is_depthwise else 0,  # a ReLU
            frozen=frozen,
        )
        return self._add(made)

    def _wire(self, name: str, inputs: list[str], sources: npt.NDArray[np.integer], core_shuffle: bool = False) -> str:
        return self._add(Wire(name=name, inputs=tuple(inputs), sources=sources, core_shuffle=core_shuffle))

    def _blend(self, name: str, frozen: str, trainable: str) -> str:
        halves = np.full(self.tensors[frozen].channels, 64, np.int8)
        products = [
            self._add(ChannelScale(name=f"{name}.{part}", inputs=(source,), codes=halves, scale=2.0**-7))
            for part, source in (("frozen", frozen), ("trainable", trainable))
        ]
        return self._add(Add(name=name, inputs=tuple(products)))
