"""Tests of `maenas_tf.algorithms.p_darts`."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS, Stage
from maenas_tf.config import ConfigError
from maenas_tf.ops.identity_dropout import IdentityDropoutOp
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.candidates import all_candidates, narrowed
from tests.searching import small

DARTS = SPACES.get("darts")
NORMAL = DARTS.cell_type("normal")
NAMES = NORMAL.edges[0].primitives


def make(**settings):
    algorithm = ALGORITHMS.get("p_darts")()
    algorithm.settings = algorithm.settings.replace(**settings)
    return algorithm


def test_the_stages_are_deeper_and_have_fewer_candidates():
    stages = make().stages(Stage(25, 10, 5))
    assert [stage.num_cells for stage in stages] == [5, 11, 17]
    assert [stage.dropout for stage in stages] == [0.1, 0.4, 0.7]
    assert {(s.epochs, s.warmup_epochs) for s in stages} == {(25, 10)}
    candidates, rng = all_candidates(DARTS), np.random.default_rng(0)
    for stage, count in zip(stages[:-1], (5, 3), strict=True):
        weights = {k: rng.random(v.shape) * v for k, v in candidates.items()}
        left = make().narrow(stage, candidates, weights)
        for kind, exists in left.items():
            assert (exists.sum(1) == count).all()
            assert not (exists & ~candidates[kind]).any()
            dropped = candidates[kind] & ~exists
            least = np.where(exists, weights[kind], 2.0).min(1)
            most = np.where(dropped, weights[kind], -1.0).max(1)
            assert (least > most).all()
        narrowed(DARTS, left)
        candidates = left


def test_the_rate_of_dropout_jumps_back_where_the_alphas_begin_to_move():
    stage = make().stages(Stage(25, 10, 5))[1]
    found = [stage.dropout_rate(epoch) for epoch in (0, 9, 10, 12)]
    expected = [0.4 * 24 / 25, 0.4 * 15 / 25, 0.4, 0.4 * math.exp(-0.4)]
    np.testing.assert_allclose(found, expected)


def test_dropout_is_on_the_identity_alone_and_on_no_stage_without_a_rate():
    rate = keras.Variable(0.5, trainable=False)
    edge = IdentityDropoutOp(("skip_connect",), 3, 1, rate=rate)
    edge.build((None, None, None, 3))
    x, weight = tf.ones((4, 8, 8, 3)), tf.constant([0.5])
    first, second = (edge(x, weight, training=True).numpy() for _ in "ab")
    assert set(np.unique(first)) == {0.0, 1.0}
    assert 0.4 < first.mean() < 0.6
    assert (first != second).any()
    np.testing.assert_array_equal(edge(x, weight), 0.5 * x)
    rate.assign(0.0)
    np.testing.assert_array_equal(edge(x, weight, training=True), 0.5 * x)
    reducing = IdentityDropoutOp(("skip_connect",), 4, 2, rate=rate)
    reducing.build((None, None, None, 4))
    assert not reducing.non_trainable_variables
    algorithm = make(stage_dropouts="0,0.4,0.7")
    stages = algorithm.stages(Stage(25, 10, 5))
    architecture = algorithm.make_architecture(DARTS)
    kinds = [
        type(algorithm.make_edge(s, architecture, NAMES, 4, 1, "darts"))
        for s in stages
    ]
    assert kinds == [MixedOp, IdentityDropoutOp, IdentityDropoutOp]


def random_weights(seed):
    rng = np.random.default_rng(seed)
    return {k.name: rng.random((14, 8)) for k in DARTS.cell_types}


def test_but_for_equal_edges_it_derives_as_darts_does():
    for seed in range(5):
        weights = random_weights(seed)
        assert make().derive(DARTS, weights) == DARTS.derive(weights)


def test_of_equal_edges_the_higher_stays():
    weights = {k.name: np.full((14, 8), 0.1) for k in DARTS.cell_types}
    genotype = make().derive(DARTS, weights)
    sources = [edge.source for edge in genotype.cells["normal"]]
    assert sources == [0, 1, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stage_added_cells": "0,x,12"}, "--stage_added_cells=0,x,12"),
        ({"stage_primitives": "8,0,3"}, "--stage_primitives=8,0,3"),
        ({"stage_dropouts": "0.1,0.4,1"}, "--stage_dropouts=.*below 1"),
        ({"stage_dropouts": "0.1,0.4"}, "have 3, 3, 2 numbers"),
    ],
)
def test_stages_that_make_no_sense_are_an_error(settings, message):
    with pytest.raises(ConfigError, match=message):
        make(**settings)
    assert set(settings) <= set(SearchConfig.settings())


def test_the_first_stage_has_all_candidates():
    with pytest.raises(ConfigError, match="--stage_primitives=5,3,2 begins"):
        make(stage_primitives="5,3,2").check(DARTS)
    make().check(DARTS)


def test_the_first_supernet_has_as_many_parameters_as_published():
    searcher = small.make_searcher(
        algorithm="p_darts",
        task="supervised",
        space="darts",
        num_classes=10,
        init_channels=16,
        num_cells=0,
        image_size=32,
    )
    sizes = [int(np.prod(v.shape)) for v in searcher.weight_variables]
    assert sum(sizes) == 1_275_834
