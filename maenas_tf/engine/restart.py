"""Which of several runs of a loop one is."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Restart:
    """One of several runs with the same epochs; most are the only one.

    Attributes:
        number: of the run, from 0.
        count: of the runs.
    """

    number: int = 0
    count: int = 1

    @property
    def words(self) -> str:
        """What stands before an epoch in messages, "" for the only one."""
        if self.count == 1:
            return ""
        return f"restart {self.number + 1}/{self.count}, "

    @property
    def num_later(self) -> int:
        """How many are to come."""
        return self.count - self.number - 1


# Of most runs.
ONLY_ONE = Restart()
