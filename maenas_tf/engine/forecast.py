"""How long what is left of a run will take."""

from __future__ import annotations

import collections
from collections.abc import Hashable, Mapping

# Of the calls that tell the present pace.
_PACE_SECONDS = 300.0


class Forecast:
    """Tells the time left from the calls of the graph so far.

    Steps of another mode take another time: half of a search moves no alphas.
    The first call in each mode traces and says nothing about the others.

    Args:
        steps: of an epoch.
        modes: epoch to the mode of its steps, of all epochs to come.
        later_epochs: to come after these, of which nothing is known; they are
            taken for as long as these are in the mean.
        before: of a loop that called the same graphs; what it has timed is
            known here.
    """

    def __init__(
        self,
        steps: int,
        modes: Mapping[int, Hashable],
        later_epochs: int = 0,
        before: Forecast | None = None,
    ):
        self.steps = steps
        self.modes = modes
        self.later_epochs = later_epochs
        self._calls: dict[Hashable, collections.deque] = {}
        self._ends: list[float] = []
        if before is not None:
            self._calls, self._ends = before._calls, before._ends

    def note(self, mode: Hashable, steps: int, seconds: float) -> None:
        """Takes the time of a call of so many steps."""
        if mode not in self._calls:
            self._calls[mode] = collections.deque()
            return
        calls = self._calls[mode]
        calls.append((steps, seconds))
        while self.timed(mode) - calls[0][1] > _PACE_SECONDS:
            calls.popleft()

    def note_end(self, seconds: float) -> None:
        """Takes the time of an epoch that went into no step."""
        self._ends.append(seconds)

    def timed(self, mode: Hashable) -> float:
        """Returns the seconds by which the pace in a mode is known."""
        return sum(seconds for _, seconds in self._calls.get(mode, ()))

    def seconds_left(self, epoch: int, step: int) -> float | None:
        """Returns the time that is left, or None where none can be told.

        Args:
            epoch: the present one.
            step: so many of its steps are done.
        """
        paces = {mode: self._pace(mode) for mode in self.modes.values()}
        left = [e for e in self.modes if e >= epoch]
        if not left or None in paces.values():
            return None
        each = [self.steps * paces[self.modes[e]] for e in left]
        total = sum(each) - step * paces[self.modes[epoch]]
        count = len(left) + self.later_epochs
        total += (
            self.later_epochs
            * self.steps
            * _mean([paces[mode] for mode in self.modes.values()])
        )
        return total + (count * _mean(self._ends) if self._ends else 0.0)

    def _pace(self, mode: Hashable) -> float | None:
        """Returns the seconds of a step, or None."""
        calls = self._calls.get(mode)
        if not calls:
            return None
        return self.timed(mode) / sum(count for count, _ in calls)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
