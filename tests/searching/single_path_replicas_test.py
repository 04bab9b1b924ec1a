"""Two replicas train the same path, and end as one does."""

from __future__ import annotations

import numpy as np

from tests import scripts
from tests.searching import single_path_replicas


def test_two_replicas_train_the_same_paths_as_one_and_score_alike(tmp_path):
    file = tmp_path / "results.npz"
    scripts.run(single_path_replicas, file)
    with np.load(file) as found:
        results = dict(found)
    assert (results["1/replicas"], results["2/replicas"]) == (1, 2)
    assert results["2/unequal"] == 0
    np.testing.assert_array_equal(results["2/start"], results["1/start"])
    assert np.abs(results["1/weights"] - results["1/start"]).max() > 1e-2
    for name in ("weights", "scores"):
        np.testing.assert_allclose(
            results[f"2/{name}"], results[f"1/{name}"], atol=1e-4
        )
