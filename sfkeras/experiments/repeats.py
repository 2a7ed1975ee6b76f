"""Repeats (section 3.4, Fig. 5, Table 2): what passing the last module again gains in accuracy and costs in speed."""

from sfkeras.experiments import tables
from sfkeras.experiments.experiment import LFW, Column, Experiment, Row

VGA = (480, 640)
CLOCK_HZ = 480 * 640 * 200  # 61.44 MHz: the clock at which one pass at a pixel a clock gives Table 2's 200 frames
TABLE2 = {1: 200, 2: 100, 3: 67, 4: 50, 5: 40, 6: 33}


def frames_a_second(repeats, size=VGA, clock_hz=CLOCK_HZ):
    """Returns the upper bound of frames a second.

    The pipeline takes a pixel a clock. A repeat needs the module's multipliers again, with other weights, after the
    frame's last line: so each pass takes as long as the frame itself.
    Args:
        repeats: passes through the last module.
        size: (height, width) of the frame, in pixels.
    """
    height, width = size
    return clock_hz / (repeats * height * width)


def frames_table():
    """Table 2 by the cycle model, beside the paper's: rows of texts, the first are headings."""
    rows = [["passes", "clocks a frame", "frames a second", "paper"]]
    for repeats, paper in TABLE2.items():
        clocks = repeats * VGA[0] * VGA[1]
        rows.append([str(repeats), f"{clocks:,}", f"{frames_a_second(repeats):.1f}", str(paper)])
    return rows


def frames_section():
    """The lines of Table 2 on the page."""
    return [
        "## Table 2: repeats and frames a second at 640x480",
        "",
        f"A pixel a clock at {CLOCK_HZ / 1e6:.2f} MHz; each pass takes as long as the frame. Computed, not trained.",
        "",
        "`python -m sfkeras.compare table2`",
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
    return f"{frames_a_second(int(row.words['network.repeats'])):.0f}"


EXPERIMENT = Experiment(
    "repeats",
    "Repeats: faces with 1 to 4 passes through the last module",
    "How much does cycling the last module over the same multipliers gain (section 5, repeatable blocks), at how many frames "
    "a second of Table 2?",
    {"lfw": LFW},
    {f"passes{repeats}": _row(repeats) for repeats in PAPER},
    (
        tables.parameters("trainable", "trainable"),
        Column("frames a second", _frames),
        *tables.accuracies("lfw", LFW),
        tables.paper("paper: faces"),
    ),
    order=tuple((f"passes{more}", f"passes{more - 1}") for more in list(PAPER)[1:]),
)
