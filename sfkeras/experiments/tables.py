"""The columns that tables share, and tables as Markdown. Every number in them comes out of a results file."""

import math
import statistics

import numpy as np

from sfkeras.experiments.area import area_mm2
from sfkeras.experiments.experiment import Column, Task

INT8, FLOAT = "TFLM", "float"


def parameters(part, heading):
    """Parameters of the backbone, in thousands; part is "frozen" or "trainable"."""
    return Column(heading, lambda row, results: thousands(results[0]["parameters"][part]) if results else "")


def thousands(count):
    return f"{count / 1000:.0f}K" if count else "-"


def area():
    """Area by the paper's calibration."""
    return Column("area, mm2", lambda row, results: f"{area_mm2(**results[0]['parameters']):.2f}" if results else "")


def shares(results, task, metric, form=INT8):
    """A metric of a task in one form of the network, of each training among the results."""
    return [result["accuracy"][form][metric] for result in results if result["task"] == task]


def accuracy(task, metric, heading, form=INT8):
    """A metric of a task in one form of the network, over all seeds."""
    return Column(heading, lambda row, results: spread(shares(results, task, metric, form)))


def accuracies(name: str, task: Task):
    """All metrics of a task, int8, and the first one in float beside it."""
    first, *_ = task.metrics
    columns = [accuracy(name, metric, heading) for metric, heading in task.metrics.items()]
    return [*columns, accuracy(name, first, "in float", FLOAT)]


def paper(heading):
    """What the paper has."""
    return Column(heading, lambda row, results: row.paper.get(heading, ""))


def spread(shares):
    """Shares as per cent: their mean, and with several seeds the standard deviation and the number of seeds."""
    if not shares:
        return ""
    mean = f"{100 * statistics.mean(shares):.1f}"
    if len(shares) == 1:
        return f"{mean} %"
    return f"{mean} ± {100 * statistics.stdev(shares):.1f} % ({len(shares)})"


def difference(better, worse):
    """What the answers of two rows say of their order: "yes, +2.1 points", "no, -3.0 points", or "in doubt".

    In doubt is what lies within two standard errors.
    Args:
        better, worse: (trainings, cases), 1 where a case is answered rightly; without trainings the text is empty.
    """
    if not len(better) or not len(worse):
        return ""
    apart = better.mean() - worse.mean()
    verdict = "yes" if apart > 0 else "no"
    return f"{verdict if abs(apart) > 2 * standard_error(better, worse) else 'in doubt'}, {100 * apart:+.1f} points"


def standard_error(better, worse):
    """Standard error of the difference of two rows' shares: of the cases, which both rows answer, and of the trainings.

    A row with one training says nothing of how far another would be from it. Arguments as difference.
    """
    cases = np.var(better.mean(axis=0) - worse.mean(axis=0), ddof=1) / better.shape[1]
    trainings = [np.var(row.mean(axis=1), ddof=1) / len(row) for row in (better, worse) if len(row) > 1]
    return math.sqrt(cases + sum(trainings))


def points(better, worse):
    """A difference of two shares in points; empty if one of them is None."""
    return "" if None in (better, worse) else f"{100 * (better - worse):+.1f}"


def markdown(lines):
    """Returns the lines of a Markdown table of rows of texts; the first row is the headings."""
    rule = ["---"] * len(lines[0])
    return [f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]]]
