"""Tests of `maenas_tf.searching.overfitting`."""

from __future__ import annotations

import math
import types

import pytest

from maenas_tf.searching.overfitting import overfit_warning
from maenas_tf.searching.search_report import SearchReport


# Last epochs of searches of 200, 1,000 and 16,000 images.
@pytest.mark.parametrize(
    ("weights", "alphas", "percent"),
    [(0.4014, 0.4926, 23), (0.4882, 0.5843, 20), (0.357, 0.48, 34)],
)
def test_images_that_were_learned_by_heart_are_told(weights, alphas, percent):
    warning = overfit_warning(weights, alphas)
    assert warning.startswith("Too few images")
    assert f"{percent} % above" in warning
    assert "--algorithm=training_free" in warning


@pytest.mark.parametrize(
    ("weights", "alphas"),
    [
        (0.4567, 0.4605),
        (0.5285, 0.5268),
        (0.0, 0.0),
        (0.0, 1.0),
        (math.nan, 1.0),
        (1.0, math.nan),
    ],
)
def test_losses_alike_and_no_losses_say_nothing(weights, alphas):
    assert overfit_warning(weights, alphas) is None


def report(reads_labels=False, penalty=None):
    """What a search report needs to tell, without a search."""
    architecture = types.SimpleNamespace(values=dict)
    return types.SimpleNamespace(
        task=types.SimpleNamespace(reads_labels=reads_labels),
        searcher=types.SimpleNamespace(
            supernet=types.SimpleNamespace(architecture=architecture),
            penalty=lambda values: penalty,
        ),
    )


def test_only_losses_that_can_be_compared_are():
    row = {"weight_loss": "0.4", "alpha_loss": 0.5}
    tell = SearchReport.overfit_warning
    assert "25 % above" in tell(report(), row)
    assert tell(report(reads_labels=True), row) is None
    assert tell(report(penalty=-0.1), row) is None
    assert tell(report(), {**row, "alpha_loss": ""}) is None
    assert tell(report(), {"weight_loss": 0.4}) is None
