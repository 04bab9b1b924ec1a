"""Tests of `maenas_tf.scores.rules` and `maenas_tf.scores.joint`."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import JointScore, parse
from maenas_tf.scores.rules import RULES, log_ranks, z_scores
from maenas_tf.searching.config import SearchConfig
from tests.scores import networks


def test_log_ranks_are_those_of_the_formula():
    scores = np.array([[3.0, 10.0], [1.0, 30.0], [2.0, 20.0]])
    expected = [
        np.log(3 / 3) + np.log(1 / 3),
        np.log(1 / 3) + np.log(3 / 3),
        np.log(2 / 3) + np.log(2 / 3),
    ]
    np.testing.assert_allclose(log_ranks(scores), expected)


def test_equal_ones_share_their_ranks_and_what_is_no_number_is_the_worst():
    scores = np.array([[1.0], [1.0], [np.nan], [5.0]])
    np.testing.assert_allclose(
        np.exp(log_ranks(scores)), np.array([2.5, 2.5, 1, 4]) / 4
    )


def test_z_scores_are_those_of_the_formula_and_always_finite():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 2)) * [1.0, 1000.0]
    expected = ((scores - scores.mean(0)) / scores.std(0)).sum(1)
    np.testing.assert_allclose(z_scores(scores), expected)
    odd = np.array([[1.0, -np.inf, 7.0], [2.0, np.nan, 7.0], [0, 3.0, 7.0]])
    found = z_scores(odd)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, z_scores(np.array([[1.0], [2.0], [0.0]])))


def test_the_setting_names_the_rules_that_there_are():
    assert SearchConfig.settings()["score_rule"].choices == tuple(RULES.names())


@pytest.mark.parametrize("text", ["regoins", "", "regions+", "macs+macs"])
def test_names_that_make_no_sense_are_refused(text):
    with pytest.raises(ConfigError, match="^--score"):
        parse(text)


def test_scores_together_are_those_alone():
    start = networks.make_start("nasbench201")
    size = networks.size_of("nasbench201")
    names = ["macs", "regions", "expressivity", "layers"]
    genotypes = [networks.some("nasbench201", seed) for seed in range(3)]
    made = [SCORES.get(name)(size=size, start=start) for name in names]
    together = JointScore(made)({}, genotypes)
    assert together.shape == (3, 4)
    for column, score in zip(together.T, made, strict=True):
        np.testing.assert_array_equal(column, score({}, genotypes))
