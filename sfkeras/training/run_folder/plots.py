"""Plots of a training: its curves, and how much the trainable cores use the frozen one."""

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sfkeras import atomic_file

INK, FAINT, TINT = "#20242b", "#8a919c", "#eef1f5"
TRAINING, VALIDATION = "#2a6fbb", "#d9722e"
CORES = ("#2a6fbb", "#d9722e", "#2f8f6b", "#9b59a6", "#b8930b", "#5f6b7a")
PERCENT = FuncFormatter(lambda share, _: f"{100 * share:.4g}%")  # 60%, not 60.0%, also where the range is small
STYLE = {"dpi": 120, "facecolor": "white", "layout": "constrained"}


def curves(path, rows):
    """Plot the loss and every metric per epoch, one panel each.

    Phases after the first have a tinted background.

    Args:
        path: PNG file to write.
        rows: list of dicts, one per epoch in order, with numbers and "phase" ("float", "qat").
            `val_x` is drawn in the panel of `x`. A number that is missing in a row leaves a gap.
            Rows are counted, because "epoch" restarts in each phase.
    Raises: ValueError if there is no number to plot.
    """
    names = list(dict.fromkeys(name.removeprefix("val_") for row in rows for name in row if name not in MARKS))
    if not names:
        raise ValueError(f"{path}: the rows have no loss and no metric to plot")
    names.sort(key=lambda name: name != "loss")  # the loss first, the others in their order
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.9 * lines + 0.3), **STYLE)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        draw_curve(panel, rows, name)
    for panel in panels[len(names) :]:
        panel.axis("off")
    save(figure, path)


MARKS = ("epoch", "phase", "seconds")  # not plotted as curves


def draw_curve(panel, rows, name):
    """Draw one number per epoch, of training and, if there is one, of validation."""
    epochs = np.arange(1, len(rows) + 1)
    plain(panel, name.replace("_", " "))
    for key, label, colour in (name, "training", TRAINING), (f"val_{name}", "validation", VALIDATION):
        values = np.array([row.get(key, np.nan) for row in rows], float)
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            panel.plot(epochs, values, color=colour, label=label, linewidth=1.8, marker="o", markersize=2.5)
            end = epochs[known[-1]], values[known[-1]]
            offset = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
            panel.annotate(f"{end[1]:.3g}", end, **offset, color=colour, fontsize=8)
    if len(panel.lines) > 1:
        panel.legend(frameon=False, fontsize=8, labelcolor=INK)
    tint_phases(panel, rows)
    panel.set(xlim=(0.5, 1.14 * len(rows) + 0.5), xlabel="epoch")  # with space for the last value
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10], min_n_ticks=1))


def tint_phases(panel, rows):
    """Tint the epochs of each phase after the first, and label the phase."""
    phases = list(dict.fromkeys(row.get("phase") for row in rows))
    for phase in phases[1:]:
        epochs = [epoch for epoch, row in enumerate(rows, 1) if row.get("phase") == phase]
        left = min(epochs) - 0.5
        panel.axvspan(left, max(epochs) + 0.5, color=TINT, zorder=0, linewidth=0)
        panel.axvline(left, color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)))
        panel.text(left, 1.01, f" {phase}", transform=panel.get_xaxis_transform(), color=FAINT, fontsize=8)


def alphas(path, blends):
    """Plot how much each trainable core uses the frozen one (section 3.2, equation 1), one panel
    per stage.

    Each line is the sorted alphas of one blend: at 1 a channel is the frozen core's, at 0 the
    trainable core's own.

    Args:
        path: PNG file to write.
        blends: {"core1.stage2": alphas}, each an array (channels,) in [0, 1], or a number if alpha
            is fixed.
    Raises: ValueError if there is no blend.
    """
    if not blends:
        raise ValueError(f"{path}: there are no alphas to plot")
    stages = list(dict.fromkeys(name.partition(".")[2] for name in blends))
    cores = list(dict.fromkeys(name.partition(".")[0] for name in blends))
    figure = Figure(figsize=(2.9 * len(stages) + 0.9, 3.5), **STYLE)
    panels = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for panel, stage in zip(panels, stages, strict=True):
        plain(panel, stage)
        for order, core in enumerate(cores):
            if f"{core}.{stage}" in blends:
                draw_alphas(panel, blends[f"{core}.{stage}"], core, CORES[order % len(CORES)])
        panel.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="channels, sorted", xticks=[0, 0.5, 1])
        panel.xaxis.set_major_formatter(PERCENT)
        panel.legend(frameon=False, fontsize=8, loc="lower left", labelcolor=INK)
    panels[0].set_yticks([0, 0.25, 0.5, 0.75, 1], ["own  0", "0.25", "alpha  0.5", "0.75", "frozen  1"])
    save(figure, path)


