"""The columns that tables share, and tables as Markdown.

All of their numbers come from a results file.
"""

import functools
import math
import statistics

import numpy as np

from sfkeras.experiments.area import calibrated_mm2, estimated_mm2
from sfkeras.experiments.experiment import Column, Task
from sfkeras.experiments.results import recipe_of, texts

INT8, FLOAT = "TFLM", "float"
ESTIMATE, CALIBRATION = "area, mm2, estimated", "area by the paper's calibration"


def parameters(part, heading):
    """Return a column of the backbone's parameters, in thousands.

    `part` is "frozen" or "trainable".
    """
    return Column(heading, lambda row, results: thousands(results[0]["parameters"][part]) if results else "")


def thousands(count):
    """Return a count in thousands, as text."""
    return f"{count / 1000:.0f}K" if count else "-"


def areas():
    """Return columns of the silicon area: our estimate, and by the paper's area per parameter."""
    headings = {ESTIMATE: estimated_area, CALIBRATION: calibrated_area}
    return tuple(Column(heading, functools.partial(_area, of)) for heading, of in headings.items())


def _area(of, row, results):
    area = of(results[0]) if results else None
    return "" if area is None else f"{area:.2f}"


def estimated_area(result):
    """Return the area of a training's backbone that we estimate, in mm2, without heads; None if there is no estimate."""
    return estimated_mm2(texts(recipe_of(result)))  # with keys that are newer than the result


def calibrated_area(result):
    """Return the area of a training's backbone by the paper's calibration, in mm2, without heads, as in Table 3."""
    return calibrated_mm2(result["parameters"]["frozen"], result["parameters"]["trainable"])


def shares(results, task, metric, form=INT8):
    """Return a metric of a task in one form of the network, of each training among the results."""
    return [result["accuracy"][form][metric] for result in results if result["task"] == task]


def accuracy(task, metric, heading, form=INT8):
    """Return a column of a task's metric in one form of the network, over all seeds."""
    return Column(heading, lambda row, results: spread(shares(results, task, metric, form)))


def accuracies(name: str, task: Task):
    """Return columns of all metrics of a task, int8, and of the first metric in float."""
    first, *_ = task.metrics
    columns = [accuracy(name, metric, heading) for metric, heading in task.metrics.items()]
    return [*columns, accuracy(name, first, "in float", FLOAT)]


def paper(heading):
    """Return a column of the paper's text."""
    return Column(heading, lambda row, results: row.paper.get(heading, ""))


def spread(shares):
    """Return shares in per cent, as text: their mean, and with several seeds the standard deviation
    and the number of seeds.
    """
    if not shares:
        return ""
    mean = f"{100 * statistics.mean(shares):.1f}"
    if len(shares) == 1:
        return f"{mean} %"
    return f"{mean} ± {100 * statistics.stdev(shares):.1f} % ({len(shares)})"


def difference(better, worse):
    """Return the measured order of two rows as text: "yes, +2.1 points", "no, -3.0 points", or "in
    doubt".

    A difference within two standard errors is in doubt.

    Args:
        better, worse: (trainings, cases), 1 where a case is correct. Without trainings the text is
            empty.
    """
    if not len(better) or not len(worse):
        return ""
    apart = better.mean() - worse.mean()
    verdict = "yes" if apart > 0 else "no"
    return f"{verdict if abs(apart) > 2 * standard_error(better, worse) else 'in doubt'}, {100 * apart:+.1f} points"


def standard_error(better, worse):
    """Return the standard error of the difference of two rows' shares: of the cases, which both
    rows share, and of the trainings.

    The spread between trainings is unknown for a row with one training, and counts as 0. Args: as
    difference.
    """
    cases = np.var(better.mean(axis=0) - worse.mean(axis=0), ddof=1) / better.shape[1]
    trainings = [np.var(row.mean(axis=1), ddof=1) / len(row) for row in (better, worse) if len(row) > 1]
    return math.sqrt(cases + sum(trainings))


def points(better, worse):
    """Return the difference of two shares in points, as text; empty if one of them is None."""
    return "" if None in (better, worse) else f"{100 * (better - worse):+.1f}"


def markdown(lines):
    """Return the lines of a Markdown table. The first row of texts is the headings."""
    rule = ["---"] * len(lines[0])
    return [f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]]]
