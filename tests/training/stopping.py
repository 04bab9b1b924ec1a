"""Signals for the tests of runs that are stopped and go on."""

from __future__ import annotations

from maenas_tf.engine.signals import SignalWatch


class AfterSteps(SignalWatch):
    """Asks to stop when it has been looked at so many times."""

    def __init__(self, count: int):
        self.count = count

    @property
    def received(self) -> str | None:
        """What asks to stop; looking at it counts."""
        self.count -= 1
        return "SIGTERM" if self.count < 0 else None
