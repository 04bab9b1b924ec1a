"""Tests of `maenas_tf.ops.tape`: as TensorFlow's own, of every primitive."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops import probe
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.primitive import PRIMITIVES
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.probe import Probe, probing
from maenas_tf.ops.source import SourceNode, add_terms
from maenas_tf.ops.tape import Tape

CHANNELS = 4


class Noting(Probe):
    """Notes everything, and normalises if told to."""

    def __init__(self, normalizes=True):
        super().__init__(Tape())
        self.normalizes = normalizes


def images(count=2, side=8):
    rng = np.random.default_rng(0)
    return tf.constant(
        rng.normal(size=(count, side, side, CHANNELS)), "float32"
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", [n for n in PRIMITIVES.names() if n != "none"])
def test_the_way_back_of_every_primitive_is_tensorflows(name, stride):
    family, _, own = name.rpartition("/")
    layer = make_primitive(own, CHANNELS, stride, False, family)
    x = images()
    layer.build(x.shape)
    with probing(Probe()), tf.GradientTape() as expected:
        expected.watch(x)
        y = add_terms([layer.term(SourceNode(x), None, True)])
    upstream = tf.random.stateless_normal(y.shape, [1, 2])
    wanted = expected.gradient(y, x, upstream, "zero")
    noting = Noting()
    noting.tape.watch(x)
    with probing(noting):
        found = add_terms([layer.term(SourceNode(x), None, True)])
    if name != "noise":
        np.testing.assert_array_equal(found, y)
    (gradient,) = noting.tape.gradients(found, upstream, [x])
    np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_statistics_of_the_batch_can_be_held(dtype):
    layer = BatchNormalization(affine=False, dtype=dtype)
    x = tf.cast(3.0 * images() + 1.0, dtype)
    layer.build(x.shape)
    noting = Noting()
    noting.tape.watch(x)
    with probing(noting):
        y = layer(x)
    upstream = tf.cast(images() * 2.0, dtype)
    (held,) = noting.tape.gradients(y, upstream, [x], hold_statistics=True)
    variance = x.numpy().var(axis=(0, 1, 2))
    np.testing.assert_allclose(
        held, upstream / np.sqrt(variance + 1e-5), rtol=1e-5
    )
    (through,) = noting.tape.gradients(y, upstream, [x])
    assert np.abs(through - held).max() > 0.1


@pytest.mark.parametrize("name", ["sep_conv_3x3", "max_pool_3x3"])
@pytest.mark.parametrize("stride", [1, 2])
def test_several_gradients_behind_each_other_go_back_at_once(name, stride):
    layer = make_primitive(name, CHANNELS, stride, False)
    x, noting = images(), Noting(normalizes=False)
    layer.build(x.shape)
    noting.tape.watch(x)
    with probing(noting):
        y = add_terms([layer.term(SourceNode(x), None, True)])
    each = [tf.random.stateless_normal(y.shape, [1, seed]) for seed in range(3)]
    (together,) = noting.tape.gradients(y, tf.concat(each, 0), [x])
    alone = [noting.tape.gradients(y, u, [x])[0] for u in each]
    np.testing.assert_allclose(together, tf.concat(alone, 0), atol=1e-5)


def test_a_tensor_that_is_used_twice_gets_both_gradients():
    x, noting = images(), Noting()
    noting.tape.watch(x)
    with probing(noting):
        y = probe.add_n([x, x, probe.relu(x)])
    found, unused = noting.tape.gradients(y, tf.ones_like(y), [x, images()])
    np.testing.assert_array_equal(found, 2.0 + (x.numpy() > 0))
    assert not unused.numpy().any()


def test_what_nobody_noted_is_refused_and_not_lost():
    x, noting = images(), Noting()
    noting.tape.watch(x)
    with (
        probing(noting),
        pytest.raises(ValueError, match="compute it by `probe.apply`"),
    ):
        probe.relu(x * 2.0)
