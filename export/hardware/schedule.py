"""The schedule: when each pixel passes each block, and so how deep each delay must be.

Frames follow each other without a pause. A block takes a pixel when it is there and the block is done with the pixel before:
t[i] = max(arrival[i], t[i - 1] + clocks). Delays are as deep as the most that waits in them then, so that no block ever waits
for a delay to empty. Time is counted in clocks, and a pixel has one time: that of its last beat. Delays are one pixel deeper
for what this leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from export.hardware import blocks
from export.hardware.blocks import Block, Design, Stream
from export.hardware.folding import SLOW

Times = npt.NDArray[np.float64]

FRAMES = 3  # the first fills the delays, the others are alike
PIPELINE = 6  # clocks that registers inside a block take at most
ENDS = blocks.Fifo | blocks.Window  # blocks that read at a pace of their own
MEETINGS = blocks.Join | blocks.Blend | blocks.CoreShuffle


@dataclass(frozen=True)
class Schedule:
    """When a design does what.

    Attributes:
        design: with delays of the depths that it needs.
        clocks: per frame, if frames follow each other.
        latency: clocks from the first beat of a frame to the last of its outputs.
        busy: share of the clocks in which each block works, by its output.
    """

    design: Design
    clocks: int
    latency: int
    busy: dict[str, float]

    def __str__(self) -> str:
        each = self.design.clocks_per_pixel
        per_pixel = f"{each} clock{'s' * (each != 1)} per pixel"
        return f"{per_pixel}, {self.clocks:,} clocks per frame, latency {self.latency:,} clocks"


def schedule(design: Design) -> Schedule:
    """Return a design's schedule, and the design with its delays sized."""
    return _Scheduler(design).run()


