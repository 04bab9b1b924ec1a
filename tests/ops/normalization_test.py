"""Tests of `maenas_tf.ops.normalization`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.normalization import (
    EPSILON,
    BatchNormalization,
    batch_normalize,
)
from tests.ops import numpy_oracle
from tests.ops.layers import gradients, image

SHAPE = (3, 4, 5, 6)


def build(affine, moving_statistics):
    layer = BatchNormalization(affine, moving_statistics, name="norm")
    layer.build((None, *SHAPE[1:]))
    return layer


def example(dtype=tf.float32):
    """Returns an image, scale and offset that are far from (0, 1)."""
    x = 2.0 * image(SHAPE) + np.arange(6)
    return [
        tf.constant(value, dtype)
        for value in (x, image((6,), seed=1), image((6,), seed=2))
    ]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_batch_statistics_equal_the_definition(dtype):
    """float32 takes the fused kernel, float64 the moments."""
    x, scale, offset = example(dtype)
    y, mean, variance = batch_normalize(x, scale, offset)
    expected = numpy_oracle.batch_normalize(
        x.numpy().astype(np.float64), scale.numpy(), offset.numpy()
    )
    tolerance = 1e-12 if dtype == tf.float64 else 1e-5
    assert y.dtype == mean.dtype == variance.dtype == dtype
    np.testing.assert_allclose(y, expected, atol=tolerance)
    flat = x.numpy().reshape(-1, 6)
    np.testing.assert_allclose(mean, flat.mean(0), rtol=1e-5)
    # As documented: with Bessel's correction.
    np.testing.assert_allclose(variance, flat.var(0, ddof=1), rtol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_scale_and_offset_default_to_one_and_zero(dtype):
    x, _, _ = example(dtype)
    y, _, _ = batch_normalize(x)
    expected = numpy_oracle.batch_normalize(x.numpy())
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_scalar_scale_multiplies_every_channel(dtype):
    x, _, _ = example(dtype)
    weight = tf.constant(0.3, dtype)
    y, (gradient,) = gradients(lambda: batch_normalize(x, weight)[0], [weight])
    plain = batch_normalize(x)[0]
    np.testing.assert_allclose(y, 0.3 * plain, atol=1e-6)
    projection = image(SHAPE, seed=99)
    np.testing.assert_allclose(gradient, np.sum(plain * projection), rtol=1e-4)


def test_a_scale_of_each_channel_may_be_of_another_type():
    x, scale, _ = example(tf.float64)
    narrow = tf.cast(scale, tf.float32)
    y, _, _ = batch_normalize(x, narrow)
    expected = numpy_oracle.batch_normalize(x.numpy(), narrow.numpy())
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_bfloat16_images_keep_float32_statistics():
    x, scale, offset = example()
    y, mean, variance = batch_normalize(tf.cast(x, tf.bfloat16), scale, offset)
    assert y.dtype == tf.bfloat16
    assert mean.dtype == variance.dtype == tf.float32
    expected = numpy_oracle.batch_normalize(x.numpy(), scale, offset)
    np.testing.assert_allclose(tf.cast(y, tf.float32), expected, atol=0.05)


@pytest.mark.parametrize("affine", [True, False])
def test_moving_statistics_follow_those_of_keras(affine):
    """Momentum 0.9 and the biased variance, over several batches."""
    ours = build(affine, True)
    theirs = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, scale=affine, center=affine
    )
    theirs.build((None, *SHAPE[1:]))
    if affine:
        for layer in (ours, theirs):
            layer.gamma.assign(image((6,), seed=1))
            layer.beta.assign(image((6,), seed=2))
    for step in range(3):
        # 60 pixels: Bessel's factor is 1.017, far above the tolerance.
        x = tf.constant((step + 2.0) * image(SHAPE, seed=step) + step)
        np.testing.assert_allclose(
            ours.call(x, training=True), theirs(x, training=True), atol=2e-5
        )
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-4)
    np.testing.assert_allclose(
        ours.moving_variance, theirs.moving_variance, rtol=1e-4
    )
    np.testing.assert_allclose(
        ours.call(x, training=False), theirs(x, training=False), atol=2e-5
    )


def test_inference_leaves_the_moving_statistics_alone():
    layer = build(True, True)
    before = [variable.numpy() for variable in layer.variables]
    layer.call(example()[0], training=False)
    np.testing.assert_array_equal(
        before, [variable.numpy() for variable in layer.variables]
    )


@pytest.mark.parametrize("affine", [True, False])
def test_without_moving_statistics_there_is_no_state(affine):
    layer = build(affine, False)
    assert layer.non_trainable_variables == []
    assert len(layer.trainable_variables) == (2 if affine else 0)
    x = example()[0]
    np.testing.assert_array_equal(
        layer.call(x, training=True), layer.call(x, training=False)
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("moving_statistics", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_scale_argument_multiplies_scale_and_offset(
    affine, moving_statistics, training
):
    layer = build(affine, moving_statistics)
    for seed, variable in enumerate(layer.variables):
        variable.assign(np.abs(image((6,), seed=seed)) + 0.5)
    x, weight = example()[0], tf.constant(0.3)
    values = [variable.numpy() for variable in layer.variables]
    y = layer.call(x, weight, training=training)
    for variable, value in zip(layer.variables, values, strict=True):
        variable.assign(value)
    plain = layer.call(x, training=training)
    np.testing.assert_allclose(y, 0.3 * plain, rtol=1e-4, atol=1e-5)


def objective(x, scale):
    """Returns a scalar of x and scale whose Hessian is full."""
    y, _, _ = batch_normalize(x, scale)
    return tf.reduce_sum(tf.cast(image(SHAPE, seed=3), y.dtype) * tf.tanh(y))


def hessian_times(x, scale, direction_x, direction_scale):
    """Returns the Hessian of `objective` times a direction, exactly."""
    with tf.GradientTape() as outer:
        outer.watch([x, scale])
        with tf.GradientTape() as inner:
            inner.watch([x, scale])
            value = objective(x, scale)
        first = inner.gradient(value, [x, scale])
        along = tf.reduce_sum(first[0] * direction_x)
        along += tf.reduce_sum(first[1] * direction_scale)
    return first, outer.gradient(along, [x, scale])


def test_second_derivative_equals_finite_differences_in_float64():
    x, scale, _ = example(tf.float64)
    direction = [
        tf.constant(image(SHAPE, seed=7), tf.float64),
        tf.constant(image((6,), seed=8), tf.float64),
    ]
    _, exact = hessian_times(x, scale, *direction)
    step = 1e-5

    def gradient_at(sign):
        first, _ = hessian_times(
            x + sign * step * direction[0],
            scale + sign * step * direction[1],
            *direction,
        )
        return first

    ahead, behind = gradient_at(1.0), gradient_at(-1.0)
    for product, plus, minus in zip(exact, ahead, behind, strict=True):
        assert np.abs(product).max() > 0.1
        np.testing.assert_allclose(
            product, (plus - minus) / (2 * step), rtol=1e-6, atol=1e-8
        )


def test_second_derivative_of_the_fused_kernel_is_that_of_the_moments():
    directions = image(SHAPE, seed=7), image((6,), seed=8)
    _, fused = hessian_times(*example()[:2], *directions)
    x, scale, _ = example(tf.float64)
    _, exact = hessian_times(
        x, scale, *(tf.constant(d, tf.float64) for d in directions)
    )
    for product, expected in zip(fused, exact, strict=True):
        np.testing.assert_allclose(product, expected, rtol=1e-3, atol=1e-4)


def test_constant_channel_gives_the_offset_and_finite_gradients():
    x = tf.fill(SHAPE, 3.0)
    for dtype in (tf.float32, tf.float64):
        value = tf.cast(x, dtype)
        y, (gradient,) = gradients(
            lambda value=value: batch_normalize(value)[0], [value]
        )
        # The mean is right to a few units in the last place, and what it is off
        # by is divided by the square root of epsilon; processors differ.
        rounding = 4 * np.spacing(dtype.as_numpy_dtype(3.0))
        np.testing.assert_allclose(y, 0.0, atol=rounding / EPSILON**0.5)
        assert np.all(np.isfinite(gradient))
