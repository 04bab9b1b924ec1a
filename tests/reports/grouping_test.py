"""Tests of `maenas_tf.reports.grouping`."""

import math

import pytest

from maenas_tf.reports import grouping
from maenas_tf.runs import run_record
from tests.runs import records


def test_the_spread_is_the_sample_standard_deviation():
    found = grouping.spread([1.0, 2.0, 6.0])
    assert (found.n, found.mean) == (3, 3.0)
    assert found.deviation == pytest.approx(math.sqrt(7))
    assert str(found) == "3 ± 2.646 (n=3)"


def test_one_run_has_no_spread():
    found = grouping.spread([4.0])
    assert math.isnan(found.deviation)
    assert "±" not in str(found)
    assert "(n=1)" in str(found)
    assert grouping.spread([]) is None


def test_settings_that_vary_are_found_without_seed_and_place():
    runs = [
        records.record("a", mask_ratio=0.1, seed=0, data_dir="x"),
        records.record("b", mask_ratio=0.5, seed=1, data_dir="y"),
    ]
    assert grouping.varying(runs) == ["mask_ratio"]


def test_a_setting_that_changes_with_another_is_not_needed():
    runs = [
        records.record("a", mask_ratio=0.1, patch_size=4),
        records.record("b", mask_ratio=0.5, patch_size=8),
        records.record("c", mask_ratio=0.5, patch_size=8, epochs=5),
    ]
    names = grouping.varying(runs)
    assert set(names) == {"mask_ratio", "patch_size", "epochs"}
    assert grouping.enough(runs, names) == ["mask_ratio", "epochs"]


def test_groups_hold_the_seeds_of_their_settings_in_order_of_the_values():
    runs = [
        records.record(f"{ratio} {seed}", mask_ratio=ratio, seed=seed)
        for ratio in (0.75, 0.5)
        for seed in (1, 0)
    ]
    figures = {run.name: run_record.measures(run) for run in runs}
    groups = grouping.make_groups(runs, figures, ["mask_ratio"])
    assert [g.name for g in groups] == ["mask_ratio=0.5", "mask_ratio=0.75"]
    assert sorted(groups[0].by_seed("seconds")) == [(0, 7.0), (1, 8.0)]
    (everything,) = grouping.make_groups(runs, figures, [])
    assert everything.name == grouping.ALL
    assert everything.spread("seconds").n == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (93.123, "93.12"),
        (1234567.0, "1,234,567"),
        (0.00012, "1.20e-04"),
        (math.nan, "-"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    assert grouping.number(value) == text
