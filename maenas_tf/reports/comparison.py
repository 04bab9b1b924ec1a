"""Whether two groups of runs differ, in words and with an interval.

Where two groups have the same seeds, each once, the runs are paired by seed:
d_s = b_s - a_s, and the interval of the mean difference is Student's,

    mean(d) +- t(0.975; n - 1) sd(d) / sqrt(n).

Else the difference of the means has the percentile interval of 10,000
bootstrap resamples of each group (fixed seed). The t interval was chosen for
pairs because three or four seeds are usual here, where resampling gives
intervals that are far too narrow. Values without any spread (counts of a few
seeds often have none) give no interval: its width would be 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from maenas_tf.reports.grouping import Group, number
from maenas_tf.runs.run_record import label

CONFIDENCE = 0.95
RESAMPLES = 10_000
PAIRED, BOOTSTRAP = "paired t", "bootstrap"
NONE, NO_SPREAD = "none", "no spread"
# Below, a bootstrap has too few values to draw from.
_FEW_RUNS = 5


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How a figure of the second group differs from that of the first.

    Attributes:
        measure: the figure.
        first: the first group's name.
        second: the second group's name.
        sizes: number of runs of both that have the figure.
        method: `PAIRED`, `BOOTSTRAP` or, without an interval, `NONE` (one
            run) or `NO_SPREAD` (all differences are equal).
        difference: mean of the second less mean of the first.
        low: lower end of the 95% interval, nan without one.
        high: its upper end.
    """

    measure: str
    first: str
    second: str
    sizes: tuple[int, int]
    method: str
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What follows, in a word or two."""
        if self.method == NONE:
            return "nothing can be said"
        if self.method == NO_SPREAD:
            return "no interval"
        if self.low > 0:
            return "higher"
        return "lower" if self.high < 0 else "no difference shown"

    def sentence(self) -> str:
        """Returns what follows, with n, method and interval."""
        start = (
            f"{label(self.measure)}: {self.second} against {self.first}: "
            f"{number(self.difference)}"
        )
        sizes = " and ".join(map(str, self.sizes))
        if self.method == NONE:
            return f"{start}; n = {sizes}: nothing can be said."
        if self.method == NO_SPREAD:
            return (
                f"{start}; n = {sizes}, all differences are equal: no "
                f"interval can be given."
            )
        how = f"{self.method} over {self.sizes[0]} seeds"
        if self.method == BOOTSTRAP:
            how = f"{self.method}, n = {sizes}"
            if min(self.sizes) < _FEW_RUNS:
                how += ", too few: the true interval is wider"
        return (
            f"{start} (95% interval {number(self.low)} to "
            f"{number(self.high)}; {how}): {self.verdict}."
        )


def compare(measure: str, first: Group, second: Group) -> Comparison | None:
    """Compares two groups, None if one has no run with the figure."""
    a, b = first.by_seed(measure), second.by_seed(measure)
    if not a or not b:
        return None
    sizes = len(a), len(b)
    difference = _mean(b) - _mean(a)
    method, low, high = NONE, math.nan, math.nan
    if min(sizes) >= 2:
        method, low, high = _interval(a, b)
    return Comparison(
        measure, first.name, second.name, sizes, method, difference, low, high
    )


def _interval(
    a: Sequence[tuple[int, float]], b: Sequence[tuple[int, float]]
) -> tuple[str, float, float]:
    """Returns the method and the interval of mean(b) - mean(a)."""
    if _same_seeds(a, b):
        partner = dict(a)
        differences = [value - partner[seed] for seed, value in b]
        if _is_constant(differences):
            return NO_SPREAD, math.nan, math.nan
        return PAIRED, *paired_interval(differences)
    first, second = ([value for _, value in pairs] for pairs in (a, b))
    if _is_constant(first) and _is_constant(second):
        return NO_SPREAD, math.nan, math.nan
    return BOOTSTRAP, *bootstrap_interval(first, second)


def _is_constant(values: Sequence[float]) -> bool:
    return float(np.ptp(values)) <= 1e-9 * float(np.abs(values).max())


def _mean(pairs: Sequence[tuple[int, float]]) -> float:
    return float(np.mean([value for _, value in pairs]))


def _same_seeds(
    a: Sequence[tuple[int, float]], b: Sequence[tuple[int, float]]
) -> bool:
    """Returns whether both have the same seeds, each once."""
    seeds = [seed for seed, _ in a]
    return len(set(seeds)) == len(seeds) and sorted(seeds) == sorted(
        seed for seed, _ in b
    )


def paired_interval(differences: Sequence[float]) -> tuple[float, float]:
    """Returns Student's 95% interval of the mean of n >= 2 differences.

    Raises:
        ValueError: there are fewer than two.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        raise ValueError(
            f"An interval needs at least 2 differences, received {len(values)}."
        )
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    half = quantile * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap_interval(
    first: Sequence[float], second: Sequence[float]
) -> tuple[float, float]:
    """Returns the 95% percentile interval of mean(second) - mean(first).

    Raises:
        ValueError: one has fewer than two values.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"An interval needs at least 2 values of each, received "
            f"{len(first)} and {len(second)}."
        )
    found = stats.bootstrap(
        (first, second),
        lambda a, b, axis: b.mean(axis=axis) - a.mean(axis=axis),
        n_resamples=RESAMPLES,
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def comparable_pairs(groups: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Returns the pairs of groups that differ in exactly one setting."""
    return [
        (first, second)
        for place, first in enumerate(groups)
        for second in groups[place + 1 :]
        if sum(first.values[k] != second.values[k] for k in first.values) == 1
    ]
