"""The areas in results/silicon.json."""

import json

from export.hardware import silicon
from sfkeras.experiments import area


def test_the_file_of_areas_is_what_the_estimate_gives():
    """If not: python -m export.hardware.silicon results/silicon.json, then python -m sfkeras.compare results."""
    made = silicon.areas()
    assert json.loads(area.SILICON.read_text()) == made
    assert area.DESIGN in made["mm2"]
