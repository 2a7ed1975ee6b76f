"""The figures of a report as SVG, drawn by matplotlib from the report's JSON.

Text stays text. Colours are replaced by variables of the page's style sheet, so that one drawing suits a light and a dark
page. The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

INK, FAINT, TINT, FIRST, SECOND, THIRD = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
VARIABLES = {INK: "ink", FAINT: "faint", TINT: "tint", FIRST: "first", SECOND: "second", THIRD: "third"}
PHONE, WIDE = 3.5, 5.0  # inches: text stays readable where the page is narrow
PERCENT = FuncFormatter(lambda share, _: f"{100 * share:.4g}%")
BYTES = EngFormatter(unit="B", sep=" ")
NOT_CURVES = ("epoch", "phase", "seconds", "revived")


def figure(width: float = PHONE, height: float = 2.6) -> tuple[Figure, Axes]:
    made = Figure(figsize=(width, height), layout="constrained")
    made.patch.set_alpha(0)
    panel = made.subplots()
    panel.patch.set_alpha(0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(FAINT)
    panel.tick_params(colors=INK, labelsize=8, color=FAINT)
    panel.grid(axis="y", color=FAINT, alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    return made, panel


def svg(made: Figure, label: str) -> str:
    """Return a figure as an SVG element with a label for screen readers."""
    for panel in made.axes:
        panel.xaxis.label.set(color=INK, fontsize=8)
        panel.yaxis.label.set(color=INK, fontsize=8)
        if legend := panel.get_legend():
            legend.set_frame_on(False)
            for entry in legend.get_texts():
                entry.set(color=INK, fontsize=8)
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label, "font.family": "sans-serif"}):
        made.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = re.sub(r"(?s)^.*?(?=<svg)|<metadata>.*?</metadata>", "", file.getvalue())
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", text)
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--{name})")
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', text, count=1)


def curves(epochs: list[dict[str, Any]], tested: Collection[str]) -> list[tuple[str, str]]:
    """Return a figure per loss and metric, training and test in one panel: (title, SVG).

    Args:
        epochs: loss and metrics of each epoch, by name; those of Keras' validation begin with val_.
        tested: metrics that are measured on test images; all others are of training images.
    """
    names = dict.fromkeys(name.removeprefix("val_") for row in epochs for name in row if name not in NOT_CURVES)
    ordered = sorted(names, key=lambda name: name != "loss")
    return [(name.replace("_", " "), _curve(epochs, name, name in tested)) for name in ordered]


def _curve(epochs: list[dict[str, Any]], name: str, is_tested: bool) -> str:
    made, panel = figure()
    x = np.arange(1, len(epochs) + 1)
    for key, label, colour in (name, "test" if is_tested else "training", FIRST), (f"val_{name}", "test", SECOND):
        values = np.array([row.get(key, np.nan) for row in epochs], float)
        if np.isfinite(values).any():
            panel.plot(x, values, color=colour, label=label, linewidth=1.8, marker="o", markersize=2.5)
    phases = [row.get("phase") for row in epochs]
    for phase in list(dict.fromkeys(phases))[1:]:
        left = phases.index(phase) + 0.5
        panel.axvspan(left, len(epochs) + 0.5, color=TINT, zorder=0, linewidth=0)
        panel.text(left, 1.01, f" {phase}", transform=panel.get_xaxis_transform(), color=INK, fontsize=8)
    panel.set(xlim=(0.5, len(epochs) + 0.5), xlabel="epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    panel.legend()
    return svg(made, f"{name.replace('_', ' ')} by epoch")


def roc(judged: dict[str, Any]) -> str:
    made, panel = figure(height=3.2)
    far, tar = zip(*judged["roc"])
    panel.plot(far, tar, color=FIRST, linewidth=1.8, drawstyle="steps-post")
    panel.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    here = judged["false_accept_rate"], 1 - judged["false_reject_rate"]
    panel.plot(*here, "o", color=SECOND, markersize=6, label=f"threshold {judged['threshold']:.3f}")
    panel.set(xlabel="pairs of two people that are accepted", ylabel="pairs of one person that are accepted")
    panel.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    panel.xaxis.set_major_formatter(PERCENT)
    panel.yaxis.set_major_formatter(PERCENT)
    panel.legend(loc="lower right")
    return svg(made, "ROC curve")


def alphas(stage: str, blends: dict[str, dict[str, Any]]) -> str:
    """Return the sorted alphas of the trainable cores in a stage, before QAT thin and as deployed thick."""
    made, panel = figure()
    for colour, (core, values) in zip((FIRST, SECOND, THIRD) * 2, blends.items()):
        deployed = np.sort(values["deployed"])[::-1]
        x = (np.arange(len(deployed)) + 0.5) / len(deployed)
        panel.plot(x, deployed, color=colour, linewidth=2, label=f"{core}, deployed: mean {deployed.mean():.2f}")
        if values["float"]:
            before = np.sort(values["float"])[::-1]
            x = (np.arange(len(before)) + 0.5) / len(before)
            panel.plot(x, before, color=colour, linewidth=1, linestyle=":", label=f"{core}, float")
    panel.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="channels, sorted", ylabel="alpha: 1 is frozen")
    panel.xaxis.set_major_formatter(PERCENT)
    panel.legend()
    return svg(made, f"alphas of {stage}")


def memory(memory: dict[str, Any]) -> str:
    made, panel = figure(width=WIDE)
    base = memory["shared"] + memory["sums"]
    lines = np.arange(memory["lines"] + 1)
    used = np.append(memory["kept_in_use"], memory["kept_in_use"][-1:])
    panel.fill_between(
        lines, base, base + used, color=FIRST, alpha=0.35, step="post", linewidth=0, label="kept rows in use"
    )
    panel.fill_between(lines, 0, base, color=SECOND, alpha=0.5, linewidth=0, label="newest rows and sums")
    panel.axhline(base + memory["kept"], color=INK, linewidth=1, linestyle="--", label="reserved")
    panel.set(xlim=(0, memory["lines"]), ylim=(0, None), xlabel="line")
    panel.yaxis.set_major_formatter(BYTES)
    panel.legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1.0))
    return svg(made, "memory in use, line by line")


def schedule(stages: list[dict[str, Any]]) -> str:
    """Return in which lines each stage runs, and which share of the MACs it has."""
    made, panel = figure(width=WIDE, height=min(6.5, 0.6 + 0.09 * len(stages)))
    most = max((stage["macs"] for stage in stages), default=0) or 1
    for i, stage in enumerate(stages):
        width = stage["last_line"] - stage["first_line"] + 1
        panel.barh(
            i, width, left=stage["first_line"], height=0.8, color=FIRST, alpha=0.25 + 0.75 * stage["macs"] / most
        )
    panel.set(ylim=(len(stages) - 0.5, -0.5), xlabel="line", ylabel="stages, in their order")
    panel.grid(axis="x", color=FAINT, alpha=0.3, linewidth=0.6)
    panel.set_yticks([])
    return svg(made, "lines in which each stage runs")
