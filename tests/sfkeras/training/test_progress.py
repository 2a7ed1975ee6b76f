"""What a training says while it works: each phase, never silent for long, and the time that is left."""

import pytest

from sfkeras.training import progress
from sfkeras.training.progress import Progress, duration


def test_a_phase_is_announced_and_never_silent_for_long(capsys, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    watched = Progress()
    with watched.phase("export and proof"):
        watched.start -= 12
        progress.time.sleep(0.2)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "phase 6 of 6, export and proof" and "  export and proof: at work, 12 s" in said


def test_the_time_left_counts_how_much_each_epoch_has_to_do():
    watched = Progress(is_silent=True)
    with watched.phase("float", [100, 300]):
        assert watched.state(watched.start + 20) == "preparing the first step, 20 s"
        for _ in range(11):
            watched.step(epochs_left=2, share=0.1)
        assert watched.state(watched.first_step + 40) == "25%, about 2 min left"
        watched.step(epochs_left=1, share=0.5)
        assert watched.state(watched.first_step + 50) == "62%, about 30 s left"


def test_a_worker_that_is_not_the_chief_says_nothing(capsys):
    with Progress(is_silent=True).phase("fixed8", [1]):
        pass
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("seconds, text", [(40, "40 s"), (200, "3 min"), (9000, "2.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text
