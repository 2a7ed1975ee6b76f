"""From a graph and its folding to the blocks of a datapath."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from export.datapath import structure, task_image
from export.graph import ranges
from export.graph.graph import Graph
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    DepthwiseConv2D,
    Lookup,
    Operator,
    Wire,
)
from export.graph.passes import narrow, zero_point
from export.graph.tensor import GraphError, Tensor
from export.hardware import blocks, sharing, wires
from export.hardware.blocks import Block, Codes, Design, Stream, identifier
from export.hardware.folding import Folding, divisors
from export.streaming.line_plan import LinePlan, When
from export.streaming.rows_read import sums_rows

Key = tuple[object, ...]  # of what blocks read: a tensor, or the window of one


class HardwareError(GraphError):
    """A network that the hardware cannot run. The message names the stage and the reason."""


def design(graph: Graph, plan: LinePlan, clocks_per_pixel: int = 1, unroll: Iterable[str] = ()) -> Design:
    """Return the datapath of a network. Its delays are still of the least depth; see schedule.py.

    Args:
        graph: the network's graph with all ways (export/graph/switches.py).
        plan: its line plan, whose task images the hardware loads.
        clocks_per_pixel: clocks per pixel of the image: 1, 2, 4, 8, 16, 32 or 64.
        unroll: stages such as "stem", whose frozen convolutions over channels are hardwired matrices.
    Raises: HardwareError if an operator or a number of it has no block; ValueError for a stage without such a convolution.
    """
    stages = {stage_of(o.name) for o in graph.operators if isinstance(o, Conv2D) and o.frozen}
    if unknown := sorted({*unroll} - stages):
        known = f"the frozen stages are {', '.join(sorted(stages))}" if stages else "this network has no frozen stage"
        raise ValueError(f"--unroll names {', '.join(unknown)}; {known}")
    return _Layout(wires.with_few(graph, _chosen(plan)), plan, clocks_per_pixel, {*unroll}).design()


def _chosen(plan: LinePlan) -> dict[str, When]:
    """Return the switch and its positions, one per input, of each Wire of which a task chooses the input."""
    switches = enumerate(plan.switches)
    return {name: When(i, switch.positions) for i, switch in switches for name in switch.chooses}


class _Layout:
    """Walks the operators in the order of data flow and lays out their blocks."""

    def __init__(self, graph: Graph, plan: LinePlan, clocks_per_pixel: int, unroll: set[str]):
        self.graph, self.plan, self.unroll = graph, plan, unroll
        image = graph.tensor(graph.inputs[0])
        self.folding = Folding(image.shape, clocks_per_pixel)
        self.sections = {name: offset // 4 for name, offset in task_image.write(plan).sections.items()}
        self.chosen = _chosen(plan)
        self.whens = {each.operator.name: each.when for each in plan.stages if each.operator.name not in self.chosen}
        self.ranges = ranges.code_ranges(graph, self.chosen)
        self.products = _products_of_blends(graph)
        self.factor_bits = narrow.factor_bits(graph)
        self.blocks: list[Block] = []
        self.names: Counter[str] = Counter()
        self.unread: dict[Key, list[Stream]] = {}  # streams that are ready to be read, by what they carry
        self.readers = Counter(key for operator in graph.operators for key in self._reads(operator))
        self.readers.update(("tensor", key[1]) for key in {*self.readers} if key[0] == "window")
        self.readers.update(("tensor", name) for name in graph.outputs)

    def design(self) -> Design:
        """Return all blocks."""
        image = self.graph.tensor(self.graph.inputs[0])
        stream = Stream("image", image.shape, self.folding.lanes(image.shape), tensor=image.name)
        self._offer(("tensor", image.name), stream, image.name)
        for operator in self.graph.operators:
            if operator.name not in self.products:
                self._add(operator)
        outputs = tuple(
            self._gated(name, self.plan.when_given(name), self._read("tensor", name)) for name in self.graph.outputs
        )
        made = sharing.shared(self.blocks, self.folding)
        return Design(self.graph.name, made, stream, outputs, self.folding.clocks_per_pixel)

    # --- What reads what

    def _reads(self, operator: Operator) -> list[Key]:
        if isinstance(operator, Convolution) and operator.kernel != (1, 1):
            return [self._window_key(operator)]
        if operator.name in self.products:
            return []
        if isinstance(operator, Add):
            products = [self.graph.operator(name) for name in operator.inputs]
            return [("tensor", each.inputs[0]) for each in products]
        return [("tensor", name) for name in operator.inputs]

    def _window_key(self, operator: Convolution) -> Key:
        """Operators with the same window read one window, and so keep rows once."""
        size = self.graph.tensor(operator.inputs[0]).shape[:2]
        return "window", operator.inputs[0], operator.kernel, operator.strides, operator.pads(size)

    def _offer(self, key: Key, stream: Stream, stage: str) -> None:
        """Let a stream be read by as many blocks as will."""
        count = self.readers[key]
        if count == 0:
            raise HardwareError(f"{stage}: nothing reads it")
        if count > 1:
            copies = tuple(replace(stream, name=self._name(f"{stream.name}_to{i}"), tensor=None) for i in range(count))
            self.blocks.append(blocks.Fork(name=stage, inputs=(stream,), outputs=copies))
            self.unread[key] = list(copies)
        else:
            self.unread[key] = [stream]

    def _read(self, *key: object) -> Stream:
        return self.unread[key].pop(0)

    def _name(self, text: str) -> str:
        name = identifier(text)
        self.names[name] += 1
        return name if self.names[name] == 1 else f"{name}_{self.names[name]}"

    # --- Operators

    def _add(self, operator: Operator) -> None:
        match operator:
            case Conv2D() | DepthwiseConv2D():
                result = self._convolution(operator)
            case Add():
                result = self._blend(operator)
            case AveragePool():
                result = self._pool(operator)
            case Lookup():
                narrow = self._with_lanes(self._read_by(operator), 1, operator.name)
                result = self._append(blocks.Lookup, operator.name, [narrow], narrow, word=self.sections[operator.name])
            case Wire() if operator.name in self.chosen:
                result = self._choose(operator)
            case Wire() if operator.core_shuffle:
                result = self._core_shuffle(operator)
            case Wire():
                result = self._wire(operator)
            case _:
                kind = type(operator).__name__
                raise HardwareError(f"{operator.name}: the hardware has no {kind}; it has those of a SemifreddoNet")
        positive = result.bits == 8 and self.ranges[operator.output][0] >= 0
        result = replace(result, tensor=operator.output, positive=positive)
        last = self.blocks[-1]
        self.blocks[-1] = replace(last, outputs=(result, *last.outputs[1:]))
        self._offer(("tensor", operator.output), result, operator.name)

    def _append(
        self,
        kind: type[Block],
        stage: str,
        inputs: Sequence[Stream],
        like: Stream,
        suffix: str = "",
        **parameters: object,
    ) -> Stream:
        """Append a block whose output is like a stream, and return its output."""
        output = replace(like, name=self._name(f"{stage}{suffix}"), tensor=None)
        self.blocks.append(kind(name=stage, inputs=tuple(inputs), outputs=(output,), **parameters))
        return output

    def _read_by(self, operator: Operator, input: int = 0, when: When | None = None) -> Stream:
        """Return the stream of an input, gated: to when the operator runs, or `when`, if that is not when the input is made."""
        name = operator.inputs[input]
        when = when or self.whens.get(operator.name)
        stream = self._read("tensor", name)
        return stream if when == self.whens.get(name) else self._gated(operator.name, when, stream)

    def _gated(self, stage: str, when: When | None, stream: Stream) -> Stream:
        """Let a stream through in some positions of a switch of the task; in all of them, if there is no switch."""
        if when is None:
            return stream
        positions = when.positions[0], when.positions[-1]
        return self._append(blocks.Gate, stage, [stream], stream, "_gate", switch=when.switch, positions=positions)

    def _with_lanes(self, stream: Stream, lanes: int, stage: str) -> Stream:
        if stream.lanes == lanes:
            return stream
        if max(stream.lanes, lanes) % min(stream.lanes, lanes):
            stream = self._with_lanes(stream, stream.shape[2], stage)
        return self._append(blocks.Gear, stage, [stream], replace(stream, lanes=lanes), "_gear")

    def _delayed(self, stream: Stream, stage: str) -> Stream:
        return self._append(blocks.Fifo, stage, [stream], stream, "_delay")

    def _convolution(self, operator: Conv2D | DepthwiseConv2D) -> Stream:
        self._require_convolution(operator)
        graph, word = self.graph, self.sections[operator.name]
        input, output = graph.inputs_of(operator)[0], graph.tensor(operator.output)
        if operator.kernel == (1, 1):
            taps = self._read_by(operator)
        else:
            taps = self._taps(operator, input, output)
        sum_range = ranges.sum_range(operator, graph, self.ranges)
        assert sum_range is not None
        sum_bits = ranges.width(sum_range)
        offset = 0 if zero_point.is_folded(operator, graph) else input.zero_point
        code_word = None if operator.frozen else word + 2 * output.channels
        sums = Stream("sums", output.shape, taps.lanes, sum_bits)
        if isinstance(operator, DepthwiseConv2D):
            between = (operator.strides[1] - 1) * taps.beats
            steps = self.folding.tap_steps(taps.beats, between, output.shape)
            stored = blocks.arranged(operator.codes.reshape(steps, -1, output.channels), taps.lanes, steps)
            sums = self._append(
                blocks.Depthwise,
                operator.name,
                [taps],
                sums,
                "_sums",
                codes=Codes(stored, code_word),
                zero_point=offset,
                steps=steps,
            )
            # A window with a stride gives its pixels in haste; fewer lanes are requantised, without haste.
            if operator.strides[1] > 1:
                sums = self._append(blocks.Fifo, operator.name, [sums], sums, "_delay", depth=sums.beats, elastic=True)
            sums = self._with_lanes(sums, self.folding.lanes(output.shape), operator.name)
        elif operator.frozen and stage_of(operator.name) in self.unroll:
            sums = self._hardwired(operator, taps, sums, offset)
        else:
            passes = self.folding.passes(output.channels, taps.beats, output.shape)
            macs = output.channels // passes
            lanes = self.folding.out_lanes(macs, output.channels, output.shape)
            flat = operator.codes.reshape(output.channels, -1, input.channels)
            codes = Codes(blocks.arranged(flat, taps.lanes, passes), code_word)
            sums = self._append(
                blocks.Convolve,
                operator.name,
                [taps],
                replace(sums, lanes=lanes),
                "_sums",
                codes=codes,
                macs=macs,
                passes=passes,
                zero_point=offset,
            )
        biases = zero_point.bias(operator, graph)
        bias_bits = max(sum_bits, ranges.width((int(biases.min()), int(biases.max()))))
        return self._append(
            blocks.Requantise,
            operator.name,
            [sums],
            replace(sums, bits=8),
            word=word,
            factor_bits=self.factor_bits,
            steps=self.folding.multiplier_steps(self.factor_bits, sums.beats, output.shape),
            bias_bits=bias_bits,
            sum_bits=max(sum_bits, bias_bits) + 1,
            zero_point=output.zero_point,
            minimum=operator.minimum,
            maximum=operator.maximum,
        )

    def _hardwired(self, operator: Conv2D, taps: Stream, sums: Stream, offset: int) -> Stream:
        """Return the sums of a convolution that is a matrix of constants."""
        if offset:
            raise HardwareError(f"{operator.name}: its padding is not 0; a hardwired matrix needs fixed8")
        outputs, channels = operator.codes.shape[0], operator.codes.shape[3]
        by_beat = operator.codes.reshape(outputs, -1, channels // taps.lanes, taps.lanes).swapaxes(1, 2)
        sums = self._append(
            blocks.Hardwired,
            operator.name,
            [self._with_lanes(taps, channels, operator.name)],
            replace(sums, lanes=outputs),
            "_sums",
            codes=by_beat.reshape(outputs, -1),
        )
        return self._with_lanes(sums, self.folding.lanes(sums.shape), operator.name)

    def _require_convolution(self, operator: Convolution) -> None:
        graph, name = self.graph, operator.name
        shape = graph.inputs_of(operator)[0].shape
        windowed = operator.kernel == (3, 3)
        pads = operator.pads(shape[:2])
        plain = operator.strides == (1, 1) and not np.any(pads)
        multipliers, shifts = structure.factors(operator, graph)
        for fits, what in (
            (windowed or operator.kernel == (1, 1), f"its window is {operator.kernel}; the hardware has 3x3 and 1x1"),
            (operator.dilations == (1, 1), f"its dilations are {operator.dilations}; the hardware has (1, 1)"),
            (getattr(operator, "groups", 1) == 1, "it has groups; the hardware has convolutions of one group"),
            (windowed or plain, "a 1x1 convolution must have stride 1 and no padding"),
            (not windowed or max(operator.strides) <= 2, f"its strides are {operator.strides}; at most 2 is possible"),
            (not windowed or np.max(pads) <= 1, f"its padding is {pads}; at most 1 on each side is possible"),
            (not windowed or shape[1] > 1, f"its map is {shape[1]} pixel wide; the hardware needs at least 2"),
            (
                not structure.needs_wide_multiplier(operator, graph),
                "its multipliers need 31 bits; the hardware has 24, as fixed8 of sfkeras needs",
            ),
            (int(shifts.max()) <= 0, "a factor is more than 1; the hardware scales sums down"),
        ):
            if not fits:
                raise HardwareError(f"{name}: {what}")

    def _taps(self, operator: Convolution, input: Tensor, output: Tensor) -> Stream:
        """Return a window's taps, which all operators with the same window read."""
        key = self._window_key(operator)
        if key not in self.unread:
            source = self._read_by(operator)
            pads = operator.pads(input.shape[:2])
            parts = self._parts(operator, source, output)
            taps = Stream("taps", (*output.shape[:2], input.channels), source.lanes // parts, taps=blocks.TAPS)
            taps = self._append(
                blocks.Window,
                f"{operator.inputs[0]}.window",
                [source],
                taps,
                strides=operator.strides,
                padding=(pads[0][0], pads[1][0]),
                fill=input.zero_point,
                parts=parts,
            )
            self._offer(key, taps, f"{operator.inputs[0]}.window")
        return self._read(*key)

    def _parts(self, operator: Convolution, source: Stream, output: Tensor) -> int:
        """Return the parts in which a window gives its taps, so that few multipliers keep up."""
        if isinstance(operator, DepthwiseConv2D):
            return self.folding.parts(source.lanes, source.beats, operator.strides[1], output.shape)
        clocks = self.folding.clocks(output.shape)
        fitting = [parts for parts in divisors(source.lanes) if parts == 1 or parts * source.beats <= clocks]

        def multipliers(parts: int) -> int:
            passes = self.folding.passes(output.channels, parts * source.beats, output.shape)
            return output.channels // passes * source.lanes // parts

        return min(fitting, key=multipliers)

    def _blend(self, operator: Add) -> Stream:
        graph, output = self.graph, self.graph.tensor(operator.output)
        if not set(operator.inputs) <= self.products:
            raise HardwareError(f"{operator.name}: the hardware has no Add but that of a blend, of two products")
        products = [graph.operator(name) for name in operator.inputs]
        lanes = self.folding.lanes(output.shape)
        inputs = []
        for product in products:
            assert isinstance(product, ChannelScale)
            self._require_product(product, operator)
            stream = self._with_lanes(self._read_by(product), lanes, product.name)
            inputs.append(self._delayed(stream, product.name))
        if operator.maximum != 127 or operator.minimum not in (-128, 0):
            raise HardwareError(f"{operator.name}: it has a clamp; the hardware's blend has none, or one at 0")
        words = self.sections[products[0].name], self.sections[products[1].name]
        return self._append(
            blocks.Blend,
            operator.name,
            inputs,
            inputs[0],
            words=words,
            minimum=operator.minimum,
            products=(products[0].name, products[1].name),
        )

    def _require_product(self, product: ChannelScale, blend: Add) -> None:
        source, scaled, total = (self.graph.tensor(name) for name in (product.inputs[0], product.name, blend.name))
        shifts = {tensor.name: _exponent(tensor) for tensor in (source, scaled, total)}
        unit = Tensor(product.name, (1, 1, 1), product.scale)
        down = shifts[source.name] + _exponent(unit) - shifts[scaled.name]
        fits = scaled.scale == total.scale and product.constant_zero_point == 0 and 1 <= down <= 32
        fits = fits and not any(tensor.zero_point for tensor in (source, scaled, total))
        fits = fits and (product.minimum, product.maximum) == (blend.minimum, 127)
        if not fits:
            raise HardwareError(
                f"{product.name}: a blend must be fixed8, with one scale and one clamp for its products and their sum"
            )

    def _pool(self, operator: AveragePool) -> Stream:
        input = self.graph.inputs_of(operator)[0]
        if not sums_rows(operator, input.shape):
            raise HardwareError(f"{operator.name}: the hardware pools whole maps, not windows of {operator.window}")
        narrow = self._with_lanes(self._read_by(operator), 1, operator.name)
        output = Stream("mean", (1, 1, input.channels), 1)
        return self._append(
            blocks.Pool, operator.name, [narrow], output, minimum=operator.minimum, maximum=operator.maximum
        )

    def _choose(self, operator: Wire) -> Stream:
        """Return what a task chooses: the last module's result after one of its passes. Each pass has blocks of its own."""
        lanes = self.folding.lanes(self.graph.tensor(operator.output).shape)
        switch = self.chosen[operator.name]
        inputs = []
        for i, position in enumerate(switch.positions):
            stream = self._read_by(operator, i, When(switch.switch, range(position, position + 1)))
            inputs.append(self._with_lanes(stream, lanes, operator.name))
        return self._append(blocks.Choose, operator.name, inputs, inputs[0])

    def _core_shuffle(self, operator: Wire) -> Stream:
        lanes = self.folding.lanes(self.graph.tensor(operator.output).shape)
        inputs = [self._with_lanes(self._read_by(operator, i), lanes, operator.name) for i in range(2)]
        inputs = [self._delayed(stream, operator.name) for stream in inputs]
        word = self.sections[operator.name]
        return self._append(blocks.CoreShuffle, operator.name, inputs, inputs[0], word=word)

    # --- Wires

    def _wire(self, operator: Wire) -> Stream:
        shape, name = self.graph.tensor(operator.output).shape, operator.name
        inputs = [self._read_by(operator, i) for i in range(len(operator.inputs))]
        lanes = self.folding.lanes(shape)
        if (part := wires.successive(operator, inputs)) is not None:
            first, count = part
            stream = self._append(
                blocks.Select, name, inputs, replace(inputs[0], shape=shape), "_part", first=first, count=count
            )
            return self._with_lanes(self._delayed(stream, name), lanes, name)
        groups = wires.groups(operator, inputs)
        if len(inputs) > 1:
            inputs = [self._delayed(stream, name) for stream in inputs]
        inputs = [self._with_lanes(stream, stream.shape[2] // groups, name) for stream in inputs]
        offsets = np.cumsum([0, *(stream.lanes for stream in inputs)])
        order = tuple(int(offsets[i] + c) for i, c in operator.sources[: shape[2] // groups])
        joined = Stream("joined", shape, shape[2] // groups)
        joined = self._append(blocks.Join, name, inputs, joined, order=order)
        return self._with_lanes(joined, lanes, name)


def stage_of(name: str) -> str:
    """Return the stage of a block or an operator by its name, such as "stem" or "stage1"; else its name."""
    found = re.search(r"stem|stage\d+", name)
    return found[0] if found else name


def _products_of_blends(graph: Graph) -> set[str]:
    """Return the channel scales that only a sum of two of them reads."""
    readers: dict[str, list[Operator]] = {}
    for operator in graph.operators:
        for name in operator.inputs:
            readers.setdefault(name, []).append(operator)
    return {
        operator.name
        for operator in graph.operators
        if isinstance(operator, ChannelScale)
        and operator.name not in graph.outputs
        and [type(reader) for reader in readers.get(operator.name, [])] == [Add]
    }


def _exponent(tensor: Tensor) -> int:
    try:
        return tensor.exponent
    except GraphError as error:
        raise HardwareError(f"{error}; a blend in hardware needs fixed8") from None
