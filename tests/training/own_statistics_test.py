"""Statistics of all replicas, or of each replica's part of the batch."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.ops.normalization import EPSILON, MOMENTUM
from tests import scripts
from tests.training import own_statistics


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    file = tmp_path_factory.mktemp("statistics") / "results.npz"
    scripts.run(own_statistics, file)
    with np.load(file) as arrays:
        return dict(arrays)


def expected(parts):
    """Returns what a step leaves whose batch is normalised part by part."""
    batch = own_statistics.make_batch()
    x = np.split(batch["x"].astype(np.float64), parts)
    factor = np.split(batch["factor"].astype(np.float64), parts)
    means = [each.mean((0, 1, 2)) for each in x]
    variances = [each.var((0, 1, 2)) for each in x]
    gradient = 0.0
    for each, mean, variance, by in zip(
        x, means, variances, factor, strict=True
    ):
        normalised = (each - mean) / np.sqrt(variance + EPSILON)
        gradient = gradient + (normalised * by).sum((0, 1, 2))
    rest = 1.0 - MOMENTUM
    return {
        "gamma": 1.0 - gradient / own_statistics.BATCH,
        "moving_mean": rest * np.mean(means, axis=0),
        "moving_variance": MOMENTUM + rest * np.mean(variances, axis=0),
    }


@pytest.mark.parametrize(("sync", "parts"), [(True, 1), (False, 2)])
def test_a_normalisation_takes_the_statistics_of_all_or_of_a_part(
    results, sync, parts
):
    for name, value in expected(parts).items():
        found = results[f"{sync}/{name}"]
        np.testing.assert_allclose(found, value, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("sync", [True, False])
def test_replicas_hold_equal_moving_statistics(results, sync):
    assert not results[f"{sync}/unequal"].tolist()


def test_without_statistics_of_all_a_step_sends_one_message(results):
    assert results["False/messages"] == 1
    # Of the one normalisation, whose input is given: none goes back.
    assert results["True/messages"] == 2
