"""Tests of `maenas_tf.algorithms.pc_darts`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import ConfigError
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.partial_channels import PartialChannelsOp
from maenas_tf.ops.source import SourceNode, add_terms
from maenas_tf.spaces import SPACES
from tests.ops.layers import fill, gradients, image, singly
from tests.searching import small

CHANNELS = 8
NAMES = ("none", "skip_connect", "sep_conv_3x3", "max_pool_3x3")
WEIGHTS = np.float32([0.1, 0.2, 0.3, 0.15])


def make_edge(parts, stride, **kwargs):
    edge = PartialChannelsOp(
        NAMES, CHANNELS, stride, "darts", parts=parts, name="edge", **kwargs
    )
    edge.build((None, None, None, CHANNELS))
    fill(edge)
    return edge


def as_mixed(edge):
    """Returns a mixed operation of the same weights."""
    mixed = MixedOp(
        NAMES,
        edge.channels,
        edge.stride,
        "darts",
        edge.implementation,
        name="edge",
    )
    mixed.build((None, None, None, edge.channels))
    for variable, value in zip(mixed.variables, edge.variables, strict=True):
        variable.assign(value)
    return mixed


@pytest.mark.parametrize("stride", [1, 2])
def test_the_first_channels_are_searched_and_the_others_bypass(stride):
    edge, parts = make_edge(4, stride), 4
    x = image((2, 6, 6, CHANNELS))
    width = CHANNELS // parts
    y = np.asarray(edge(tf.constant(x), tf.constant(WEIGHTS)))
    mixed = np.asarray(
        as_mixed(edge)(tf.constant(x[..., :width]), tf.constant(WEIGHTS))
    )
    rest = x[..., width:]
    if stride == 2:
        rest = rest.reshape(2, 3, 2, 3, 2, CHANNELS - width).max((2, 4))
    rest = rest * WEIGHTS.sum()
    whole = np.concatenate([mixed, rest], -1)
    assert y.shape == whole.shape
    # Channel i of part p stands at 4 i + p.
    for part in range(parts):
        for i in range(width):
            np.testing.assert_allclose(
                y[..., parts * i + part],
                whole[..., part * width + i],
                atol=1e-5,
            )


def test_odd_sizes_are_halved_alike():
    x = tf.constant(image((2, 5, 5, CHANNELS)))
    assert make_edge(4, 2)(x, tf.constant(WEIGHTS)).shape == (2, 3, 3, CHANNELS)


def test_an_edge_of_none_alone_still_passes_the_others():
    edge = PartialChannelsOp(("none",), 4, 1, "darts", parts=2)
    edge.build((None, None, None, 4))
    y = edge(tf.ones((1, 2, 2, 4)), tf.constant([0.5]))
    np.testing.assert_array_equal(y[0, 0, 0], [0.0, 0.5, 0.0, 0.5])


def test_a_node_shuffles_the_sum_of_its_edges_once():
    edges = [make_edge(2, 1) for _ in range(3)]
    x = image((2, 6, 6, CHANNELS))
    weights = [WEIGHTS, 0.5 * WEIGHTS, 2.0 * WEIGHTS]

    @tf.function
    def node(x):
        source = SourceNode(x)
        terms = [
            term
            for edge, w in zip(edges, weights, strict=True)
            for term in edge.terms(source, tf.unstack(tf.constant(w)))
        ]
        return add_terms(terms)

    expected = sum(
        edge(tf.constant(x), tf.constant(w)).numpy()
        for edge, w in zip(edges, weights, strict=True)
    )
    np.testing.assert_allclose(node(x), expected, atol=1e-5)
    graph = node.get_concrete_function(x).graph.as_graph_def()
    names = [n.op for f in graph.library.function for n in f.node_def]
    names += [n.op for n in graph.node]
    assert names.count("Transpose") + names.count("BatchMatrixTranspose") == 1


def test_the_fused_edge_is_the_plain_one():
    edges = [make_edge(2, 2, implementation=i) for i in ("fused", "plain")]
    fused, plain = edges
    for one, two in zip(singly(fused), plain.trainable_variables, strict=True):
        assert one.shape == two.shape
        two.assign(one.numpy())
    x = tf.constant(image((2, 6, 6, CHANNELS)))
    np.testing.assert_allclose(
        fused(x, tf.constant(WEIGHTS)),
        plain(x, tf.constant(WEIGHTS)),
        atol=1e-5,
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_one_part_is_the_mixed_op_to_the_bit(stride):
    edge = make_edge(1, stride)
    mixed, x = as_mixed(edge), tf.constant(image((2, 6, 6, CHANNELS)))
    weights = tf.constant(WEIGHTS)
    found, expected = (
        gradients(
            lambda layer=layer: layer(x, weights),
            [x, weights, *layer.trainable_variables],
        )
        for layer in (edge, mixed)
    )
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_with_one_part_and_equal_betas_weights_are_darts_up_to_the_edge():
    space = SPACES.get("darts")
    ours, darts = (
        ALGORITHMS.get(name)().make_architecture(space)
        for name in ("pc_darts", "darts")
    )
    rng = np.random.default_rng(0)
    for kind in space.cell_types:
        alphas = rng.normal(size=(14, 8))
        for architecture in (ours, darts):
            architecture.arrays[f"alphas_{kind.name}"].assign(alphas)
        ours.arrays[f"betas_{kind.name}"].assign(np.full(14, 0.3))
        sources = np.repeat([2, 3, 4, 5], [2, 3, 4, 5])[:, np.newaxis]
        np.testing.assert_allclose(
            ours.numpy()[kind.name] * sources,
            darts.numpy()[kind.name],
            rtol=1e-5,
        )


def test_an_edge_weighs_by_its_beta_among_those_into_its_node():
    space = SPACES.get("nasbench201")
    architecture = ALGORITHMS.get("pc_darts")().make_architecture(space)
    betas = np.random.default_rng(0).normal(size=6)
    architecture.arrays["betas_cell"].assign(betas)
    weights = architecture.numpy()["cell"].sum(1)
    for edges in ([0], [1, 2], [3, 4, 5]):
        e = np.exp(betas[edges])
        np.testing.assert_allclose(weights[edges], e / e.sum(), rtol=1e-5)


def test_parts_that_do_not_divide_the_channels_are_an_error():
    with pytest.raises(ConfigError, match="--partial_channels=3 .*8 channels"):
        PartialChannelsOp(NAMES, CHANNELS, 1, parts=3)


def test_the_supernet_has_as_many_parameters_as_published():
    searcher = small.make_searcher(
        algorithm="pc_darts",
        task="supervised",
        space="darts",
        num_classes=10,
        init_channels=16,
        num_cells=8,
        image_size=32,
    )
    sizes = [int(np.prod(v.shape)) for v in searcher.weight_variables]
    assert sum(sizes) == 299_578
