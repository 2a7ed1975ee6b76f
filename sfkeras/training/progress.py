"""What a training is at: a line at least every ten seconds, with the time that is left."""

import contextlib
import sys
import time

from sfkeras import at_work
from sfkeras.at_work import INTERVAL

PHASES = ("start", "data and network", "float", "fixed8", "results", "export and proof")


class Progress:
    """Announce the phases of a training, and print how far each is.

    Args:
        is_silent: bool. Whether nothing is printed, as in workers other than the chief.
    """

    def __init__(self, is_silent=False):
        self.is_silent = is_silent

    @contextlib.contextmanager
    def phase(self, name, work=()):
        """Announce a phase, and print how far it is until it ends.

        Args:
            name: one of PHASES.
            work: how much there is to do in each epoch that is left, such as pixels; none if the
                phase has no epochs.
        """
        self.name, self.work, self.done = name, list(work), 0.0
        self.start, self.first_step = time.monotonic(), None
        epochs = f": {len(self.work)} epoch{'s' * (len(self.work) != 1)}" if self.work else ""
        self.say(f"phase {PHASES.index(name) + 1} of {len(PHASES)}, {name}{epochs}")
        with at_work.every(INTERVAL, lambda: self.say(f"  {self.name}: {self.state(time.monotonic())}")):
            yield

    def step(self, epochs_left, share):
        """Count a training step.

        Args:
            epochs_left: int. Epochs that are not complete, this one among them.
            share: float. Share of its epoch that this step is.
        """
        if self.first_step is None:  # it includes the tracing, so that it says nothing about the others
            self.first_step = time.monotonic()
        else:
            self.done += self.work[-epochs_left] * share

    def state(self, now):
        """Return how far the phase is, as text."""
        if self.work and self.first_step is None:
            return f"preparing the first step, {now - self.start:.0f} s"
        if not self.work or not self.done:
            return f"at work, {now - self.start:.0f} s"
        share = min(1, self.done / sum(self.work))
        return f"{share:.0%}, about {duration((now - self.first_step) * (1 - share) / share)} left"

    def say(self, text):
        """Print a line, unless Keras prints a bar in the terminal."""
        has_bar = self.first_step is not None and sys.stdout.isatty()
        if not self.is_silent and not has_bar:
            print(text, flush=True)


def duration(seconds):
    """Return seconds as text: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
