"""Tests of `maenas_tf.reports.comparison`."""

import math

import numpy as np
import pytest

from maenas_tf.reports import comparison
from maenas_tf.reports.grouping import Group
from tests.runs import records


def group(name, values):
    """Returns a group; `values` maps seeds (or pairs) to a figure."""
    runs = [
        records.record(f"{name} {place}", seed=seed)
        for place, (seed, _) in enumerate(values)
    ]
    figures = [{"seconds": value} for _, value in values]
    return Group({"decoder": name}, runs, figures)


def test_the_paired_interval_is_students():
    # d = 1, 2, 3: mean 2, sd 1; t(0.975; 2) = 4.302652729911275 (tables).
    low, high = comparison.paired_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)
    assert (low, high) == pytest.approx((2 - half, 2 + half))


def test_equal_seeds_are_paired_whatever_their_order():
    first = group("a", [(0, 10.0), (1, 20.0), (2, 30.0)])
    second = group("b", [(2, 31.1), (0, 11.0), (1, 20.9)])
    found = comparison.compare("seconds", first, second)
    assert found.method == comparison.PAIRED
    # Unpaired, a spread of 10 would hide the difference of 1.
    half = 4.302652729911275 * 0.1 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))
    assert found.verdict == "higher"
    assert "paired t over 3 seeds" in found.sentence()


@pytest.mark.parametrize("seeds", [(0, 1), (3, 4)])
def test_without_spread_there_is_no_interval_to_claim_anything_by(seeds):
    first = group("a", [(0, 1.0), (1, 1.0)])
    second = group("b", [(seed, 3.0) for seed in seeds])
    found = comparison.compare("seconds", first, second)
    assert found.method == comparison.NO_SPREAD
    assert found.difference == 2
    assert found.verdict == "no interval"
    assert "all differences are equal" in found.sentence()


@pytest.mark.parametrize("seeds", [(0, 1, 3), (0, 1, 1)])
def test_other_seeds_are_compared_by_bootstrap(seeds):
    values = (10.0, 20.0, 30.0)
    first = group("a", list(zip((0, 1, 2), values, strict=True)))
    second = group("b", list(zip(seeds, values, strict=True)))
    found = comparison.compare("seconds", first, second)
    assert found.method == comparison.BOOTSTRAP
    assert found.low < 0 < found.high
    assert found.verdict == "no difference shown"
    assert "n = 3 and 3, too few" in found.sentence()


def test_with_one_run_nothing_can_be_said():
    one, three = group("a", [(0, 1.0)]), group("b", [(0, 2.0), (1, 2.0)])
    for first, second in ((one, three), (three, one), (one, one)):
        found = comparison.compare("seconds", first, second)
        assert found.verdict == "nothing can be said"
        assert "nothing can be said" in found.sentence()
        assert math.isnan(found.low)
    assert comparison.compare("no such figure", one, three) is None


def test_the_bootstrap_interval_is_about_the_normal_one():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, 200), rng.normal(1, 1, 200)
    low, high = comparison.bootstrap_interval(first, second)
    variances = first.var(ddof=1) + second.var(ddof=1)
    half = 1.96 * math.sqrt(variances / 200)
    mean = second.mean() - first.mean()
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.02)
    assert comparison.bootstrap_interval(first, second) == (low, high)


def test_intervals_of_one_value_are_refused():
    with pytest.raises(ValueError, match="at least 2 differences"):
        comparison.paired_interval([1.0])
    with pytest.raises(ValueError, match="received 1 and 2"):
        comparison.bootstrap_interval([1.0], [1.0, 2.0])


def test_only_groups_that_differ_in_one_setting_are_compared():
    groups = [
        Group({"mask_ratio": ratio, "decoder": decoder}, [], [])
        for ratio in (0.1, 0.5)
        for decoder in ("linear", "hierarchical")
    ]
    pairs = comparison.comparable_pairs(groups)
    assert len(pairs) == 4
    for first, second in pairs:
        different = [
            k for k in first.values if first.values[k] != second.values[k]
        ]
        assert len(different) == 1
