"""Tests of `maenas_tf.selection.pareto`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maenas_tf.selection.pareto import Choices, select, undominated


def random_groups(rng, resources):
    """Returns groups with few different costs, so that many tie."""
    return [
        Choices(
            rng.integers(0, 6, (size, resources)),
            np.round(rng.normal(size=size), 1),
        )
        for size in rng.integers(1, 7, size=4)
    ]


def totals(groups, indices):
    """Returns cost and value of a selection."""
    pairs = list(zip(groups, indices, strict=True))
    cost = sum(group.costs[i] for group, i in pairs)
    return cost, sum(group.values[i] for group, i in pairs)


@pytest.mark.parametrize("resources", [1, 2])
def test_no_selection_that_fits_is_worth_more(resources):
    rng = np.random.default_rng(resources)
    for _ in range(200):
        groups = random_groups(rng, resources)
        selections = itertools.product(
            *(range(len(group.values)) for group in groups)
        )
        everything = [totals(groups, s) for s in selections]
        room = everything[rng.integers(len(everything))][0]
        best = max(v for c, v in everything if (c <= room).all())
        cost, value = totals(groups, select(groups, room))
        assert (cost <= room).all()
        assert value == pytest.approx(best, abs=1e-9)


def test_without_resources_each_group_gives_its_first_best():
    groups = [
        Choices(np.zeros((3, 0), np.int64), np.array([1.0, 3.0, 3.0])),
        Choices(np.zeros((2, 0), np.int64), np.array([2.0, 0.0])),
    ]
    assert select(groups, np.zeros(0, np.int64)) == [1, 0]


def test_of_equal_values_the_cheapest_is_selected():
    group = Choices(np.array([[5], [2], [2], [4]]), np.ones(4))
    assert select([group], np.array([9])) == [1]


def test_room_for_nothing_is_an_error():
    group = Choices(np.array([[5], [2]]), np.ones(2))
    with pytest.raises(ValueError, match="at most"):
        select([group], np.array([1]))


@pytest.mark.parametrize("resources", [1, 2])
def test_what_is_kept_is_what_nothing_beats(resources):
    rng = np.random.default_rng(0)
    for _ in range(50):
        costs = rng.integers(0, 8, (40, resources))
        values = rng.integers(0, 10, 40).astype(float)
        kept = set(undominated(costs, values).tolist())
        for i in range(40):
            better = (costs <= costs[i]).all(1) & (values >= values[i])
            same = better & (costs == costs[i]).all(1) & (values == values[i])
            beaten = (better & ~same).any() or same[:i].any()
            assert (i in kept) == (not beaten)
