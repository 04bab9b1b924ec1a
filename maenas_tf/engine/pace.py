"""How many steps a call of the graph makes, the same on every worker."""

from __future__ import annotations

from collections.abc import Hashable

import tensorflow as tf

from maenas_tf.engine.workers import mean_of_workers


class Pace:
    """Decides once for each graph, from single steps that are timed.

    A call takes as long as the steps that were timed before the decision, so
    that a signal and the progress bar need not wait longer. Workers whose
    calls differed in length would wait for each other for ever: all take the
    mean of their times, and so decide alike. Nothing computed depends on it.

    Args:
        strategy: whose workers decide.
        seconds: how long a call is to take; less than a step takes means one
            step a call.
    """

    def __init__(self, strategy: tf.distribute.Strategy, seconds: float):
        self.strategy = strategy
        self.seconds = seconds
        self._decided: dict[Hashable, int] = {}
        self._timed: dict[Hashable, list[float]] = {}

    def steps(self, mode: Hashable) -> int:
        """Returns how many steps the next call of a graph makes at most."""
        return self._decided.get(mode, 1)

    def note(self, mode: Hashable, seconds: float) -> None:
        """Takes the time of a call of `steps(mode)` steps."""
        if mode in self._decided:
            return
        if mode not in self._timed:
            # The first call traces; it says nothing about the pace.
            self._timed[mode] = []
            return
        timed = self._timed[mode]
        timed.append(mean_of_workers(self.strategy, seconds))
        if sum(timed) >= self.seconds:
            self._decided[mode] = len(timed)
