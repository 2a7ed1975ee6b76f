"""The page: all its numbers come out of the results files, and the committed one is what they give."""

import statistics

import numpy as np
import pytest

from sfkeras.experiments import EXPERIMENTS, page, results, tables
from sfkeras.experiments.area import calibrated_mm2, estimated_mm2
from sfkeras.experiments.questions import figure6, repeats
from sfkeras.experiments.tables import estimated_area
from sfkeras.training.run_folder import correct_cases
from tests.sfkeras.experiments.test_results import result


def test_the_committed_page_is_drawn_from_the_committed_results():
    found = {name: results.of_experiment(experiment, page.RESULTS) for name, experiment in EXPERIMENTS.items()}
    assert (page.ROOT / "docs" / "results.md").read_text() == page.text(found)


def test_a_folder_of_results_is_drawn_into_itself_the_same_each_time(tmp_path):
    for seed, accuracy in enumerate((0.8, 0.9, 0.85), 1):
        results.append(tmp_path / "table3.jsonl", result(accuracy=accuracy, seed=str(seed)))
    page.draw(tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"table3.jsonl", "images/table3.png", "results.md"}
    first = {name: (tmp_path / name).read_bytes() for name in names}
    page.draw(tmp_path)
    assert first == {name: (tmp_path / name).read_bytes() for name in names}
    text = (tmp_path / "results.md").read_text()
    estimated = estimated_mm2(result()["recipe"])
    assert f"| One trainable core | 140K | 60K | 140K + 60K | {estimated:.2f} | 2.66 | 2.66 | " in text
    assert " | 85.0 ± 5.0 % (3) | " in text
    assert text.count("0123456789ab") == 3


def test_a_result_that_is_older_than_a_key_has_the_area_of_its_default(tmp_path):
    """Found by mutations: the column read a key that the line did not have."""
    older = result("two_cores")
    del older["recipe"]["network.cores"]
    assert estimated_area(older) == estimated_area(result(**{"network.cores": "2"}))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_draws_from_no_results_and_from_some(name, tmp_path):
    experiment = EXPERIMENTS[name]
    heading, rule, *rows = page.table(experiment, [])
    assert len(rows) == len(experiment.rows)
    assert {line.count("|") for line in (heading, rule, *rows)} == {len(experiment.columns) + 2}
    for row in experiment.rows:
        for task in experiment.tasks:
            results.append(tmp_path / f"{name}.jsonl", {**result(row, task), "experiment": name})
    page.draw(tmp_path)
    assert (tmp_path / "images" / f"{name}.png").stat().st_size > 10_000
    assert experiment.title in (tmp_path / "results.md").read_text()


def test_a_spread_is_the_mean_and_the_deviation_of_the_seeds():
    assert tables.spread([]) == ""
    assert tables.spread([0.5]) == "50.0 %"
    shares = [0.1, 0.2, 0.6]
    assert tables.spread(shares) == f"30.0 ± {100 * statistics.stdev(shares):.1f} % (3)"


def test_an_order_is_in_doubt_within_two_standard_errors():
    none, some = np.zeros((0, 1000), bool), rightly(840)
    assert tables.difference(none, some) == "" == tables.difference(some, none) == tables.points(0.5, None)
    assert tables.difference(rightly(900), rightly(800)) == "yes, +10.0 points"
    assert tables.difference(rightly(800), rightly(900)) == "no, -10.0 points"
    assert tables.difference(some, some) == "in doubt, +0.0 points"


def test_rows_are_compared_on_the_cases_that_they_answer_otherwise():
    """At 86 and 84 % of 1,000 cases two standard errors are 3.2 points if other cases are right, 0.9 if the same are."""
    better, worse = rightly(860), rightly(840)
    assert tables.difference(better, worse) == "yes, +2.0 points"
    assert tables.standard_error(better, worse) == pytest.approx(np.sqrt(0.02 * 0.98 / 999))
    mixed = np.random.default_rng(1).permutation(worse[0])[None]
    assert tables.difference(better, mixed) == "in doubt, +2.0 points"
    assert tables.standard_error(better, mixed) == pytest.approx(np.sqrt((0.86 * 0.14 + 0.84 * 0.16) / 999), rel=0.1)


def test_trainings_that_lie_far_apart_put_an_order_in_doubt():
    near, far, worse = rightly(860, 861, 859), rightly(960, 860, 760), rightly(840)
    assert tables.difference(near, worse) == "yes, +2.0 points"
    assert tables.difference(far, worse) == "in doubt, +2.0 points"
    assert tables.standard_error(far, worse) > np.sqrt(0.1**2 / 3)  # deviation over the root of the trainings


def rightly(*counts):
    """Answers of a training each: so many of 1,000 cases are right, the first ones."""
    return np.arange(1000) < np.array(counts)[:, None]


def test_the_committed_answers_have_the_accuracy_of_their_line():
    for experiment in EXPERIMENTS.values():
        for row in results.of_experiment(experiment, page.RESULTS):
            metric = next(iter(experiment.tasks[row["task"]].metrics))
            if row["answers"]:
                assert correct_cases.unpack(row["answers"]).mean() == pytest.approx(row["accuracy"]["TFLM"][metric])
            else:
                assert metric == "pixel_accuracy"


# ---- what the paper has


@pytest.mark.parametrize(
    "frozen, trainable, paper", [(139_936, 120_384, 4), (139_936, 60_192, 2.66), (139_936, 0, 1.32), (0, 120_384, 2.68)]
)
def test_the_calibration_gives_the_areas_of_table_3(frozen, trainable, paper):
    assert calibrated_mm2(frozen, trainable) == pytest.approx(paper, abs=0.01)


def test_areas_are_estimated_for_whole_cores_of_table_1_only():
    found = {row["row"]: row["recipe"] for row in results.read(page.RESULTS / "table3.jsonl")}
    two, one, frozen = (estimated_mm2(found[row]) for row in ("two_cores", "one_core", "frozen_only"))
    assert two - one == pytest.approx(one - frozen) and 0 < two - one < frozen < 1.32
    assert estimated_mm2(found["shufflenet"]) is estimated_mm2(found["trainable_only"]) is None


@pytest.mark.parametrize("trainable, share", [(2 * 60_192, 0.54), (60_192, 0.70), (0, 1)])
def test_semifreddo_stands_in_fig_6_at_the_share_that_its_cores_leave_frozen(trainable, share):
    assert figure6.frozen_share({"frozen": 139_936, "trainable": trainable}) == pytest.approx(share, abs=0.005)


def test_the_cycle_model_gives_table_2():
    assert repeats.CLOCK_HZ == 61_440_000
    for passes, paper in repeats.TABLE2.items():
        assert round(repeats.frames_per_second(passes)) == paper
    assert repeats.frames_per_second(2, size=(240, 320)) == 400
