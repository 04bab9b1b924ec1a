"""Tests of `maenas_tf.ops.packing`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.packing import Pack, add_weight
from tests.ops.layers import image, singly

PRIMITIVES = ("skip_connect", "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5")


class Apart(MixedOp):
    packs = False


def make(kind, dtype=None):
    keras.utils.set_random_seed(1)
    edge = kind(PRIMITIVES, 4, 2, "darts", name="edge", dtype=dtype)
    edge.build((None, None, None, 4))
    return edge


def test_weights_begin_as_variables_of_their_own_do():
    stacked, single = singly(make(MixedOp)), singly(make(Apart))
    assert [w.path for w in stacked] == [w.path for w in single]
    for found, wanted in zip(stacked, single, strict=True):
        assert tuple(found.shape) == tuple(wanted.shape)
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    assert np.unique(stacked[0].numpy()).size > 1


def test_those_of_one_shape_are_one_variable():
    edge = make(MixedOp)
    shapes = {tuple(weight.shape) for weight in singly(edge)}
    assert {v.shape[1:] for v in edge.trainable_variables} == shapes
    assert len(edge.trainable_variables) == len(shapes) == 4
    assert sum(v.shape[0] for v in edge.trainable_variables) == 10


def test_a_gradient_is_that_of_each_weight():
    x, found = tf.constant(image((2, 6, 6, 4))), []
    for edge in (make(MixedOp), make(Apart)):
        variables = edge.trainable_variables
        with tf.GradientTape() as tape:
            y = edge(x, tf.constant([0.1, 0.2, 0.3, 0.4]))
            loss = tf.reduce_sum(y * image(y.shape, seed=1))
        gradients = tape.gradient(loss, [v.value for v in variables])
        found.append((y, *singly(edge, gradients)))
    for stacked, single in zip(*found, strict=True):
        np.testing.assert_allclose(stacked, single, rtol=1e-4, atol=1e-5)


def test_a_weight_can_be_given_another_value():
    edge = make(MixedOp)
    first, second, *others = singly(edge)
    before = [weight.numpy() for weight in (first, *others)]
    second.assign(np.full(second.shape, 7.0))
    assert (second.numpy() == 7.0).all()
    for weight, value in zip((first, *others), before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_a_scope_that_replaces_the_variable_replaces_its_weights():
    edge = make(MixedOp)
    variables = edge.trainable_variables
    mapping = [(v, tf.zeros_like(v.value) + 2.0) for v in variables]
    (weight, *_) = singly(edge)
    with keras.StatelessScope(state_mapping=mapping):
        assert (tf.convert_to_tensor(weight).numpy() == 2.0).all()
        with edge.pack.unpacked():
            assert (tf.convert_to_tensor(weight).numpy() == 2.0).all()
    assert (tf.convert_to_tensor(weight).numpy() != 2.0).all()


def test_a_block_within_a_block_gives_back_what_that_had():
    edge = make(MixedOp)
    (weight, *_) = edge.pack.pieces
    with edge.pack.unpacked():
        outer = weight.value
        with edge.pack.unpacked():
            assert weight.value is not outer
        assert weight.value is outer
    assert weight.value is not outer


@pytest.mark.parametrize("packs", [True, False])
def test_layers_ask_for_weights_alike(packs):
    layer, pack = keras.layers.Layer(name="layer"), Pack()
    ones = keras.initializers.Ones()
    if packs:
        with pack.filling():
            weight = add_weight(layer, "kernel", (2, 3), ones)
        pack.build(layer)
    else:
        weight = add_weight(layer, "kernel", (2, 3), ones)
    np.testing.assert_array_equal(tf.convert_to_tensor(weight), np.ones((2, 3)))
    assert (weight.name, tuple(weight.shape)) == ("kernel", (2, 3))
    assert tf.as_dtype(weight.dtype) == tf.float32
    assert len(layer.trainable_variables) == 1
