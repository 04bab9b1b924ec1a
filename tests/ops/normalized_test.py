"""Tests of `maenas_tf.ops.normalized`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.convolution import convolve
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.normalized import normalized
from maenas_tf.ops.watched import watched_only
from tests.ops.layers import image

SHAPE, WIDTH = (3, 4, 6, 4), 5
# By the fused kernel, and without, as among replicas.
DTYPES = [tf.float32, tf.float64]


def make_norm(**settings) -> BatchNormalization:
    norm = BatchNormalization(affine=False, **settings)
    norm.build((None, None, None, WIDTH))
    return norm


def inputs(dtype=tf.float32):
    """Returns what is convolved, the kernel and the scale."""
    x = tf.constant(image(SHAPE), dtype)
    kernel = tf.constant(image((1, 1, SHAPE[-1], WIDTH), 1), dtype)
    return x, kernel, tf.constant(0.7, dtype)


def derivatives(compute, dtype):
    """Returns value, gradients, and gradients of the gradients' size."""
    sources = inputs(dtype)
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = compute(*sources)
            loss = tf.reduce_sum(tf.square(y) * tf.cos(y))
        first = tape.gradient(loss, sources)
        size = tf.add_n([tf.reduce_sum(tf.sin(g)) for g in first])
    return [y, *first, *outer.gradient(size, sources)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("in_graph", [False, True])
def test_value_and_derivatives_are_those_of_both_layers(in_graph, dtype):
    """To the second derivative, which the second order needs."""
    norm = make_norm()

    def at_once(x, kernel, scale):
        return normalized(norm, convolve, [x, kernel], scale, True)

    def one_by_one(x, kernel, scale):
        return norm.call(convolve(x, kernel), scale, True)

    found, wanted = (
        (tf.function(derivatives) if in_graph else derivatives)(compute, dtype)
        for compute in (at_once, one_by_one)
    )
    for value, want in zip(found, wanted, strict=True):
        size = np.abs(want).max()
        assert size > 0.1
        np.testing.assert_allclose(value, want, rtol=1e-4, atol=1e-5 * size)


def kept(norm, wanted: str, dtype) -> list[int]:
    """Returns the channels of all images that are kept for a gradient.

    Args:
        norm: of the normalisation.
        wanted: whose gradient, "x" or "kernel".
    """

    @tf.function(autograph=False)
    def compute(x, kernel):
        source = {"x": x, "kernel": kernel}[wanted]
        x, kernel = (
            a if a is source else tf.stop_gradient(a) for a in (x, kernel)
        )
        with tf.GradientTape() as tape, watched_only():
            tape.watch(source)
            return normalized(norm, convolve, [x, kernel], None, True)

    function = compute.get_concrete_function(
        tf.TensorSpec(SHAPE, dtype),
        tf.TensorSpec((1, 1, SHAPE[-1], WIDTH), dtype),
    )
    forward, _ = function._delayed_rewrite_functions.forward_backward()
    outputs = forward.function_type.flat_outputs
    return [o.shape[-1] for o in outputs[1:] if o.shape[:1] == SHAPE[:1]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wanted", ["x", "kernel"])
def test_what_is_normalised_is_not_kept(wanted, dtype):
    assert set(kept(make_norm(), wanted, dtype)) == {SHAPE[-1]}


def test_moving_statistics_are_updated():
    norm = make_norm(moving_statistics=True)
    x, kernel, _ = inputs()
    before = norm.moving_mean.numpy()
    normalized(norm, convolve, [x, kernel], None, True)
    assert np.abs(norm.moving_mean.numpy() - before).max() > 0.01
