"""Tests of `maenas_tf.algorithms.fair_darts`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import ConfigError
from maenas_tf.engine.optimization import SGD
from maenas_tf.skeletons import evaluation_size, network_cost
from maenas_tf.spaces import SPACES
from maenas_tf.training.retrainer import Retrainer
from tests.searching import small


def make(**settings):
    algorithm = ALGORITHMS.get("fair_darts")()
    algorithm.settings = algorithm.settings.replace(**settings)
    return algorithm


def test_weights_are_sigmoids_that_begin_at_a_half_and_none_is_left_out():
    space = SPACES.get("darts")
    architecture = make().make_architecture(space)
    weights = architecture.numpy()["normal"]
    np.testing.assert_array_equal(weights[:, 0], 0.0)
    np.testing.assert_array_equal(weights[:, 1:], 0.5)
    alphas = np.random.default_rng(0).normal(size=(14, 8))
    architecture.arrays["alphas_normal"].assign(alphas)
    expected = 1.0 / (1.0 + np.exp(-alphas[:, 1:]))
    found = architecture.numpy()["normal"][:, 1:]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_penalty_is_that_of_both_cells_and_pushes_to_zero_and_one():
    space = SPACES.get("s3")
    architecture = make(zero_one_weight=3.0).make_architecture(space)
    rng, sigmoids = np.random.default_rng(0), []
    for variable in architecture.arrays.values():
        variable.assign(rng.normal(size=variable.shape))
        sigmoids.append(1.0 / (1.0 + np.exp(-variable.numpy()[:, 1:])))
    variables = [v.value for v in architecture.trainable_variables]
    with tf.GradientTape() as tape:
        penalty = make(zero_one_weight=3.0).penalty(architecture.values())
    every = np.concatenate(sigmoids)
    assert len(every) == 28
    np.testing.assert_allclose(
        penalty, -3.0 * np.mean((every - 0.5) ** 2), rtol=1e-5
    )
    for found, sigmoid in zip(
        tape.gradient(penalty, variables), sigmoids, strict=True
    ):
        np.testing.assert_array_equal(found[:, 0], 0.0)
        # Down the gradient, those above a half grow and the others fall.
        assert (np.sign(-found[:, 1:]) == np.sign(sigmoid - 0.5)).all()


def weights_of(space, edges):
    """Returns weights of 0.1, and of the given cell type, edge and column."""
    weights = {
        kind.name: np.full((kind.num_edges, kind.max_primitives), 0.1)
        for kind in space.cell_types
    }
    for (kind, edge, column), weight in edges.items():
        weights[kind][edge, column] = weight
    return weights


def sparse_genotype():
    return make().derive(
        SPACES.get("s2"),
        weights_of(
            SPACES.get("s2"),
            {
                ("normal", 0, 1): 0.9,  # 2<-0
                ("normal", 1, 0): 0.85,  # 2<-1
                ("normal", 3, 0): 0.84,  # 3<-1, too little
                ("normal", 6, 1): 0.95,  # 4<-1
                ("normal", 8, 1): 0.99,  # 4<-3, of a node without an edge
                ("reduce", 10, 0): 0.2,  # 5<-1, the strongest there is
            },
        ),
    )


def test_edges_that_weigh_too_little_are_dropped_and_the_cell_is_narrower():
    values = sparse_genotype().to_dict()
    assert values["normal"] == [
        ["sep_conv_3x3", 0, 2],
        ["skip_connect", 1, 2],
        ["sep_conv_3x3", 1, 4],
    ]
    assert values["normal_concat"] == [2, 4]
    assert values["reduce"] == [["skip_connect", 1, 5]]
    sparse_genotype().validate()


def test_the_threshold_is_a_setting():
    space = SPACES.get("s2")
    weights = weights_of(space, {})
    genotype = make(edge_threshold=0.05).derive(space, weights)
    assert genotype == space.derive(weights)


def test_a_narrow_network_is_counted_trained_and_exported(tmp_path):
    genotype = sparse_genotype()
    size = evaluation_size(SPACES.get("s2"), "cifar", 4, 3, 8, 3)
    network = mn.build_network(genotype, 3, 4, 3, image_size=8)
    cost = network_cost(genotype, size)
    assert mn.count_parameters(network) == cost.parameters
    assert mn.count_macs(network, (8, 8, 3)) == cost.macs
    retrainer = Retrainer(network)
    retrainer.compile(SGD(0.1))
    before = small.flat(small.values(network.trainable_variables))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    images = tf.constant(images, tf.float32)
    batch = {"image": images, "label": tf.constant([0, 1, 2, 0])}
    assert np.isfinite(retrainer.train_step(batch)["train_loss"])
    after = small.flat(small.values(network.trainable_variables))
    assert (after != before).mean() > 0.9
    expected = network(images)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(loaded(images), expected, atol=1e-6)
    network.export(
        str(tmp_path / "saved_model"),
        verbose=False,
        input_signature=[tf.TensorSpec((None, 8, 8, 3))],
    )
    served = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(served.serve(images), expected, atol=1e-5)


def test_spaces_that_let_none_be_chosen_and_chains_are_refused():
    for name in ("nasbench201", "macro"):
        with pytest.raises(ConfigError, match=f"--space={name} "):
            make().check(SPACES.get(name))
    for name in ("darts", "s1", "s2", "s3", "s4"):
        make().check(SPACES.get(name))
