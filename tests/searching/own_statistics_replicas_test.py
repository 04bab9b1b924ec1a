"""Replicas that normalise each by itself share functions and branch."""

from __future__ import annotations

import numpy as np
import pytest

from tests import scripts
from tests.searching import own_statistics_replicas


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    file = tmp_path_factory.mktemp("replicas") / "results.npz"
    scripts.run(own_statistics_replicas, file)
    with np.load(file) as found:
        return dict(found)


# 3 cells of 2 equal edges each. What draws at random is of one replica.
@pytest.mark.parametrize(("name", "functions"), [("drawing", 6), ("chosen", 3)])
def test_equal_edges_are_traced_once_for_both_replicas(
    results, name, functions
):
    assert results[f"{name}/functions"] == functions


@pytest.mark.parametrize(
    ("name", "otherwise"),
    [("drawing", "drawing/unshared"), ("chosen", "chosen/selected")],
)
def test_the_search_is_that_of_replicas_that_share_nothing(
    results, name, otherwise
):
    assert results[f"{otherwise}/functions"] == 0
    np.testing.assert_allclose(
        results[f"{name}/values"], results[f"{otherwise}/values"], atol=1e-6
    )
