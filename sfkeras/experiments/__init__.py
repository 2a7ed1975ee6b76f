"""The paper's experiments: each is a list of recipes and the columns of a table (experiment.py says how to write one).

experiment.py   what an experiment is made of
runner.py       trains what has no result yet
results.py      the results files, a line of JSON a training
page.py         docs/results.md and its pictures, from the results files alone
"""

from sfkeras.experiments import ablations, figure6, repeats, schemes, table3, three_tasks

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        table3.EXPERIMENT,
        figure6.EXPERIMENT,
        repeats.EXPERIMENT,
        ablations.EXPERIMENT,
        schemes.EXPERIMENT,
        three_tasks.EXPERIMENT,
    )
}
