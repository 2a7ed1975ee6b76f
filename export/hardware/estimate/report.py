"""The area report: three designs of a network side by side, as text, JSON and SVG."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from export.drawing.svg import Svg
from export.graph.graph import Graph
from export.graph.operators import ChannelScale, Convolution
from export.hardware.estimate import area
from export.hardware.estimate.area import FOLDED, LEAST, UNROLLED, Part, Report
from export.hardware.estimate.cells import LIBRARIES
from export.hardware.layout import design
from export.hardware.schedule import Schedule, schedule
from export.streaming.line_plan import LinePlan

# The paper's Table 3, divided by its parameters: 1.32 mm2 for 140K frozen, 1.34 mm2 for 60K trainable ones
PAPER_FROZEN, PAPER_TRAINABLE = 9.43, 22.33  # um2 per parameter, everything included
CALIBRATION = "the paper's"
SHOWN = ("logic", "weights", "rows")
COLOURS = {"logic": "#4878a8", "weights": "#c08040", "rows": "#60a060"}


@dataclass(frozen=True)
class AreaReport:
    """Areas of a network.

    Attributes:
        name, size: of the network; height and width of its image.
        schedule: of the folded design.
        designs: unrolled, folded as asked for, least area.
        parameters: frozen and trainable parameters of each core, without heads, counted as the paper does.
    """

    name: str
    size: tuple[int, int]
    schedule: Schedule
    designs: tuple[Report, ...]
    parameters: dict[str, dict[str, int]]

    @property
    def cores(self) -> list[str]:
        """What has an area of its own: the cores, the head, the image's rows."""
        return sorted({part.core for part in self.designs[0].parts}, key=_order)

    @property
    def paper(self) -> dict[str, float]:
        """mm2 of each core by the paper's calibration."""
        return {
            core: (counts["frozen"] * PAPER_FROZEN + counts["trainable"] * PAPER_TRAINABLE) / 1e6
            for core, counts in self.parameters.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return it as plain lists and dicts."""
        library = self.designs[0].library
        return {
            "network": self.name,
            "size": list(self.size),
            "library": asdict(library),
            "clocks_per_pixel": self.schedule.design.clocks_per_pixel,
            "clocks_per_frame": self.schedule.clocks,
            "latency": self.schedule.latency,
            "parameters": self.parameters,
            "paper_mm2": self.paper,
            "designs": {report.name: _design_json(report, self.cores) for report in self.designs},
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.size[0]}x{self.size[1]}, {self.schedule}",
            f"mm2, {self.designs[0].library.source}",
            "",
            f"{'':16}" + "".join(f"{name:>14}" for name in (*(report.name for report in self.designs), CALIBRATION)),
        ]
        for core in self.cores:
            areas = [report.mm2(report.of(core))["total"] for report in self.designs]
            areas += [self.paper[core]] if core in self.paper else []
            lines.append(f"{core:16}" + "".join(f"{area:14.3f}" for area in areas))
        for what in (*SHOWN, "total"):
            values = [report.mm2().get(what) for report in self.designs]
            values += [sum(self.paper.values())] if what == "total" else []
            if None not in values:
                lines.append(
                    f"{what if what == 'total' else f'  of it {what}':16}" + "".join(f"{v:14.3f}" for v in values)
                )
        energies = [report.energy() for report in self.designs]
        lines.append(f"{'MACs, uJ/frame':16}" + "".join(f"{nj / 1e3:14.1f}" for nj, _ in energies))
        lines.append(f"{'leakage, mW':16}" + "".join(f"{uw / 1e3:14.2f}" for _, uw in energies))
        lines += [
            "",
            f"The paper's calibration: {PAPER_FROZEN} um2 per frozen parameter, {PAPER_TRAINABLE} per trainable one.",
            "",
        ]
        lines += _stages(self.designs[1])
        return "\n".join(lines)


def area_report(
    graph: Graph, plan: LinePlan, clocks_per_pixel: int = 1, unroll: tuple[str, ...] = (), library: str = "16nm"
) -> AreaReport:
    """Return the area report of a network.

    Args:
        graph: with all ways (export/graph/switches.py).
        plan: its line plan.
        clocks_per_pixel: of the folded design.
        unroll: stages of it whose frozen convolutions over channels are hardwired, such as ("stem",).
        library: name of the process.
    Raises: HardwareError; ValueError for an unknown library or stage.
    """
    if library not in LIBRARIES:
        raise ValueError(f"--library is {library!r}; expected one of {', '.join(LIBRARIES)}")
    planned = schedule(design(graph, plan, clocks_per_pixel, unroll))
    plain = schedule(design(graph, plan, clocks_per_pixel)) if unroll else planned
    designs = (
        area.estimate(plain, LIBRARIES[library], UNROLLED),
        area.estimate(planned, LIBRARIES[library], FOLDED),
        area.estimate(plain, LIBRARIES[library], LEAST),
    )
    size = graph.tensor(graph.inputs[0]).shape[:2]
    return AreaReport(graph.name, size, planned, designs, _parameters(graph))


def _parameters(graph: Graph) -> dict[str, dict[str, int]]:
    """Return parameters as the paper counts them: codes and folded offsets; a trainable batch-norm's factors, alphas."""
    counts: dict[str, dict[str, int]] = {}
    for operator in graph.operators:
        core = area.place(operator.name)[0]
        if core == "head":
            continue
        of_core = counts.setdefault(core, {"frozen": 0, "trainable": 0})
        if isinstance(operator, Convolution):
            of_core["frozen" if operator.frozen else "trainable"] += operator.codes.size + operator.bias.size
        if isinstance(operator, ChannelScale) and operator.name.endswith((".frozen", ".alpha")):
            of_core["trainable"] += operator.codes.size
    return {core: each for core, each in counts.items() if any(each.values())}


def _order(core: str) -> tuple[int, str]:
    known = ["image", "frozen"]
    return (known.index(core), "") if core in known else (2 if core.startswith("core") else 3, core)


def _design_json(report: Report, cores: list[str]) -> dict[str, Any]:
    nj, uw = report.energy()
    return {
        "mm2": _rounded(report.mm2()),
        "cores": {core: _rounded(report.mm2(report.of(core))) for core in cores},
        "stages": {
            f"{core}.{stage}": {**_rounded(report.mm2(parts)), "busy": round(_busy(parts), 3)}
            for core, stage, parts in _by_stage(report)
        },
        "unrolled": sorted({part.stage for part in report.parts if part.unrolled}),
        "mac_nj_per_frame": round(nj, 1),
        "leakage_uw": round(uw, 1),
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}


def _by_stage(report: Report) -> list[tuple[str, str, list[Part]]]:
    places = dict.fromkeys((part.core, part.stage) for part in report.parts)
    ordered = sorted(places, key=lambda place: (_order(place[0]), place[1] != "stem", place[1]))
    return [(core, stage, report.of(core, stage)) for core, stage in ordered]


def _busy(parts: list[Part]) -> float:
    """Return the share of clocks in which multipliers work, weighted by their area."""
    working = [(part.busy, part.logic.adders) for part in parts if part.weights]
    total = sum(weight for _, weight in working)
    return sum(busy * weight for busy, weight in working) / total if total else 0.0


def _stages(report: Report) -> list[str]:
    has_memory = report.library.memory
    shown = SHOWN if has_memory else SHOWN[:1]
    lines = [
        f"{report.name + ', by stage':24}" + "".join(f"{what:>10}" for what in (*shown, "total", "busy", "uJ/frame"))
    ]
    for core, stage, parts in _by_stage(report):
        mm2 = report.mm2(parts)
        numbers = "".join(f"{mm2[what]:10.4f}" for what in (*shown, "total"))
        macs, busy = report.energy(parts)[0] / 1e3, _busy(parts)
        ends = f"{busy:10.0%}{macs:10.2f}" if busy else ""
        lines.append(f"{core + ' ' + stage:24}{numbers}{ends}")
    return lines


# --- Drawing ----------------------------------------------------------------------------------------------------------

ROW, LEFT, WIDTH = 26, 180, 620


def draw(report: AreaReport) -> str:
    """Return bars of mm2: each design, then each stage of the folded one, and the paper's calibration."""
    svg = Svg()
    bars = [(f"{each.name}, total", each.mm2()) for each in report.designs]
    bars.append(("the paper's calibration", {"total": sum(report.paper.values())}))
    folded = report.designs[1]
    stages = [(f"{core} {stage}", folded.mm2(parts)) for core, stage, parts in _by_stage(folded)]
    svg.text(12, 22, f"{report.name} {report.size[0]}x{report.size[1]}: mm2, {folded.library.name}", 14, bold=True)
    y = _bars(svg, 40, bars)
    svg.text(
        12,
        y + 26,
        f"{folded.name}, {report.schedule.design.clocks_per_pixel} clocks per pixel, by stage",
        12,
        bold=True,
    )
    y = _bars(svg, y + 40, stages)
    for i, (name, colour) in enumerate(COLOURS.items()):
        svg.box(LEFT + 110 * i, y + 12, 12, 12, colour)
        svg.text(LEFT + 110 * i + 18, y + 22, {"rows": "line memories"}.get(name, name))
    return svg.document(LEFT + WIDTH + 80, y + 40, "#1d2733")


def _bars(svg: Svg, top: float, bars: list[tuple[str, dict[str, float]]]) -> float:
    most = max(values["total"] for _, values in bars) or 1
    for i, (name, values) in enumerate(bars):
        x, y = float(LEFT), top + ROW * i
        svg.text(LEFT - 8, y + 15, name, anchor="end")
        parts = {what: values[what] for what in SHOWN if what in values} or {"": values["total"]}
        for what, value in parts.items():
            svg.box(
                x, y + 3, WIDTH * value / most, ROW - 8, COLOURS.get(what, "#a0a8b0"), title=f"{what} {value:.4f} mm2"
            )
            x += WIDTH * value / most
        svg.text(x + 6, y + 15, f"{values['total']:.3f}")
    return top + ROW * len(bars)
