"""How many replicas share a batch does not change what a layer computes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests import scripts
from tests.ops import replicas_script


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """(replicas, layer) to arrays of the whole batch, by name."""
    file = tmp_path_factory.mktemp("replicas") / "results.npz"
    scripts.run(replicas_script, file)
    found = {}
    with np.load(file) as arrays:
        for key in arrays.files:
            replicas, layer, name = key.split("/")
            found.setdefault((int(replicas), layer), {})[name] = arrays[key]
    return found


def test_noise_is_that_of_the_global_batch(results):
    one, two = results[1, "noise"], results[2, "noise"]
    for call in ("first", "second"):
        np.testing.assert_array_equal(two[call], one[call])
    rows = [x.tobytes() for call in ("first", "second") for x in two[call]]
    assert len(set(rows)) == len(rows) == 2 * replicas_script.SHAPE[0]


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_large_mean_costs_the_normalisation_no_digits(results, replicas):
    """The replicas' moments, and the fused kernel, against float64."""
    exact = tf.constant(replicas_script.far_image(), tf.float64)
    wanted = replicas_script.normalize(exact)
    found = results[replicas, "normalized"]
    # An image is right to 3e-5, 3e-4 of its deviation; a gradient is up to 18.
    for name, atol in (("y", 5e-3), ("gradient", 0.3)):
        np.testing.assert_allclose(found[name], wanted[name], atol=atol)
    for name, rtol in (("mean", 1e-6), ("variance", 1e-3)):
        assert len(found[name]) == replicas
        for value in found[name]:
            np.testing.assert_array_equal(value, found[name][0])
            np.testing.assert_allclose(value, wanted[name][0], rtol=rtol)


@pytest.mark.parametrize(("kind", "stride"), replicas_script.EDGES)
def test_an_edge_is_that_of_the_global_batch(results, kind, stride):
    one, two = (results[n, f"{kind} {stride}"] for n in (1, 2))
    for name in ("y", "gradient"):
        np.testing.assert_allclose(two[name], one[name], atol=1e-4)
    assert len(two["shares"]) == 2
    np.testing.assert_allclose(
        two["shares"].sum(0), one["shares"][0], rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    ("kind", "stride", "messages"),
    [
        # Both poolings, one at a time, and twice all separable convolutions.
        ("darts", 1, 4),
        # The skip's normalisation is among the first ones.
        ("darts", 2, 4),
        ("nasbench201", 1, 1),
        ("nasbench201", 2, 1),
    ],
)
def test_candidates_ask_for_their_statistics_together(
    results, kind, stride, messages
):
    """A message forward and one back, where each normalisation had both."""
    found = results[2, f"{kind} {stride}"]["messages"]
    np.testing.assert_array_equal(found, [2 * messages])
