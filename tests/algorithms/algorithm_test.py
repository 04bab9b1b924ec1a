"""Tests of `maenas_tf.algorithms.algorithm` and of DARTS."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS, Algorithm, Stage
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.spaces import SPACES


def test_darts_is_registered_and_changes_nothing():
    darts = ALGORITHMS.get("darts")()
    assert isinstance(darts, Algorithm)
    names, stage = ("none", "skip_connect"), Stage(1, 0, 3)
    edge = darts.make_edge(stage, None, names, 4, 1, "darts", name="edge")
    assert type(edge) is MixedOp


def test_an_unknown_algorithm_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match="algorithm 'dart'.*darts"):
        ALGORITHMS.get("dart")


def test_the_weights_of_an_edge_are_a_softmax_over_it():
    alphas = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    expected = np.exp(alphas) / np.exp(alphas).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        Algorithm().edge_weights(
            {"alphas_cell": tf.constant(alphas)},
            SPACES.get("nasbench201").cell_type("cell"),
        ),
        expected,
        rtol=1e-5,
    )


def test_alphas_move_from_the_first_epoch_after_the_warm_up():
    stage = Stage(epochs=4, warmup_epochs=2, num_cells=8)
    moves = [stage.updates_alphas(epoch) for epoch in range(4)]
    assert moves == [False, False, True, True]
    assert Algorithm().stages(stage) == (stage,)


def test_the_genotype_is_that_of_the_space():
    space = SPACES.get("nasbench201")
    weights = {"cell": np.eye(5)[[3, 1, 0, 2, 4, 3]]}
    genotype = Algorithm().derive(space, weights)
    assert genotype == space.derive(weights)
    names = [edge.primitive for edge in genotype.cells["cell"]]
    assert names == [
        "nor_conv_3x3",
        "skip_connect",
        "none",
        "nor_conv_1x1",
        "avg_pool_3x3",
        "nor_conv_3x3",
    ]
