"""Tests of `maenas_tf.ops.single_path`, by `MixedOp`."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.single_path import SinglePathOp
from maenas_tf.spaces import SPACES

CHANNELS = 4
NASBENCH = SPACES.get("nasbench201").cell_types[0].edges[0].primitives
DARTS = SPACES.get("darts").cell_types[0].edges[0].primitives


def make(edge_class, primitives, stride=1, family="darts"):
    layer = edge_class(primitives, CHANNELS, stride, family, name="edge")
    layer.build((None, None, None, CHANNELS))
    return layer


def images(seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, 8, 8, CHANNELS)), tf.float32)


def one_hot(number, count):
    return tf.one_hot(number, count)


def as_mixed(op):
    """Returns a mixed operation of the same weights."""
    mixed = make(MixedOp, op.primitives, op.stride, op.family)
    for variable, other in zip(mixed.variables, op.variables, strict=True):
        variable.assign(other)
    return mixed


@pytest.mark.parametrize(
    ("primitives", "stride", "family"),
    [(NASBENCH, 1, "nasbench201"), (DARTS, 1, "darts"), (DARTS, 2, "darts")],
)
def test_output_and_gradients_are_those_of_the_mixed_op_at_a_one_hot(
    primitives, stride, family
):
    op = make(SinglePathOp, primitives, stride, family)
    mixed, x = as_mixed(op), images()
    factor = np.random.default_rng(1).normal(
        size=(2, 8 // stride, 8 // stride, CHANNELS)
    )

    def results(layer, weights):
        sources = [x, *(v.value for v in layer.trainable_variables)]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, weights)
            loss = tf.reduce_sum(y * factor)
        return y, tape.gradient(
            loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    found, expected = (
        tf.function(functools.partial(results, layer), autograph=False)
        for layer in (op, mixed)
    )
    for number in range(len(primitives)):
        weights = one_hot(number, len(primitives))
        (y, gradients), (other, others) = found(weights), expected(weights)
        assert y.shape == (2, 8 // stride, 8 // stride, CHANNELS)
        np.testing.assert_allclose(y, other, atol=1e-5)
        for one, two in zip(gradients, others, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-4)
    assert found.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("primitives", [NASBENCH, ("none",), ("noise",)])
def test_an_edge_that_the_architecture_does_not_have_adds_zeros(primitives):
    op = make(SinglePathOp, primitives, 2)
    y = op(images(), tf.zeros([len(primitives)]))
    assert y.shape == (2, 4, 4, CHANNELS)
    assert not y.numpy().any()


def test_only_the_drawn_candidate_is_computed(monkeypatch):
    op = make(SinglePathOp, NASBENCH, 1, "nasbench201")
    computed = []
    for candidate in op.candidates:
        spy_on(candidate, computed, monkeypatch)
    run = tf.function(lambda x, weights: op(x, weights))
    for number, name in enumerate(NASBENCH):
        computed.clear()
        run(images(), one_hot(number, len(NASBENCH))).numpy()
        assert computed == ([] if name == "none" else [name])
    assert run.experimental_get_tracing_count() == 1


def spy_on(candidate, computed, monkeypatch):
    """Notes each time that a graph computes a candidate."""
    original = candidate.weighted

    def spy(source, weight, training=False):
        y = original(source, weight, training)

        def note(value):
            computed.append(candidate.name)
            return value

        noted = tf.numpy_function(note, [y], y.dtype)
        noted.set_shape(y.shape)
        return noted

    monkeypatch.setattr(candidate, "weighted", spy)


def test_noise_is_fresh_each_time_that_it_is_drawn():
    op = make(SinglePathOp, ("noise", "sep_conv_3x3"))
    (calls,) = op.non_trainable_variables
    run = tf.function(lambda weights: op(images(), weights))
    first, second = run(one_hot(0, 2)), run(one_hot(0, 2))
    assert np.abs(first - second).max() > 0.1
    assert calls.numpy() == 2
    run(one_hot(1, 2))
    assert calls.numpy() == 2
