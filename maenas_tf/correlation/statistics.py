"""Do predictors rank architectures as their true accuracy does?

Rank correlations with bootstrap intervals, and a comparison with trivial
predictors: what does not beat the number of multiply-accumulates has told
nothing that a closed formula had not.

    tau-b = (C - D) / sqrt((C + D + X) (C + D + Y))

with C concordant and D discordant pairs, X those tied only in x, Y those tied
only in y (Kendall, "The treatment of ties in ranking problems", 1945).
Spearman's rho is Pearson's correlation of the ranks, ties sharing their mean.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from maenas_tf.correlation import resampling
from maenas_tf.correlation.resampling import LEVEL, Interval, interval

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a predictor is worth.

    Attributes:
        name: of the predictor.
        count: architectures that it was asked about.
        tau: Kendall's tau-b with the true accuracy.
        rho: Spearman's rho with it.
        difference: tau minus that of the baseline, of the same resamples.
        verdict: in words, whether it beats the baseline.
    """

    name: str
    count: int
    tau: Interval
    rho: Interval
    difference: Interval
    verdict: str


def kendall_tau(x: Sequence[float], y: Sequence[float]) -> float:
    """Returns Kendall's tau-b; 0 where one of the two is constant.

    Raises:
        ValueError: lengths differ, are below 2, or a value is NaN.

    Examples:
        >>> kendall_tau([1, 2, 3], [1, 3, 2])
        0.3333333333333333
    """
    x, y = _checked(x, y)
    if _is_constant(x) or _is_constant(y):
        return 0.0
    return float(stats.kendalltau(x, y).statistic)


def tau_within(
    x: Sequence[float],
    y: Sequence[float],
    groups: Sequence[float],
    counts: np.ndarray | None = None,
) -> tuple[Interval, int]:
    """Returns Kendall's tau-b over the pairs of equal groups, and their number.

    Of pairs that a group tells apart nothing is asked: with the cost of
    networks for groups it is what a score knows beyond counting. 0 where
    there is nothing to rank.

    Args:
        x: values, infinities are ranks like others.
        y: values, as many.
        groups: of the items.
        counts: resamples, [resamples, n]; None makes the interval empty.

    Raises:
        ValueError: as `kendall_tau`.
    """
    x, y = _checked(x, y)
    once = np.ones((1, len(x)))
    counts = once if counts is None else np.concatenate([once, counts])
    sums, pairs = np.zeros((3, len(counts))), 0
    _, group = np.unique(groups, return_inverse=True)
    for number in range(group.max() + 1):
        members = np.flatnonzero(group == number)
        pairs += len(members) * (len(members) - 1) // 2
        if len(members) > 1:
            sums += resampling.concordance(
                x[members], y[members], counts[:, members]
            )
    taus = resampling.divide(sums[0], np.sqrt(sums[1] * sums[2]))
    return interval(float(taus[0]), taus[1:] if len(taus) > 1 else taus), pairs


def best_mean(
    x: Sequence[float],
    y: Sequence[float],
    count: int,
    counts: np.ndarray,
) -> Interval:
    """Returns the mean of y over the items whose x is best.

    Equal ones at the end share the places that are left: what takes one of
    them takes any.

    Args:
        x: values, the higher the better.
        y: values, as many.
        count: of the best.
        counts: resamples, [resamples, n].

    Raises:
        ValueError: as `kendall_tau`.
    """
    x, y = _checked(x, y)
    counts = np.concatenate([np.ones((1, len(x))), counts])
    order = np.argsort(-x, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(x[order]) != 0])
    numbers = np.add.reduceat(counts[:, order], starts, axis=1)
    sums = np.add.reduceat(counts[:, order] * y[order], starts, axis=1)
    before = np.cumsum(numbers, axis=1) - numbers
    taken = np.clip(count - before, 0, numbers)
    means = sums / np.maximum(numbers, 1)
    found = resampling.divide((taken * means).sum(axis=1), taken.sum(axis=1))
    return interval(float(found[0]), found[1:])


def spearman_rho(x: Sequence[float], y: Sequence[float]) -> float:
    """Returns Spearman's rho; 0 where one of the two is constant.

    Raises:
        ValueError: as `kendall_tau`.
    """
    x, y = _checked(x, y)
    if _is_constant(x) or _is_constant(y):
        return 0.0
    return float(stats.spearmanr(x, y).statistic)


def compare(
    predictors: Mapping[str, Sequence[float]],
    accuracies: Sequence[float],
    baseline: str,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> list[Comparison]:
    """Compares predictors of the same architectures with a baseline.

    Args:
        predictors: name to a value for each architecture, higher meaning
            better: negate a loss. Infinities are ranks like others.
        accuracies: true accuracy of each architecture.
        baseline: the name of one of the predictors, "MACs" for example.
        resamples: of the bootstrap; the same for all, so that differences
            are paired.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        A comparison for each predictor, in their order.

    Raises:
        ValueError: the baseline is none of them, or values do not fit.
    """
    if baseline not in predictors:
        raise ValueError(
            f"baseline={baseline!r} is not among the predictors "
            f"{', '.join(predictors)}."
        )
    arrays = {k: _checked(v, accuracies) for k, v in predictors.items()}
    size = len(accuracies)
    counts = resampling.resample(size, resamples, seed)
    values = {k: kendall_tau(x, y) for k, (x, y) in arrays.items()}
    taus = {k: resampling.taus(x, y, counts) for k, (x, y) in arrays.items()}
    comparisons = []
    for name, (x, y) in arrays.items():
        difference = interval(
            values[name] - values[baseline], taus[name] - taus[baseline], level
        )
        comparisons.append(
            Comparison(
                name=name,
                count=size,
                tau=interval(values[name], taus[name], level),
                rho=interval(
                    spearman_rho(x, y), resampling.rhos(x, y, counts), level
                ),
                difference=difference,
                verdict=_verdict(name, baseline, difference),
            )
        )
    return comparisons


def _verdict(name: str, baseline: str, difference: Interval) -> str:
    if name == baseline:
        return "the baseline"
    if difference.low > 0:
        return f"beats {baseline}"
    if difference.high < 0:
        return f"does not beat {baseline}: it is worse"
    return f"does not beat {baseline}: the interval of the difference holds 0"


def to_rows(comparisons: Sequence[Comparison]) -> list[dict[str, object]]:
    """Returns rows for a CSV file."""
    rows = []
    for found in comparisons:
        row: dict[str, object] = {"predictor": found.name, "n": found.count}
        for name in ("tau", "rho", "difference"):
            interval = getattr(found, name)
            row[name] = interval.value
            row[f"{name}_low"] = interval.low
            row[f"{name}_high"] = interval.high
        rows.append({**row, "verdict": found.verdict})
    return rows


def _checked(
    x: Sequence[float], y: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError(
            f"A correlation needs two lists of one length of at least 2, "
            f"received the shapes {x.shape} and {y.shape}."
        )
    if np.isnan(x).any() or np.isnan(y).any():
        raise ValueError(
            "A correlation cannot rank NaN; give -inf for a predictor that "
            "failed, or leave the architecture out."
        )
    return x, y


def _is_constant(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())
