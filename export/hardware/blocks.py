"""The blocks of a hardwired datapath and the streams between them: what the generator, the schedule and the area read.

A stream carries a map in raster order, pixel by pixel. A pixel takes `beats` beats of `lanes` values, its channels in their
order. A block is one module of rtl/, with its parameters. Every stream has one writer and one reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from export.graph.tensor import Shape, Size

TAPS = 9  # of a window
SHIFT_BITS = 5  # of a factor, beside its multiplier
MANY_PASSES = 16
SHARED_LATENCY = 3  # clocks beside its steps in which a stream has one sum in a shared requantiser
# Height to width of the smallest memory of a size: SRAM_ROWS / SRAM_COLUMNS of estimate/cells.py.
WORDS_PER_BIT = 60
MOST_PACKED = 8


@dataclass(frozen=True)
class Stream:
    """A map on its way from one block to another.

    Attributes:
        name: an identifier, unique in the design.
        shape: of the map: (height, width, channels).
        lanes: channels per beat; they divide the channels.
        bits: of one value; 8, or more for sums.
        taps: values per channel: 9 after a window, tap by tap.
        tensor: the tensor of the graph that it carries, if it carries one as it is.
        positive: whether no value is negative, so that memories keep a bit less of each.
    """

    name: str
    shape: Shape
    lanes: int
    bits: int = 8
    taps: int = 1
    tensor: str | None = None
    positive: bool = False

    @property
    def beats(self) -> int:
        """Beats per pixel."""
        return self.shape[2] // self.lanes

    @property
    def pixels(self) -> int:
        """Pixels per map."""
        return self.shape[0] * self.shape[1]

    @property
    def width(self) -> int:
        """Bits per beat."""
        return self.taps * self.lanes * self.bits

    @property
    def kept_width(self) -> int:
        """Bits per beat in a memory."""
        return self.taps * self.lanes * (self.bits - self.positive)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Base of all blocks.

    Attributes:
        name: of the stage that it is part of, such as "frozen.stage2.unit3.pointwise".
        inputs, outputs: streams.
    """

    name: str
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]

    @property
    def input(self) -> Stream:
        """The first of its inputs."""
        return self.inputs[0]

    @property
    def output(self) -> Stream:
        """The first of its outputs."""
        return self.outputs[0]

    @property
    def clocks(self) -> int:
        """Clocks per pixel of its output that it needs at least."""
        return max(stream.beats for stream in (*self.inputs, *self.outputs))


# --- Blocks that only move values -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fork(Block):
    """One stream to several readers."""


@dataclass(frozen=True, kw_only=True)
class Fifo(Block):
    """A delay of at most `depth` beats, where paths of different length meet.

    If elastic, it evens out the beats of a pixel, and has the depth of one. pack: beats side by side in its memory.
    """

    depth: int = 2
    pack: int = 1
    elastic: bool = False


@dataclass(frozen=True, kw_only=True)
class Gear(Block):
    """Another number of lanes."""


@dataclass(frozen=True, kw_only=True)
class Join(Block):
    """Beats of several streams side by side. Lane i of the output is lane order[i] of all of them, in their order."""

    order: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Select(Block):
    """Some successive channels of a stream: `count` beats from beat `first`."""

    first: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Gate(Block):
    """Passes a stream in these positions of a switch of the task, and drops it in others."""

    switch: int
    positions: tuple[int, int]  # first and last


@dataclass(frozen=True, kw_only=True)
class Choose(Block):
    """The one of several streams that has beats. Gates drop the others."""


@dataclass(frozen=True, kw_only=True)
class CoreShuffle(Block):
    """The second half of the channels from the other core, if the task says so at word `word` of its image."""

    word: int


# --- Blocks that compute ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Window(Block):
    """3x3 taps around each pixel, from two rows that are kept.

    Attributes:
        strides, padding: as those of the operators that read it; padding is that above and on the left.
        fill: the code of padding.
        parts: beats of the output per beat of the input.
        depth: beats of its input that can wait: of rows that complete windows, and of the first row of a frame that
            arrives while the padding below the frame before it is read.
        pack: of them, side by side in a memory.
    """

    strides: tuple[int, int]
    padding: tuple[int, int]
    fill: int
    parts: int
    depth: int = 2
    pack: int = 1

    @property
    def output_size(self) -> Size:
        """Height and width of its output."""
        return self.output.shape[:2]

    @property
    def first_waits(self) -> bool:
        """Whether the first row of a frame can wait (FIRST_WAITS of sf_window.sv)."""
        rows, stride = self.output_size[0], self.strides[0]
        return rows > 1 and (rows - 1) * stride + 2 - self.padding[0] >= self.input.shape[0]


