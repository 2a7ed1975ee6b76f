"""Folding: how many lanes and passes each block has, so that it is busy at the rate of the image.

At `clocks_per_pixel` clocks per pixel of the image, a map of a quarter of its pixels has four times as many clocks per
pixel. Each stage has as few lanes and multipliers as keep up with that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from export.graph.tensor import Shape
from export.hardware.blocks import SHARED_LATENCY, TAPS

RATES = (1, 2, 4, 8, 16, 32, 64)
SLOW = 16  # clocks per pixel of the image from which on requantisers are shared, and bursts need no delays


@dataclass(frozen=True)
class Folding:
    """The rate of a datapath.

    Attributes:
        image: shape of the image.
        clocks_per_pixel: clocks per pixel of the image.
    """

    image: Shape
    clocks_per_pixel: int = 1

    def __post_init__(self) -> None:
        if self.clocks_per_pixel not in RATES:
            expected = ", ".join(map(str, RATES))
            raise ValueError(f"--clocks-per-pixel is {self.clocks_per_pixel}; expected one of {expected}")

    def clocks(self, shape: Shape) -> int:
        """Return the clocks per pixel of a map of this shape."""
        return self.clocks_per_pixel * self.image[0] * self.image[1] // (shape[0] * shape[1])

    def lanes(self, shape: Shape) -> int:
        """Return the fewest lanes in which a map of this shape keeps up."""
        return next(
            lanes for lanes in divisors(shape[2]) if shape[2] // lanes <= self.clocks(shape) or lanes == shape[2]
        )

    def passes(self, outputs: int, beats: int, shape: Shape) -> int:
        """Return the most outputs that one multiply-accumulate unit can compute per pixel.

        Args:
            outputs: of the convolution.
            beats: of its input, per pixel of the output.
            shape: of its output.
        """
        return max(passes for passes in divisors(outputs) if passes == 1 or passes * beats <= self.clocks(shape))

    def multiplier_steps(self, bits: int, beats: int, shape: Shape) -> int:
        """Return in how many clocks a requantiser can multiply by so many bits, at so many beats per pixel."""
        return self._steps(bits, beats, shape)

    def shared_steps(self, bits: int, streams: int, beats: int, shape: Shape) -> int:
        """Return in how many clocks a requantiser that streams share can multiply by so many bits; see multiplier_steps."""
        clocks = self.clocks(shape) * 3 // 4
        fitting = (n for n in divisors(bits) if beats * max(n + SHARED_LATENCY, n * streams) <= clocks)
        return max(fitting, default=1)

    def tap_steps(self, beats: int, between: int, shape: Shape) -> int:
        """Return in how many clocks a depthwise convolution can multiply its taps, at so many beats per pixel.

        Args:
            between: columns that a window with a stride reads between two pixels.
            shape: of its output.
        """
        return self._steps(TAPS, beats, shape, between)

    def _steps(self, most: int, beats: int, shape: Shape, between: int = 0) -> int:
        """Return the most steps that keep up. A quarter of the clocks is left: pixels come in bursts after a stride."""
        clocks = self.clocks(shape) * 3 // 4
        return max(n for n in divisors(most) if n == 1 or n * beats + max(0, between + 1 - n) <= clocks)

    def out_lanes(self, macs: int, outputs: int, shape: Shape) -> int:
        """Return the fewest lanes in which the sums of `macs` units keep up."""
        fitting = (lanes for lanes in divisors(macs) if outputs // lanes <= self.clocks(shape))
        return next(fitting, macs)

    def parts(self, lanes: int, beats: int, stride: int, shape: Shape) -> int:
        """Return into how many beats a window can spread each beat of its input. shape: of its output.

        While the last beat of a pixel leaves, the columns between two pixels are read.
        """

        def clocks(parts: int) -> int:
            return parts * beats + max(0, (stride - 1) * beats + 1 - parts)

        return max(parts for parts in divisors(lanes) if parts == 1 or clocks(parts) <= self.clocks(shape))


def divisors(number: int) -> Iterator[int]:
    """Return the divisors of a number, the least first."""
    return (i for i in range(1, number + 1) if number % i == 0)
