"""Tests of `maenas_tf.algorithms.alpha_noise`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS, Stage
from maenas_tf.algorithms.alpha_noise import AlphaNoise, AlphaNoiseSettings
from maenas_tf.config import ConfigError
from maenas_tf.searching.choose import choose, unread_by
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.candidates import all_candidates
from tests.searching import small

RANDOM = AlphaNoiseSettings(perturb_alphas="random")
WITH_ALPHAS = [n for n in ALGORITHMS.names() if ALGORITHMS.get(n).trains_alphas]


def make_noise(name="darts", space="s3", seed=0, rate=0.2, candidates=None):
    algorithm = ALGORITHMS.get(name)()
    architecture = algorithm.make_architecture(SPACES.get(space), candidates)
    rng = np.random.default_rng(7)
    for variable in architecture.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    noise = AlphaNoise(RANDOM, algorithm, architecture, seed)
    noise.rate.assign(rate)
    return noise


def at(noise, step):
    found = noise(tf.constant(step, tf.int64))
    return {kind: weights.numpy() for kind, weights in found.items()}


def test_it_grows_linearly_from_0_03_towards_0_3():
    noise = make_noise()
    found = []
    for epoch in (0, 25, 49):
        noise.start_epoch(Stage(50, 0, 8), epoch)
        found.append(float(noise.rate.numpy()))
    np.testing.assert_allclose(found, [0.03, 0.165, 0.2946], rtol=1e-5)


def test_it_is_another_one_each_step_and_a_function_of_seed_and_step():
    first, again = at(make_noise(), 3), at(make_noise(), 3)
    for other in (at(make_noise(), 4), at(make_noise(seed=1), 3)):
        for kind, weights in first.items():
            np.testing.assert_array_equal(weights, again[kind])
            assert (weights != other[kind]).mean() > 0.9
    # The largest seed there is.
    at(make_noise(seed=2**32 - 1), 0)
    clean = make_noise().architecture.numpy()
    moved = {kind: first[kind] - clean[kind] for kind in first}
    assert np.abs(moved["normal"] - moved["reduce"]).max() > 0.05


@pytest.mark.parametrize("name", WITH_ALPHAS)
def test_weights_stay_what_the_algorithm_makes_of_them(name):
    candidates = dict(all_candidates(SPACES.get("s3")))
    if name in ("p_darts", "fair_darts"):
        candidates = {k: c & [False, True, True] for k, c in candidates.items()}
    noise = make_noise(name, rate=0.5, candidates=candidates)
    clean = noise.architecture.numpy()
    rows, changes = [], []
    for step in range(20):
        for kind, weights in at(noise, step).items():
            assert (weights >= 0.0).all()
            assert (weights[~candidates[kind]] == 0.0).all()
            exists = candidates[kind]
            changes.append((weights - clean[kind])[exists])
            rows.append(weights.sum(1) / clean[kind].sum(1))
            if name == "fair_darts":
                assert (np.abs(changes[-1]) <= 0.5 + 1e-6).all()
                assert (weights <= 1.0).all()
    if name != "fair_darts":  # Parts of one; of a beta, in pc_darts.
        np.testing.assert_allclose(rows, 1.0, rtol=1e-5)
    changes = np.concatenate(changes)
    assert (changes != 0.0).mean() > 0.95
    assert changes.std() > 0.05


def test_an_edge_that_would_weigh_nothing_keeps_its_weights():
    weights = tf.constant([[0.2, 0.8], [0.5, 0.5]])
    noise = tf.constant([[-0.5, -0.9], [0.1, 0.3]])
    found = ALGORITHMS.get("darts")().perturbed(weights, noise)
    np.testing.assert_allclose(found, [[0.2, 0.8], [0.6 / 1.4, 0.8 / 1.4]])


def step_once(**settings):
    """Returns alphas and weights after a step, and a searcher."""
    searcher = small.make_searcher(
        space="one_edge", decoder="linear", alpha_learning_rate=0.1, **settings
    )
    if searcher.noise is not None:
        searcher.noise.start_epoch(Stage(2, 0, 1), 1)
    searcher.train_step(small.make_batch(searcher))
    return (
        small.flat(small.values(searcher.alpha_variables)),
        small.flat(small.values(searcher.weight_variables)),
        searcher,
    )


def test_the_weights_step_alone_is_perturbed_and_without_noise_nothing():
    plain, weights, searcher = step_once()
    alphas, others, _ = step_once(perturb_alphas="random")
    np.testing.assert_array_equal(alphas, plain)
    assert (others != weights).mean() > 0.5
    still, same, other = step_once(
        perturb_alphas="random", perturb_alphas_first=0, perturb_alphas_last=0
    )
    np.testing.assert_array_equal(still, plain)
    np.testing.assert_array_equal(same, weights)
    assert other.noise is not None
    assert searcher.noise is None


def test_without_alphas_there_is_nothing_to_perturb():
    config = SearchConfig(algorithm="single_path", perturb_alphas="random")
    with pytest.raises(ConfigError, match="--perturb_alphas=random is about"):
        choose(config, SPACES.get("darts"))
    config = SearchConfig(perturb_alphas_last=0.2)
    algorithm, _, selection = choose(config, SPACES.get("darts"))
    assert unread_by(config, algorithm, selection) == ["perturb_alphas_last"]
