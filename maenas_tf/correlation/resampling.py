"""Resamples of items, and rank correlations of all of them at once.

A resample of n items is a row of n counts. Coefficients are computed of the
counts, for all resamples at once; an item drawn twice is tied with itself.
(`scipy.stats.bootstrap` would draw anew for each coefficient and predictor,
while differences are those of the same resamples; and SciPy's coefficients
take one resample at a time.)
"""

from __future__ import annotations

import dataclasses

import numpy as np

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value with its percentile-bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def resample(size: int, resamples: int, seed: int) -> np.ndarray:
    """Returns how often each resample has each item, [resamples, size]."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(size, np.full(size, 1 / size), resamples)


def interval(
    value: float, resampled: np.ndarray, level: float = LEVEL
) -> Interval:
    """Returns a value with the percentiles of those of the resamples."""
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    low, high = np.quantile(resampled, edges)
    return Interval(value, float(low), float(high))


def taus(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns tau-b of each row of counts [resamples, n]."""
    total, left, right = concordance(x, y, counts)
    return divide(total, np.sqrt(left * right))


def concordance(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns C - D, pairs that x tells apart, and that y does; all twice.

    Whole numbers below 2^24 are exact in float32, which is faster.

    Returns:
        [3, resamples].
    """
    signs, apart = np.float32(1.0), []
    size = counts.sum(axis=1)
    for v in (x, y):
        _, number = np.unique(v, return_inverse=True)
        signs = signs * np.sign(
            number[:, np.newaxis] - number, dtype=np.float32
        )
        order = np.argsort(number)
        starts = np.flatnonzero(np.diff(number[order], prepend=-1))
        equal = np.add.reduceat(counts[:, order], starts, axis=1)
        apart.append(size**2 - np.sum(equal**2, axis=1))
    sums = counts.astype(np.float32) @ signs
    return np.stack([np.sum(counts * sums, axis=1, dtype=np.float64), *apart])


def rhos(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns rho of each row of counts [resamples, n]."""
    deviations = []
    for v in (x, y):
        below = np.float32(0.5) * (v == v[:, np.newaxis])
        below += v < v[:, np.newaxis]
        ranks = counts.astype(np.float32) @ below.T
        ranks = ranks.astype(np.float64)
        mean = np.sum(counts * ranks, axis=1, keepdims=True)
        deviations.append(ranks - mean / counts.sum(axis=1, keepdims=True))
    first, second = deviations

    def total(products: np.ndarray) -> np.ndarray:
        return np.sum(counts * products, axis=1)

    scale = np.sqrt(total(first**2) * total(second**2))
    return divide(total(first * second), scale)


def divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divides; what ranks nothing correlates with nothing: 0."""
    flat = below <= 1e-9
    return np.where(flat, 0.0, above / np.where(flat, 1.0, below))
