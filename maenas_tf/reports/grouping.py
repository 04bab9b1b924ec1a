"""Runs that differ in nothing but the seed, as groups."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.runs.run_record import RunRecord

# What may differ within a group, besides where the data lie.
_NOT_SETTINGS = ("seed", "data_dir")
ALL = "all runs"


@dataclasses.dataclass(frozen=True)
class Spread:
    """Figures of several runs.

    Attributes:
        n: how many.
        mean: of them.
        deviation: the sample standard deviation (n - 1), nan for one run.
    """

    n: int
    mean: float
    deviation: float

    def __str__(self) -> str:
        if self.n < 2:
            return f"{number(self.mean)} (n={self.n})"
        return (
            f"{number(self.mean)} ± {number(self.deviation, self.mean)} "
            f"(n={self.n})"
        )


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs of the same settings.

    Attributes:
        values: setting to value, of the settings that make the groups.
        records: the runs.
        figures: for each run, in order, its figures.
    """

    values: Mapping[str, Any]
    records: Sequence[RunRecord]
    figures: Sequence[Mapping[str, float]]

    @property
    def name(self) -> str:
        """The settings as one text."""
        return ", ".join(f"{k}={v}" for k, v in self.values.items()) or ALL

    def by_seed(self, measure: str) -> list[tuple[int, float]]:
        """Returns the seed and the figure of each run that has it."""
        return [
            (record.seed, figures[measure])
            for record, figures in zip(self.records, self.figures, strict=True)
            if measure in figures
        ]

    def spread(self, measure: str) -> Spread | None:
        """Returns mean and spread of a figure, None if no run has it."""
        return spread(value for _, value in self.by_seed(measure))


def spread(values: Iterable[float]) -> Spread | None:
    """Returns mean and spread of numbers, None if there are none."""
    values = np.array(list(values), np.float64)
    if not len(values):
        return None
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Spread(len(values), float(values.mean()), deviation)


def varying(records: Sequence[RunRecord]) -> list[str]:
    """Returns the settings in which runs differ, seeds aside."""
    names = dict.fromkeys(name for r in records for name in r.settings)
    return [
        name
        for name in names
        if name not in _NOT_SETTINGS
        and len({repr(r.settings.get(name)) for r in records}) > 1
    ]


def enough(records: Sequence[RunRecord], names: Sequence[str]) -> list[str]:
    """Returns the first settings that tell the same groups apart as all.

    A setting that always changes together with earlier ones is left out.
    """
    kept: list[str] = []
    for name in names:
        if _count(records, [*kept, name]) > _count(records, kept):
            kept.append(name)
    return kept


def _count(records: Sequence[RunRecord], names: Sequence[str]) -> int:
    return len({_key(record, names) for record in records})


def _key(record: RunRecord, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(repr(record.settings.get(name)) for name in names)


def make_groups(
    records: Sequence[RunRecord],
    figures: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
) -> list[Group]:
    """Returns the runs grouped by the values of some settings.

    Args:
        records: the runs.
        figures: name of a run to its figures.
        names: the settings; none makes one group of all.
    """
    found: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        found.setdefault(_key(record, names), []).append(record)
    groups = [
        Group(
            {name: members[0].settings.get(name) for name in names},
            members,
            [figures[member.name] for member in members],
        )
        for members in found.values()
    ]
    return sorted(groups, key=lambda group: _order(group.values.values()))


def _order(values: Iterable[Any]) -> tuple[tuple[bool, Any], ...]:
    """Sorts numbers as numbers and before texts."""
    return tuple(
        (True, str(value))
        if isinstance(value, str) or value is None
        else (False, float(value))
        for value in values
    )


def number(value: float, beside: float | None = None) -> str:
    """Returns a number for people, with about four digits.

    Args:
        value: the number.
        beside: it is written to as many decimals as this one.
    """
    if not math.isfinite(value):
        return "-"
    size = abs(value if beside is None else beside)
    if value == 0:
        return "0"
    if size >= 1000 or (beside is None and value == int(value)):
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.2e}"
    decimals = max(0, 3 - math.floor(math.log10(size)))
    return f"{value:.{min(decimals, 4)}f}"
