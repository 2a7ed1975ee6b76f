"""The folding of a network that fits on an FPGA, or what would fit, before anything is synthesised."""

from __future__ import annotations

from collections.abc import Iterator

from export.graph.graph import Graph
from export.graph.passes.resize import resize
from export.graph.tensor import GraphError, Size
from export.hardware import layout
from export.hardware.folding import RATES
from export.hardware.fpga.device import DEVICES, device, needs, sentence
from export.hardware.layout import HardwareError
from export.hardware.schedule import Schedule, schedule
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan


def planned(
    graph: Graph, plan: LinePlan, name: str, clocks_per_pixel: int | None = None, unroll: tuple[str, ...] = ()
) -> Schedule:
    """Return the schedule of a network at the fewest clocks per pixel that fit on a device, or at those that are given.

    Args:
        graph, plan, unroll: see layout.design.
        name: of the device.
        clocks_per_pixel: None for the fewest that fit.
    Raises: HardwareError that says what it needs, what the device has, and what would fit.
    """
    chip = device(name)
    rates = RATES if clocks_per_pixel is None else (clocks_per_pixel,)
    tried = []
    for rate in rates:
        tried.append(schedule(layout.design(graph, plan, rate, unroll)))
        if needs(tried[-1].design, chip).fit(chip):
            return tried[-1]
    least = tried[-1].design
    raise HardwareError(
        f"{least.name}: at {least.clocks_per_pixel} clocks per pixel {sentence(least, name)}. "
        f"{_advice(graph, plan, name, rates, unroll)}"
    )


def _advice(graph: Graph, plan: LinePlan, name: str, tried: tuple[int, ...], unroll: tuple[str, ...]) -> str:
    """Return what fits instead: more clocks per pixel, a larger device or a smaller size; or that none does."""
    slower = tuple(rate for rate in RATES if rate > max(tried))
    if (rate := _fitting(graph, plan, name, slower, unroll)) is not None:
        return f"--clocks-per-pixel={rate} would fit"
    for larger in list(DEVICES)[[*DEVICES].index(name) + 1 :]:
        if (rate := _fitting(graph, plan, larger, RATES, unroll)) is not None:
            return f"--fpga={larger} --clocks-per-pixel={rate} would fit"
    for size in _smaller(graph.tensor(graph.inputs[0]).shape[:2]):
        try:
            small = resize(graph, size)
            rate = _fitting(small, line_plan.plan(small, plan.switches), name, RATES, unroll)
        except GraphError:  # the network cannot have this size
            continue
        if rate is not None:
            return f"--size={size[0]}x{size[1]} --clocks-per-pixel={rate} would fit"
    return "No folding and no smaller size would fit; fewer or narrower cores need less"


def _fitting(graph: Graph, plan: LinePlan, name: str, rates: tuple[int, ...], unroll: tuple[str, ...]) -> int | None:
    """Return the first of some clocks per pixel that fits; None if none does."""
    chip = device(name)
    designs = (schedule(layout.design(graph, plan, rate, unroll)).design for rate in rates)
    return next((each.clocks_per_pixel for each in designs if needs(each, chip).fit(chip)), None)


def _smaller(size: Size) -> Iterator[Size]:
    """Return three quarters, a half and a quarter of a size, in whole 32 pixels: what five strides of 2 divide."""
    sizes = [(max(size[0] * n // 128, 1) * 32, max(size[1] * n // 128, 1) * 32) for n in (3, 2, 1)]
    return (each for each in dict.fromkeys(sizes) if each != size and each[0] <= size[0] and each[1] <= size[1])
