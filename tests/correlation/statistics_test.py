"""Tests of `maenas_tf.correlation.statistics` against SciPy and by design."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from maenas_tf.correlation import resampling
from maenas_tf.correlation import statistics as correlation


def sample(seed, count=30, levels=0):
    """Returns two correlated lists, with ties if there are levels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    y = x + rng.normal(size=count)
    if levels:
        x, y = np.round(x * levels), np.round(y * levels)
    return x, y


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_coefficients_are_scipy_s_with_and_without_ties(seed, levels):
    x, y = sample(seed, levels=levels)
    tau, rho = correlation.kendall_tau(x, y), correlation.spearman_rho(x, y)
    assert tau == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert rho == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("levels", [0, 2])
def test_a_resample_given_as_counts_is_the_resample_written_out(levels):
    x, y = sample(0, levels=levels)
    rng = np.random.default_rng(1)
    picks = rng.integers(30, size=(6, 30))
    counts = np.stack([np.bincount(row, minlength=30) for row in picks])
    taus = resampling.taus(x, y, counts.astype(float))
    rhos = resampling.rhos(x, y, counts.astype(float))
    for row, tau, rho in zip(picks, taus, rhos, strict=True):
        expected = stats.kendalltau(x[row], y[row]).statistic
        assert tau == pytest.approx(expected, abs=1e-12)
        expected = stats.spearmanr(x[row], y[row]).statistic
        assert rho == pytest.approx(expected, abs=1e-12)


def test_order_decides_alone_and_the_ends_are_exact():
    x = [1.0, 5.0, 2.0, -np.inf]
    assert correlation.kendall_tau(x, np.exp([0, 2, 1, -9])) == 1.0
    assert correlation.kendall_tau(x, [0, -2, -1, 9]) == -1.0
    assert correlation.kendall_tau(x, [3, 3, 3, 3]) == 0.0
    assert correlation.spearman_rho(x, [3, 3, 3, 3]) == 0.0


def problem(count=60):
    """Returns accuracies and predictors of known worth."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=count)
    return truth, {
        "MACs": truth + rng.normal(size=count),
        "better": truth + 0.2 * rng.normal(size=count),
        "alike": truth + rng.normal(size=count),
        "worse": rng.normal(size=count),
        "inverted": -truth,
    }


def test_each_predictor_is_told_whether_it_beats_the_baseline():
    truth, predictors = problem()
    found = {c.name: c for c in correlation.compare(predictors, truth, "MACs")}
    assert found["MACs"].verdict == "the baseline"
    assert found["better"].verdict == "beats MACs"
    assert found["alike"].verdict.startswith("does not beat MACs")
    assert found["alike"].difference.low < 0 < found["alike"].difference.high
    for name in ("worse", "inverted"):
        assert found[name].verdict == "does not beat MACs: it is worse"
        assert found[name].difference.high < 0
    assert found["inverted"].tau.value == found["inverted"].rho.value == -1.0
    for name, c in found.items():
        assert c.count == 60
        assert c.tau.low <= c.tau.value <= c.tau.high
        assert c.tau.value == correlation.kendall_tau(predictors[name], truth)


def test_a_predictor_that_repeats_the_baseline_differs_by_exactly_nothing():
    # The resamples are paired: unpaired ones would leave an interval.
    truth, predictors = problem()
    predictors["copy"] = 2 * predictors["MACs"]
    copy = correlation.compare(predictors, truth, "MACs")[-1]
    interval = copy.difference
    assert (interval.low, interval.value, interval.high) == (0.0, 0.0, 0.0)
    assert copy.verdict.startswith("does not beat MACs")


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    # x and y are independent, so tau is 0. Measured: 189 of 200.
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        x, y = rng.normal(size=(2, 40))
        (found,) = correlation.compare({"x": x}, y, "x", resamples=300)
        hits += found.tau.low <= 0 <= found.tau.high
    assert 175 <= hits <= 199


def test_the_seed_decides_the_intervals_and_nothing_else():
    truth, predictors = problem()
    first, again, other = (
        correlation.compare(predictors, truth, "MACs", 200, seed=seed)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert [c.tau.value for c in first] == [c.tau.value for c in other]


def test_tables_hold_every_figure():
    truth, predictors = problem()
    found = correlation.compare(predictors, truth, "MACs", 200)
    rows = correlation.to_rows(found)
    assert [row["predictor"] for row in rows] == list(predictors)
    assert rows[1]["tau_low"] == found[1].tau.low
    assert rows[1]["verdict"] == "beats MACs"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0, 3.0], "one length"),
        ([1.0], [1.0], "at least 2"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
    ],
)
def test_what_cannot_be_ranked_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        correlation.kendall_tau(x, y)


def test_an_unknown_baseline_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match="'macs'.*MACs, better"):
        correlation.compare(problem()[1], problem()[0], "macs")
