"""How many replicas share a batch does not change the search."""

from __future__ import annotations

import numpy as np
import pytest

from tests import scripts
from tests.searching import replicas_script


@pytest.fixture(
    scope="module",
    params=[
        "first",
        "second",
        "first recompute noise",
        "second exact plain",
        pytest.param("first plain", marks=pytest.mark.large),
    ],
)
def results(request, tmp_path_factory):
    order, *others = request.param.split()
    directory = tmp_path_factory.mktemp(order)
    scripts.run(replicas_script, order, directory, *others)
    with np.load(directory / "results.npz") as file:
        arrays = {key: file[key] for key in file.files}
    return {
        number: {
            key.partition("/")[2]: value
            for key, value in arrays.items()
            if key.startswith(f"{number}/")
        }
        for number in (1, 2)
    }


def test_one_and_two_replicas_end_with_the_same_values(results):
    one, two = results[1], results[2]
    assert (one["num_replicas"], two["num_replicas"]) == (1, 2)
    for name in ("alphas", "weights"):
        np.testing.assert_array_equal(
            one[f"start_{name}"], two[f"start_{name}"]
        )
        moved = np.abs(one[name] - one[f"start_{name}"]).max()
        assert moved > 1e-3
        np.testing.assert_allclose(two[name], one[name], atol=1e-5, rtol=0)


def test_the_metrics_are_those_of_the_global_batch(results):
    for name in ("mean_alpha_loss", "mean_weight_loss"):
        np.testing.assert_allclose(
            results[2][name], results[1][name], rtol=1e-4
        )


def test_the_clip_was_at_work(results):
    for result in results.values():
        assert result["norm"] > 3 * replicas_script.CLIP_NORM


def test_summed_gradients_are_not_summed_once_more(results):
    for name in ("SGD", "Adam"):
        assert results[2][f"{name}_reduced"] == 0
        assert results[2][name] == pytest.approx(-1.0, abs=1e-4)


def test_a_process_may_search_again_with_another_strategy(results):
    np.testing.assert_array_equal(
        results[2]["summed_by_another"], np.full((2, 7), 2.0)
    )


def test_replicas_agree_on_the_time_of_a_step(results):
    assert results[2]["mean_seconds"] == 3.0


def test_replicas_are_bit_identical(results):
    assert results[2]["num_unequal"] == 0
    assert results[2]["alpha_optimizer"].any()
    assert results[2]["weight_optimizer"].any()


def test_replicas_that_differ_by_one_bit_are_found_and_not_saved(results):
    path = str(results[2]["path"])
    assert results[2]["disturbed"].tolist() == [path]
    assert path in str(results[2]["message"])
