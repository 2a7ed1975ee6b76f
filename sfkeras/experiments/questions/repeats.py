"""Repeats (section 3.4, Fig. 5, Table 2): accuracy and speed with several passes through the last
module.
"""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, Column, Experiment, Row

VGA = (480, 640)
CLOCK_HZ = 480 * 640 * 200  # 61.44 MHz: with one pixel per clock, one pass gives Table 2's 200 frames per second
TABLE2 = {1: 200, 2: 100, 3: 67, 4: 50, 5: 40, 6: 33}


def frames_per_second(repeats, size=VGA, clock_hz=CLOCK_HZ):
    """Return the upper bound of frames per second.

    The pipeline reads one pixel per clock. Another pass needs the module's multipliers again, with
    other weights, after the last line of the frame. So each pass takes as long as the frame itself.

    Args:
        repeats: passes through the last module.
        size: (height, width) of the frame, in pixels.
        clock_hz: clock frequency in Hz.
    """
    height, width = size
    return clock_hz / (repeats * height * width)


def frames_table():
    """Return Table 2 by the cycle model, with the paper's numbers: rows of texts, first the
    headings.
    """
    rows = [["passes", "clocks per frame", "frames per second", "paper"]]
    for repeats, paper in TABLE2.items():
        clocks = repeats * VGA[0] * VGA[1]
        rows.append([str(repeats), f"{clocks:,}", f"{frames_per_second(repeats):.1f}", str(paper)])
    return rows


def frames_section():
    """Return the lines of Table 2 on the page."""
    return [
        "## Table 2: repeats and frames per second at 640x480",
        "",
        f"One pixel per clock at {CLOCK_HZ / 1e6:.2f} MHz. Each pass takes as long as the frame. Computed, not measured.",
        "",
        "`sfkeras compare-experiments table2`",
        "",
        *tables.markdown(frames_table()),
        "",
    ]


PAPER = {1: "88 %", 2: "96 %", 3: "up to 2 points more", 4: "up to 2 points more"}
DRAWN = {1: 0.88, 2: 0.96}


def _row(repeats):
    drawn = {"lfw": DRAWN[repeats]} if repeats in DRAWN else {}
    words = {"network.repeats": str(repeats)}
    return Row(f"{repeats} pass{'es' * (repeats > 1)}", words, {"paper: faces": PAPER[repeats]}, drawn)


def _frames(row, results):
    return f"{frames_per_second(int(row.words['network.repeats'])):.0f}"


EXPERIMENT = Experiment(
    "repeats",
    "Repeats: faces with 1 to 4 passes through the last module",
    "How much accuracy does repeating the last module on the same multipliers gain (section 5, repeatable blocks), and how "
    "many frames per second remain (Table 2)?",
    {"lfw": LFW},
    {f"passes{repeats}": _row(repeats) for repeats in PAPER},
    (
        tables.parameters("trainable", "trainable"),
        Column("frames per second", _frames),
        *tables.accuracies("lfw", LFW),
        tables.paper("paper: faces"),
    ),
    order=tuple((f"passes{more}", f"passes{more - 1}") for more in list(PAPER)[1:]),
)
