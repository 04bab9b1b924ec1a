"""How several scores of the same candidates become one number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from maenas_tf.registry import Registry

# Of scores [N, scores], the higher the better, to a number each, [N].
Rule = Callable[[np.ndarray], np.ndarray]
RULES: Registry[Rule] = Registry("rule")


@RULES.register("log_ranks")
def log_ranks(scores: np.ndarray) -> np.ndarray:
    """Returns the sum over the scores of log(rank / N).

    The best of N candidates has the rank N, the worst 1; equal ones share the
    mean of their ranks. One bad rank costs more than a good one gains (Lee
    and Ham, "AZ-NAS", CVPR 2024, section 3.5).

    Args:
        scores: [N, scores], the higher the better; what is not a number is
            the worst.
    """
    ranks = stats.rankdata(_comparable(scores), axis=0)
    return np.log(ranks / len(scores)).sum(axis=1)


@RULES.register("z_scores")
def z_scores(scores: np.ndarray) -> np.ndarray:
    """Returns the sum over the scores of (score - mean) / deviation.

    A score that is the same for all adds nothing.

    Args:
        scores: [N, scores], the higher the better; what is not finite counts
            as the worst, or the best, of the others.
    """
    comparable = _comparable(scores)
    finite = np.where(np.isfinite(comparable), comparable, np.nan)
    total = np.zeros(len(scores))
    for values, ends in zip(comparable.T, finite.T, strict=True):
        known = ends[~np.isnan(ends)]
        if not len(known):
            known = np.zeros(1)
        values = np.clip(values, known.min(), known.max())
        deviation = values.std()
        if deviation > 0:
            total += (values - values.mean()) / deviation
    return total


def _comparable(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, np.float64)
    return np.where(np.isnan(scores), -np.inf, scores)