def draw_alphas(panel, values, core, colour):
    """Draw the sorted alphas of one blend as a line, and their mean dashed."""
    values = np.sort(np.ravel(values))[::-1]
    share = (np.arange(values.size) + 0.5) / values.size
    mean = float(values.mean())
    line = np.r_[values[0], values, values[-1]]
    panel.plot(np.r_[0, share, 1], line, color=colour, linewidth=2, label=f"{core}: mean {mean:.2f}")
    panel.axhline(mean, color=colour, linewidth=1, linestyle=(0, (4, 3)), alpha=0.7)


def dots(path, panels):
    """Plot shares from 0 to 1 of several rows: one dot per share, their mean as a line, and the
    paper's value as a ring.

    Args:
        path: PNG file to write.
        panels: {title: [(row, [shares], the paper's share or None), ...]}, with the same rows in
            each.
    Raises: ValueError if there is no share to plot.
    """
    measured = {title: rows for title, rows in panels.items() if any(shares for _, shares, _ in rows)}
    if not measured:
        raise ValueError(f"{path}: there is no result to plot")
    names = [name for name, *_ in next(iter(measured.values()))]
    figure = Figure(figsize=(2.6 + 3.6 * len(measured), 1.1 + 0.36 * len(names)), **STYLE)
    axes = figure.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for panel, (title, rows) in zip(axes, measured.items()):
        plain(panel, title)
        panel.grid(axis="x", color=FAINT, alpha=0.25, linewidth=0.6)
        for place, (_, shares, paper) in enumerate(rows):
            if shares:
                panel.plot(shares, [place] * len(shares), "o", color=TRAINING, markersize=5, label="measured")
                panel.plot([np.mean(shares)] * 2, [place - 0.3, place + 0.3], color=TRAINING, linewidth=1.6)
            if paper is not None:
                panel.plot(paper, place, "o", markerfacecolor="none", color=VALIDATION, markersize=6, label="paper")
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.xaxis.set_major_formatter(PERCENT)
        known = dict(zip(*reversed(panel.get_legend_handles_labels())))  # each name once
        panel.legend(known.values(), known.keys(), frameon=False, fontsize=8, labelcolor=INK)
    axes[0].set_yticks(range(len(names)), names)
    save(figure, path)


def against(path, label, panels):
    """Plot numbers against a share, one panel per title and one colour per series.

    Lines join the means.

    Args:
        path: PNG file to write.
        label: label of the horizontal axis.
        panels: {title: {series: [(share from 0 to 1, number), ...]}}, with the same series in each.
    """
    figure = Figure(figsize=(0.6 + 3.4 * len(panels), 3.6), **STYLE)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, (title, series) in zip(axes, panels.items()):
        plain(panel, title)
        for colour, (name, points) in zip(CORES, series.items()):
            means = {share: np.mean([number for other, number in points if other == share]) for share, _ in points}
            if means:
                panel.plot(*zip(*points), "o", color=colour, markersize=5)
                panel.plot(*zip(*sorted(means.items())), color=colour, linewidth=1.6, label=name)
        panel.set(xlim=(-0.04, 1.04), xlabel=label)
        panel.xaxis.set_major_formatter(PERCENT)
    # Below the panels, because no corner inside a panel is always free.
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, frameon=False, fontsize=8, loc="outside lower center", ncols=len(CORES), labelcolor=INK)
    save(figure, path)


def plain(panel, title):
    """Give a panel a title, a light grid and no frame."""
    panel.set_title(title, loc="left", color=INK, fontsize=10, fontweight="bold", pad=14)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(FAINT)
    panel.tick_params(colors=INK, labelsize=8, color=FAINT)
    panel.xaxis.label.set(color=INK, fontsize=8)
    panel.yaxis.label.set(color=INK, fontsize=8)
    panel.grid(axis="y", color=FAINT, alpha=0.25, linewidth=0.6)
    panel.set_axisbelow(True)


def save(figure, path):
    """Write the PNG atomically. Equal numbers give equal bytes."""
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    atomic_file.write(path, png.getvalue())
