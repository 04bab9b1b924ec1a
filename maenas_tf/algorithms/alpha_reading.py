"""What the architecture is read off: the last weights, or a mean."""

from __future__ import annotations

import numpy as np


def mean_weights(
    history: np.ndarray, warmup_epochs: int, num_epochs: int
) -> np.ndarray:
    """Returns the mean architecture weights of the last epochs.

    The strongest candidate of an edge changes from epoch to epoch while the
    weights are close to each other; that of their mean changes less.

    Args:
        history: [epochs, edges, primitives], after the softmax.
        warmup_epochs: epochs at the start in which no alpha moved; they count
            only while there is no other.
        num_epochs: how many to average at most; 1 is the last alone.

    Returns:
        [edges, primitives].

    Raises:
        ValueError: there is no epoch, or `num_epochs` is less than 1.
    """
    if not len(history) or num_epochs < 1:
        raise ValueError(
            f"`history` must have an epoch and `num_epochs` must be at least "
            f"1, received {len(history)} and {num_epochs}."
        )
    first = min(max(warmup_epochs, len(history) - num_epochs), len(history) - 1)
    return history[first:].mean(axis=0)
