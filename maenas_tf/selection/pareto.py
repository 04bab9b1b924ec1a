"""Choosing the most valuable combination that does not cost too much.

One choice is made of every group; values and costs add up. Group after
group, of all partial selections only those are kept that no other one beats
in value without costing more of anything: dynamic programming over the
Pareto front, which is exact.
"""

from __future__ import annotations

import bisect
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Choices:
    """What one of a group can be: costs [n, resources] and values [n]."""

    costs: np.ndarray
    values: np.ndarray


def select(groups: list[Choices], room: np.ndarray) -> list[int]:
    """Returns one choice of each group: the highest sum of values in the room.

    Args:
        groups: from each of which one is chosen.
        room: what all may cost together, [resources].

    Returns:
        An index for each group.

    Raises:
        ValueError: no selection fits.
    """
    least = np.array([group.costs.min(axis=0) for group in groups])
    costs, values = np.zeros((1, len(room)), np.int64), np.zeros(1)
    history = []
    for position, group in enumerate(groups):
        kept = undominated(group.costs, group.values)
        costs = costs[:, None] + group.costs[None, kept]
        values = values[:, None] + group.values[None, kept]
        # What the groups that follow cost at least must be left.
        needed = least[position + 1 :].sum(axis=0)
        fits = np.flatnonzero((costs + needed <= room).all(axis=-1))
        if not len(fits):
            raise ValueError(
                f"No selection costs at most {room.tolist()}; allow more."
            )
        before, choice = np.divmod(fits, len(kept))
        costs = costs[before, choice]
        values = values[before, choice]
        front = undominated(costs, values)
        costs, values = costs[front], values[front]
        history.append((before[front], kept[choice[front]]))
    best = int(np.argmax(values))
    selected = []
    for before, choice in reversed(history):
        selected.append(int(choice[best]))
        best = int(before[best])
    return selected[::-1]


def undominated(costs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the indices that none beats; of equals the first.

    One beats another that has no higher value and costs no less of anything.
    Of more than two resources, those after the second are to be small numbers:
    only what costs equally much of them is compared, so that some stay that
    others beat.

    Args:
        costs: [n, resources].
        values: [n].
    """
    if costs.shape[1] > 2:
        _, group = np.unique(costs[:, 2:], axis=0, return_inverse=True)
        parts = [
            np.flatnonzero(group.ravel() == n) for n in range(group.max() + 1)
        ]
        kept = [
            part[undominated(costs[part, :2], values[part])] for part in parts
        ]
        return np.concatenate(kept)
    first, second = np.zeros((2, len(values)), np.int64)
    for column, target in zip(costs.T, (first, second), strict=False):
        target[:] = column
    kept: list[int] = []
    # The front of (second cost, value) among those that cost no more of the
    # first resource: both ascend.
    steps: list[int] = []
    peaks: list[float] = []
    # The sort is stable: the first of equals comes first.
    for index in np.lexsort((-values, second, first)):
        cost, value = int(second[index]), float(values[index])
        place = bisect.bisect_right(steps, cost)
        if place and peaks[place - 1] >= value:
            continue
        kept.append(int(index))
        start = bisect.bisect_left(steps, cost)
        end = bisect.bisect_right(peaks, value, lo=start)
        steps[start:end] = [cost]
        peaks[start:end] = [value]
    return np.array(kept, np.int64)
