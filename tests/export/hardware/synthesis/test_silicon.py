"""results/silicon.json and docs/silicon.md: up to date, and within what is promised."""

import json
import re

import numpy as np
import pytest

from export.hardware.estimate import cells
from export.hardware.estimate.cells import LIBRARIES, Logic
from export.hardware.synthesis import measured, page, silicon
from sfkeras import places
from sfkeras.experiments import area

RESULTS = json.loads(area.SILICON.read_text())


def test_the_file_of_areas_is_what_the_estimate_gives():
    """If not: python -m export.hardware.synthesis.silicon, then python -m sfkeras.compare results; for another core, first make
    silicon LIBERTY=FOLDER."""
    made = silicon.areas() | {"synthesis": silicon.refreshed(RESULTS["synthesis"])}
    assert RESULTS == json.loads(json.dumps(made))
    assert area.DESIGN in made["mm2"]


def test_the_page_is_written_from_it():
    assert (places.workplace() / silicon.PAGE).read_text() == page.of(RESULTS)


@pytest.mark.parametrize("library", RESULTS["synthesis"])
def test_estimates_are_within_ten_percent_of_synthesis(library):
    """Per kind of block, per stage, and in total."""
    groups = RESULTS["synthesis"][library]["groups"]
    for by in ("kind", "place"):
        for key, (estimated, made) in measured.ratios(groups, library, by).items():
            assert estimated == pytest.approx(made, rel=0.1), key


def test_energy_is_near_what_a_photo_costs():
    """The estimate takes one energy for all stages, which is near their mean."""
    stages = RESULTS["synthesis"]["asap7"]["power"]
    assert [re.search(r"stage\d", each["block"])[0] for each in stages] == ["stage1", "stage2", "stage3", "stage4"]
    assert all(each["activity"] < 0.2 and each["fj_per_mac"] < each["fj_per_mac_at_0.2"] for each in stages)
    assert np.mean([each["fj_per_mac"] for each in stages]) == pytest.approx(cells.FOLDED_FJ, rel=0.1)


@pytest.mark.parametrize("library", RESULTS["synthesis"])
def test_a_hardwired_weight_is_a_fifth_of_a_multiplier(library):
    found = RESULTS["synthesis"][library]["hardwired"]
    matrix, booth = (LIBRARIES[library].nands(Logic(*found[key])) for key in ("matrix", "booth of 1"))
    assert booth / found["shape"][1] >= 5 * matrix / (found["shape"][0] * found["shape"][1])
