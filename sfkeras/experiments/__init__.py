"""The paper's experiments. Each is a list of recipes and the columns of a table.

experiment.py   the parts of an experiment, and how to write one
questions/      the experiments, one per file
runner.py       trains what has no result yet
results.py      the results files, one line of JSON per training
page.py         docs/results.md and its plots, from the results files only
"""

from sfkeras.experiments.questions import ablations, bits, figure6, repeats, schemes, table3, three_tasks, transfer

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        table3.EXPERIMENT,
        figure6.EXPERIMENT,
        repeats.EXPERIMENT,
        ablations.EXPERIMENT,
        schemes.EXPERIMENT,
        three_tasks.EXPERIMENT,
        transfer.EXPERIMENT,
        bits.EXPERIMENT,
    )
}