@dataclass(frozen=True)
class Codes:
    """Weights of a convolution, as a memory of one word per beat and pass.

    Attributes:
        codes: int8 (words, codes per word), as they are stored; see `arranged`.
        word: the word of the task image where they begin; None if they are frozen and in a ROM.
    """

    codes: npt.NDArray[np.int8] = field(repr=False)
    word: int | None

    @property
    def frozen(self) -> bool:
        """Whether they are in a ROM."""
        return self.word is None


@dataclass(frozen=True, kw_only=True)
class Depthwise(Block):
    """Depthwise convolution: a sum per channel, all lanes of a beat at once, in `steps` clocks."""

    codes: Codes
    zero_point: int
    steps: int = 1

    @property
    def clocks(self) -> int:
        return self.input.beats * self.steps


@dataclass(frozen=True, kw_only=True)
class Convolve(Block):
    """Convolution by `macs` units, each of which computes `passes` outputs from each beat in turn."""

    codes: Codes
    macs: int
    passes: int
    zero_point: int

    @property
    def clocks(self) -> int:
        return max(self.input.beats * self.passes, self.output.beats)

    @property
    def stores_sums(self) -> bool:
        """Whether its sums are in memories, because they are many (MANY of sf_convolve.sv)."""
        return self.input.beats > 1 and self.passes >= MANY_PASSES

    @property
    def lanes(self) -> int:
        """Products per unit and clock."""
        return self.input.lanes * self.input.taps


@dataclass(frozen=True, kw_only=True)
class Hardwired(Block):
    """Convolution by a matrix of constants: all outputs of a pixel, which is one beat, in one clock.

    codes: int8 (outputs, inputs), the inputs in the order of the beat.
    """

    codes: npt.NDArray[np.int8] = field(repr=False)


@dataclass(frozen=True)
class Share:
    """The place of a requantiser in one that several streams share (sharing.py).

    Attributes:
        engine: its number.
        position: of this stream, in the order of the task image.
        streams: how many there are.
        in_bits: of the widest of their sums.
    """

    engine: int
    position: int
    streams: int
    in_bits: int


@dataclass(frozen=True, kw_only=True)
class Requantise(Block):
    """Sums to codes, a beat in `steps` clocks. Biases and factors begin at word `word` of the task image."""

    word: int
    factor_bits: int
    steps: int
    bias_bits: int
    sum_bits: int
    zero_point: int
    minimum: int
    maximum: int
    share: Share | None = None

    @property
    def clocks(self) -> int:
        if self.share is None:
            return self.output.beats * self.steps
        # A stream's next sum is taken when its last code has left.
        return self.output.beats * max(self.steps + SHARED_LATENCY, self.steps * self.share.streams)


@dataclass(frozen=True, kw_only=True)
class Blend(Block):
    """Two products and their sum. words: of the task image, where the factors and codes of both begin.

    minimum: of the products and of the sum.
    """

    minimum: int
    words: tuple[int, int]
    products: tuple[str, str]  # the tensors of both products


@dataclass(frozen=True, kw_only=True)
class Pool(Block):
    """Running average over the whole map."""

    minimum: int
    maximum: int

    @property
    def clocks(self) -> int:
        return 2 * self.input.beats


@dataclass(frozen=True, kw_only=True)
class Lookup(Block):
    """A table that begins at word `word` of the task image."""

    word: int


@dataclass(frozen=True)
class Design:
    """A datapath.

    Attributes:
        name: of the network.
        blocks: in the order of data flow.
        image: the stream of the image.
        outputs: the streams of the network's outputs.
        clocks_per_pixel: of the image.
    """

    name: str
    blocks: tuple[Block, ...]
    image: Stream
    outputs: tuple[Stream, ...]
    clocks_per_pixel: int


def pack_of(words: int, bits: int) -> int:
    """Return how many words are side by side in the memory of a delay, so that it is not long and narrow: a power of two."""
    pack = 1
    while pack < MOST_PACKED and words >= 2 * pack**2 * WORDS_PER_BIT * bits:
        pack *= 2
    return pack


def identifier(name: str) -> str:
    """Return a name as part of an identifier."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def arranged(codes: npt.NDArray[np.int8], lanes: int, passes: int) -> npt.NDArray[np.int8]:
    """Return codes in the words of their memory.

    Word beat * passes + pass has the codes of all units, of a unit all taps, of a tap all lanes.

    Args:
        codes: int8 (outputs, taps, channels).
        lanes: channels per beat.
        passes: outputs per unit; output pass * units + unit is of that unit.
    Returns: int8 (beats * passes, units * taps * lanes).
    """
    outputs, taps, channels = codes.shape
    beats, units = channels // lanes, outputs // passes
    split = codes.reshape(passes, units, taps, beats, lanes).transpose(3, 0, 1, 2, 4)
    return np.ascontiguousarray(split).reshape(beats * passes, units * taps * lanes)