class _Scheduler:
    def __init__(self, design: Design):
        self.design = design
        self.reader = {stream.name: block for block in design.blocks for stream in block.inputs}
        self.times: dict[str, Times] = {}
        self.depths: dict[str, int] = {}

    def run(self) -> Schedule:
        """Go through all blocks in the order of data flow."""
        image = self.design.image
        self.times[image.name] = np.arange(FRAMES * image.pixels, dtype=np.float64) * self.design.clocks_per_pixel
        for block in self.design.blocks:
            arrivals = [self.times[stream.name] for stream in block.inputs]
            if isinstance(block, blocks.Window):
                ends = self._window(block, arrivals[0])
            elif isinstance(block, blocks.Pool):
                last = paced(arrivals[0], _pace(block))[block.input.pixels - 1 :: block.input.pixels]
                # The last pixel of the next frame waits until the means of this one have left.
                ends = paced(last, _division(block) + _pace(block)) + _division(block)
            else:
                ends = paced(np.maximum.reduce(arrivals), _pace(block)) + _latency(block)
            self.times |= {stream.name: ends for stream in block.outputs}
        self._size_delays()
        return self._result()

    def _window(self, block: blocks.Window, arrival: Times) -> Times:
        """Return when a window's pixels are made. Sets the depth of the rows that wait."""
        needs, emits, is_bottom = steps(block)
        pixels, beats = block.input.pixels, block.input.beats
        needed = (np.arange(FRAMES)[:, None] * pixels + needs).ravel()
        # While the last beat of a pixel leaves, columns are read that complete no window.
        between = np.diff(np.flatnonzero(np.tile(emits, FRAMES)), prepend=-1) * beats - beats
        own = max(block.output.beats, self._service(block.output))
        leaving = own - np.minimum(own // beats, between)
        service = np.full(FRAMES * len(emits), beats)
        service[np.tile(emits, FRAMES)] = np.maximum(
            np.maximum(beats, leaving), self._service(block.output, True) - between
        )
        taken = paced(arrival[needed], service)
        arrived, left = (times.reshape(FRAMES, -1)[:, is_bottom] for times in (arrival[needed], taken))
        if block.first_waits:
            first = arrival.reshape(FRAMES, pixels)[:, : block.input.shape[1]]
            below = taken.reshape(FRAMES, -1)[:, reads_below(block, len(needs))]
            arrived = np.hstack([first, arrived])
            left = np.hstack([np.maximum(first, np.vstack([first[:1], below[:-1]])), left])
        self.depths[block.output.name] = max(2, most_waiting(arrived.ravel(), left.ravel()) * beats + 2)
        return taken[np.tile(emits, FRAMES)] + PIPELINE

    def _service(self, stream: Stream, after_elastic: bool = False) -> int:
        """Return the clocks per pixel of what follows a stream, up to where it can wait; or of what follows there."""
        block = self.reader.get(stream.name)
        is_elastic = isinstance(block, blocks.Fifo) and block.elastic
        if block is None or (isinstance(block, ENDS) and not (is_elastic and after_elastic)):
            return 0
        return max([_pace(block), *(self._service(output, after_elastic) for output in block.outputs)])

    def _size_delays(self) -> None:
        for block in self.design.blocks:
            if isinstance(block, blocks.Fifo) and not block.elastic:
                arrival, leaving = self.times[block.input.name], self._leaving(block.output)
                waiting = most_waiting(arrival, leaving) * block.input.beats
                # What only passes its registers and those of a meeting needs no delay but to even out beats. With many
                # clocks per pixel, beats are slow.
                passes = self.design.clocks_per_pixel >= SLOW and float(np.max(leaving - arrival)) <= 2 * PIPELINE
                self.depths[block.output.name] = 2 if passes else max(2, waiting)

    def _leaving(self, stream: Stream) -> Times:
        """Return when a pixel leaves a delay: when the streams that meet after it are all there."""
        block = self.reader.get(stream.name)
        if isinstance(block, blocks.Gear | MEETINGS):
            return self.times[block.output.name] if isinstance(block, MEETINGS) else self._leaving(block.output)
        return self.times[stream.name]

    def _sized(self, block: Block) -> Block:
        if isinstance(block, ENDS) and block.output.name in self.depths:
            depth = self.depths[block.output.name]
            pack = blocks.pack_of(depth, block.input.kept_width)
            return replace(block, depth=-(-depth // pack) * pack, pack=pack)
        return block

    def _result(self) -> Schedule:
        sized = tuple(map(self._sized, self.design.blocks))
        ends = [self.times[stream.name].reshape(FRAMES, -1)[:, -1] for stream in self.design.outputs]
        last = np.maximum.reduce(ends)
        period = self.design.image.pixels * self.design.clocks_per_pixel
        busy = {block.output.name: _pace(block) * block.output.pixels / period for block in self.design.blocks}
        design = replace(self.design, blocks=sized)
        return Schedule(design, round(last[-1] - last[-2]), round(last[0]), busy)


def reads_below(block: blocks.Window, count: int) -> slice:
    """Return which of so many steps of a frame read the columns above the padding below."""
    end = count - ends_on_padding(block)
    return slice(end - block.input.shape[1], end)


def ends_on_padding(block: blocks.Window) -> bool:
    """Return whether the last window of a row has padding on the right."""
    return (block.output_size[1] - 1) * block.strides[1] - block.padding[1] + 2 >= block.input.shape[1]


def _pace(block: Block) -> int:
    return block.clocks


def _latency(block: Block) -> int:
    match block:
        case blocks.Convolve():
            return PIPELINE + block.clocks
        case blocks.Depthwise() | blocks.Requantise():
            return PIPELINE + block.clocks - block.output.beats  # if all beats of a pixel came at once
        case blocks.Choose() | blocks.Fork() | blocks.Gate() | blocks.Join() | blocks.Select():
            return 0
        case blocks.Gear():
            return 1 + block.output.beats if block.output.lanes < block.input.lanes else 1
        case _:
            return PIPELINE


def _division(block: blocks.Pool) -> int:
    bits = block.input.pixels.bit_length() + 8
    return block.input.beats * (bits + 3)


def paced(arrival: Times, clocks: int | npt.NDArray[np.integer]) -> Times:
    """Return when each of a row of pixels is done, if each takes `clocks` after the one before."""
    before = np.cumsum(np.broadcast_to(clocks, arrival.shape).astype(np.float64))
    return np.maximum.accumulate(arrival - before) + before


def most_waiting(arrival: Times, leaving: Times) -> int:
    """Return the most pixels that have arrived and not left, counting one that arrives, and one more."""
    left = np.searchsorted(np.maximum.accumulate(leaving), arrival, "left")
    return int(np.max(np.arange(1, len(arrival) + 1) - left)) + 1


def steps(block: blocks.Window) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the steps of rtl/compute/sf_window.sv in one frame.

    Returns: for each step, the pixel of the input that must be there, whether the step completes a window, and whether it
    reads a row that waited.
    """
    height, width, _ = block.input.shape
    rows, columns = block.output_size
    first = 2 - block.padding[0]
    last = (rows - 1) * block.strides[0] + first
    on_padding = ends_on_padding(block)
    merges = on_padding and block.strides[0] == 1
    completes = {x * block.strides[1] - block.padding[1] + 2 for x in range(columns)}
    of_row = np.array([x in completes for x in range(width)])
    needs, emits, bottom = [], [], []
    for row in range(first, last + 1, block.strides[0]):
        below = row >= height
        needs.append(np.full(width, height * width - 1) if below else row * width + np.arange(width))
        begins = of_row.copy()
        begins[0] |= merges and row > first
        emits.append(begins)
        bottom.append(np.full(width, not below))
        if on_padding and (not merges or row == last):
            needs.append(needs[-1][-1:])
            emits.append(np.array([True]))
            bottom.append(np.array([False]))
    return np.concatenate(needs), np.concatenate(emits), np.concatenate(bottom)
