"""Tests of `maenas_tf.ops.mixed` and `.source`."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops import pooling
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.source import Phases, SourceNode, add_terms
from tests.ops import numpy_oracle
from tests.ops.layers import gradients, image, singly

DARTS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NASBENCH201 = (
    "none",
    "skip_connect",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "avg_pool_3x3",
)
EDGES = {"darts": DARTS, "nasbench201": NASBENCH201}
CHANNELS = 4


def make(family, stride, name="edge"):
    keras.utils.set_random_seed(0)
    edge = MixedOp(EDGES[family], CHANNELS, stride, family, name=name)
    edge.build((None, 6, 6, CHANNELS))
    return edge


def softmax(alphas):
    return tf.nn.softmax(alphas)


@pytest.fixture
def alphas():
    return {
        family: tf.constant(image((len(names),), seed=5))
        for family, names in EDGES.items()
    }


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("family", EDGES)
def test_mixture_is_the_weighted_sum_of_its_candidates(family, stride, alphas):
    """Outputs, and gradients of alphas, input and every kernel."""
    edge, alpha = make(family, stride), alphas[family]
    x = tf.constant(image((2, 6, 6, CHANNELS)))
    sources = [alpha, x, *edge.trainable_variables]

    def one_by_one():
        weights = softmax(alpha)
        return sum(
            weights[k] * candidate.call(x)
            for k, candidate in enumerate(edge.candidates)
        )

    y, found = gradients(lambda: edge.call(x, softmax(alpha)), sources)
    expected, wanted = gradients(one_by_one, sources)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(wanted[0]).min() > 1e-3
    for gradient, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, want, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("family", EDGES)
def test_mixture_equals_the_definition_in_numpy(family, stride):
    edge, x = make(family, stride), image((2, 6, 6, CHANNELS))
    weights = np.linspace(0.1, 0.9, len(EDGES[family]))
    expected = 0.0
    for weight, name, candidate in zip(
        weights, EDGES[family], edge.candidates, strict=True
    ):
        if family == "nasbench201" and name == "avg_pool_3x3":
            name = "nasbench201/avg_pool_3x3"
        prefix = f"edge/{candidate.name}/"
        values = {
            weight.path.removeprefix(prefix): weight.numpy().astype(np.float64)
            for weight in singly(edge)
            if weight.path.startswith(prefix)
        }
        expected = expected + weight * numpy_oracle.primitive(
            name, x, values, stride, True
        )
    y = edge.call(tf.constant(x), tf.constant(weights, tf.float32))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=2e-5)


def test_none_adds_no_term_whatever_its_weight(alphas):
    edge, x = make("darts", 1), tf.constant(image((2, 6, 6, CHANNELS)))
    weights = tf.unstack(softmax(alphas["darts"]))
    terms = edge.terms(SourceNode(x), weights)
    assert len(terms) == len(DARTS) - 1
    np.testing.assert_allclose(
        add_terms(terms), edge.call(x, weights), atol=1e-6
    )
    terms = edge.terms(SourceNode(x), [tf.constant(7.0), *weights[1:]])
    np.testing.assert_array_equal(add_terms(terms), edge.call(x, weights))


def test_number_of_weights_must_match():
    edge, x = make("darts", 1), tf.constant(image((2, 6, 6, CHANNELS)))
    with pytest.raises(ValueError, match="shorter|longer"):
        edge.terms(SourceNode(x), [tf.constant(1.0)] * 7)


def test_edges_that_leave_one_node_share_relu_and_pooling(monkeypatch):
    """Two edges on one node: equal results, half the work."""
    edges = [make("darts", 1, f"edge_{i}") for i in range(2)]
    x = tf.constant(image((2, 6, 6, CHANNELS)))
    weights = [tf.constant(0.1 * (i + 1)) for i in range(len(DARTS))]
    apart = [edge.terms(SourceNode(x), weights) for edge in edges]
    calls = collections.Counter()

    def counted(key, function):
        def call(value, *args, **kwargs):
            calls[key] += value is x
            return function(value, *args, **kwargs)

        return call

    monkeypatch.setattr(tf.nn, "relu", counted("relu", tf.nn.relu))
    for name in ("max_pool_3x3", "average_pool_3x3"):
        function = getattr(pooling, name)
        monkeypatch.setattr(pooling, name, counted(name, function))
    source = SourceNode(x)
    together = [edge.terms(source, weights) for edge in edges]
    assert calls == {"relu": 1, "max_pool_3x3": 1, "average_pool_3x3": 1}
    for terms, wanted in zip(together, apart, strict=True):
        np.testing.assert_array_equal(add_terms(terms), add_terms(wanted))


@pytest.mark.parametrize("size", [6, 7])
def test_dilated_branches_of_a_node_are_put_together_once(size, monkeypatch):
    """Even sizes: taken apart once, added apart; odd ones: not at all."""
    edges = [make("darts", 1, f"edge_{i}") for i in range(2)]
    x = tf.constant(image((2, size, size, CHANNELS)))
    weights = [tf.constant(0.1 * (i + 1)) for i in range(len(DARTS))]
    expected = sum(
        weight * candidate.call(x)
        for edge in edges
        for weight, candidate in zip(weights, edge.candidates, strict=True)
    )
    merges, merge = [], Phases.merge

    def counted(self):
        merges.append(self)
        return merge(self)

    monkeypatch.setattr(Phases, "merge", counted)
    source = SourceNode(x)
    terms = [term for edge in edges for term in edge.terms(source, weights)]
    np.testing.assert_allclose(add_terms(terms), expected, rtol=1e-4, atol=1e-5)
    assert len(merges) == (1 if size == 6 else 0)


@pytest.mark.parametrize("size", [6, 7])
def test_subsampled_value_is_every_second_pixel_even_and_odd(size):
    x = image((2, size, size, CHANNELS))
    even, odd = SourceNode(tf.constant(x)).relu_subsampled
    padded = np.pad(np.maximum(x, 0), [(0, 0), *[(0, size % 2)] * 2, (0, 0)])
    np.testing.assert_array_equal(even, padded[:, ::2, ::2])
    np.testing.assert_array_equal(odd, padded[:, 1::2, 1::2])


def test_shared_pooling_keeps_apart_what_differs():
    """Kind, stride and normalisation are told apart on one node."""
    x = tf.constant(image((2, 6, 6, CHANNELS)))
    source = SourceNode(x)
    makes = [(family, stride) for family in EDGES for stride in (1, 2)]
    for family, stride in makes:
        edge = make(family, stride)
        for candidate in edge.candidates:
            if "pool" in candidate.name:
                np.testing.assert_array_equal(
                    candidate.weighted(source, None), candidate.call(x)
                )


def test_branch_is_computed_once_for_each_key():
    calls = []
    source = SourceNode(tf.constant([1.0, -2.0]))

    def double(value):
        calls.append(value)
        return 2.0 * value

    first, again = source.branch("a", double), source.branch("a", double)
    assert first is again
    assert len(calls) == 1
    assert source.branch("b", double) is not first
    assert len(calls) == 2
    np.testing.assert_array_equal(source.relu, [1.0, 0.0])
    assert SourceNode.of(source) is source


def test_variables_have_paths_of_their_own():
    edge = make("darts", 2)
    paths = [weight.path for weight in singly(edge)]
    assert len(paths) == len(set(paths)) == 2 * (2 + 2) + 2 * 2 + 2
    # Of the halves, of pointwise kernels, and of two sizes.
    paths = [variable.path for variable in edge.variables]
    assert len(paths) == len(set(paths)) == 4
