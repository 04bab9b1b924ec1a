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
from maenas_tf.correlation.statistics import tau_within
from maenas_tf.runs.csv_files import csv_text, read_rows
from maenas_tf.scores.rules import RULES
from maenas_tf.spaces import SPACES

COUNT = 40


def write(folder, name, seed=0, space="macro"):
    """Writes a candidates.csv and the table of truth; returns both paths."""
    rng = np.random.default_rng(seed)
    genotypes = {}
    while len(genotypes) < COUNT:
        genotypes.setdefault(str(SPACES.get(space).random_genotype(rng)))
    truth = rng.normal(90.0, 2.0, COUNT)
    rows = [
        {
            "genotype": genotype,
            "regions": accuracy + rng.normal(),
            "held_out_loss": -accuracy + 2 * rng.normal(),
            "macs": int(rng.integers(4)),
            "parameters": int(accuracy * 1000),
            "seconds": 1.0,
        }
        for genotype, accuracy in zip(genotypes, truth, strict=True)
    ]
    (folder / name).mkdir()
    (folder / name / "candidates.csv").write_text(csv_text(rows))
    table = {
        genotype: {"mean_acc": accuracy}
        for genotype, accuracy in zip(genotypes, truth, strict=True)
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps(table))
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
    assert (found, count) == (
        pytest.approx(total / np.sqrt(left * right)),
        pairs,
    )
    alone, _ = tau_within(x, y, np.zeros(30))
    assert alone == pytest.approx(stats.kendalltau(x, y).statistic)
    assert tau_within(x, y, np.arange(30)) == (0.0, 0)


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
        assert float(row["tau_within_equal_macs"]) == pytest.approx(within)
        assert int(row["pairs_of_equal_macs"]) == pairs
        best = np.argsort(-values)[:10]
        top = float(row["accuracy_of_best_10"])
        assert top == pytest.approx(truth[best].mean())
    assert "| regions+loss | 40 |" in result.markdown
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["kind"] == "correlation"


def test_several_runs_have_a_mean_and_a_spread(tmp_path):
    paths, tables = [], {}
    for seed in range(2):
        path, file, *_ = write(tmp_path, f"seed_{seed}", seed)
        paths.append(path)
        tables |= json.loads(file.read_text())
    file.write_text(json.dumps(tables))
    result = run(tmp_path, paths, benchmark_file=str(file))
    assert "Mean and standard deviation over 2 runs" in result.markdown
    assert len(result.rows) == 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "--candidates names a search in --space=macro; give"),
        ({"benchmark_file": "nowhere.json"}, "--benchmark_file=nowhere.json"),
        ({"sums": "jacov+macs"}, "--sums=jacov.macs needs jacov"),
        ({"sums": "jacow"}, "Unknown score 'jacow'"),
        ({"task": "rotation"}, "--task=rotation has no effect with --candid"),
    ],
)
def test_bad_input_is_one_sentence(settings, said, tmp_path):
    path, file, *_ = write(tmp_path, "one")
    if "sums" in settings:
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
    with pytest.raises(ConfigError, match="--sums=macs is not valid"):
        CorrelateConfig(sums="macs")
