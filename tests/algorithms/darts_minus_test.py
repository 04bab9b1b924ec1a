"""Tests of `maenas_tf.algorithms.darts_minus`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS, Stage
from maenas_tf.ops.auxiliary_skip import AuxiliarySkipOp
from maenas_tf.ops.mixed import MixedOp
from tests.ops.layers import gradients, image
from tests.searching import small

CHANNELS = 4


def make_edge(beta, stride, names, **kwargs):
    variable = keras.Variable(beta, trainable=False)
    edge = AuxiliarySkipOp(
        names, CHANNELS, stride, "darts", name="edge", beta=variable, **kwargs
    )
    edge.build((None, None, None, CHANNELS))
    return edge


def as_mixed(edge):
    """Returns a mixed operation of the same weights."""
    mixed = MixedOp(
        edge.primitives,
        CHANNELS,
        edge.stride,
        "darts",
        edge.implementation,
        name="edge",
    )
    mixed.build((None, None, None, CHANNELS))
    own = [v for v in edge.trainable_variables if "auxiliary/" not in v.path]
    for variable, value in zip(mixed.trainable_variables, own, strict=True):
        variable.assign(value)
    return mixed


CASES = [
    (1, ("none", "skip_connect", "sep_conv_3x3")),
    (2, ("none", "skip_connect", "sep_conv_3x3")),
    (1, ("sep_conv_3x3", "max_pool_3x3")),
]


@pytest.mark.parametrize("implementation", ["fused", "plain"])
@pytest.mark.parametrize(("stride", "names"), CASES)
def test_the_path_adds_beta_times_a_skip_of_its_own(
    stride, names, implementation
):
    edge = make_edge(0.7, stride, names, implementation=implementation)
    x, weights = tf.constant(image((2, 8, 8, CHANNELS))), [0.5, 0.2, 0.3]
    weights = tf.constant(weights[: len(names)])
    mixed = as_mixed(edge)(x, weights)
    skip = edge.auxiliary(x) if edge.identity is None else x
    expected = mixed + 0.7 * skip
    np.testing.assert_allclose(edge(x, weights), expected, atol=1e-5)


@pytest.mark.parametrize(("stride", "names"), CASES)
def test_with_beta_zero_an_edge_is_the_mixed_op(stride, names):
    edge = make_edge(0.0, stride, names)
    mixed = as_mixed(edge)
    x = tf.constant(image((2, 8, 8, CHANNELS)))
    weights = tf.constant([0.5, 0.2, 0.3][: len(names)])
    shared = {v.path: v for v in edge.trainable_variables}
    sources = [shared[v.path] for v in mixed.trainable_variables]
    y, found = gradients(lambda: edge(x, weights), [x, weights, *sources])
    other, expected = gradients(
        lambda: mixed(x, weights), [x, weights, *mixed.trainable_variables]
    )
    np.testing.assert_allclose(y, other, atol=1e-6)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("space", ["nasbench201", "s2"])
def test_with_beta_zero_a_search_is_darts_to_the_bit(space):
    settings = {"space": space, "decoder": "linear"}
    one = small.make_searcher(algorithm="darts", **settings)
    two = small.make_searcher(
        algorithm="darts_minus", skip_beta=0.0, **settings
    )
    batch = small.make_batch(one)
    for searcher in (one, two):
        for _ in range(2):
            searcher.train_step(batch)
    for variable, other in zip(
        [*one.alpha_variables, *one.weight_variables],
        [*two.alpha_variables, *two.weight_variables],
        strict=True,
    ):
        assert variable.path == other.path
        np.testing.assert_array_equal(variable, other, err_msg=other.path)


def test_beta_falls_linearly_over_the_epochs_of_a_stage():
    searcher = small.make_searcher(algorithm="darts_minus")
    algorithm, found = ALGORITHMS.get("darts_minus")(), []
    for epoch in range(50):
        algorithm.start_epoch(Stage(50, 0, 1), epoch, searcher.supernet)
        found.append(searcher.supernet.architecture.numbers()["skip_beta"])
    np.testing.assert_allclose(found[:2], [1.0, 0.98], rtol=1e-6)
    np.testing.assert_allclose(found[-1], 0.02, rtol=1e-6)


def test_the_supernet_has_as_many_parameters_as_published():
    searcher = small.make_searcher(
        algorithm="darts_minus",
        task="supervised",
        space="darts",
        num_classes=10,
        init_channels=16,
        num_cells=8,
        image_size=32,
    )
    sizes = [int(np.prod(v.shape)) for v in searcher.weight_variables]
    assert sum(sizes) == 1_971_578
