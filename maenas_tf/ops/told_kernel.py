"""Batch normalisation by statistics that replicas tell each other.

Of two parts with a message between them, since TensorFlow lets replicas speak
to each other outside of functions only: either part may be within one.
`told` and `told_gradient` are both, of the form of `fused_kernel`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from maenas_tf.ops.fused_kernel import wide
from maenas_tf.ops.replica import all_reduce_sum, replicas_of_statistics
from maenas_tf.ops.sharing import shared


@tf.custom_gradient
def moments(
    x: tf.Tensor,
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Returns mean and mean square of this replica, float64 [2, C].

    Args:
        x: [B, H, W, C], floating.
    """
    x = tf.identity(x)
    part = _moments(x)
    return part, functools.partial(_moments_gradient, x, part)


def normalized_by(
    x: tf.Tensor,
    part: tf.Tensor,
    total: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
    epsilon: float,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns y, mean and variance of what `moments` was given.

    Args:
        x: as given to it, [B, H, W, C].
        part: what it has returned.
        total: the sum of all replicas' parts.
        scale: [C], float32, or float64 as x.
        offset: as scale.
        epsilon: added to the variance.

    Returns:
        y: like x; mean and variance: [C], of the batch of all replicas, the
        latter with Bessel's correction; without gradient.
    """

    @tf.custom_gradient
    def normalized(*given):
        given = [tf.identity(a) for a in given]

        def gradient(upstream, *_):
            to_x, to_total, *others = _normalized_gradient(
                upstream, *given[:4], epsilon
            )
            return to_x, None, to_total, *others

        return _normalized(*given, epsilon), gradient

    return normalized(x, part, total, scale, offset)


def between_messages(
    compute: Callable[..., Any], *inputs: tf.Tensor, **settings: float
) -> Any:
    """Returns compute(*inputs), by a function where functions are shared."""
    return shared(
        (compute, replicas_of_statistics(), *settings.values()),
        functools.partial(compute, **settings),
        inputs,
        [],
        sends=False,
    )


def told(
    x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, ...]:
    """Returns what `normalized_by` does, and what the gradient reads.

    Sends one message.

    Args:
        x: [B, H, W, C], floating.
        scale: [C], float32, or float64 as x.
        offset: as scale.
        epsilon: added to the variance.

    Returns:
        y, mean, variance and two tensors.
    """
    part = between_messages(_moments, x)
    (total,) = all_reduce_sum([part])
    results = between_messages(
        _normalized, x, part, total, scale, offset, epsilon=epsilon
    )
    return *results, part, total


def told_gradient(
    upstream: tf.Tensor,
    x: tf.Tensor,
    scale: tf.Tensor,
    reserves: Sequence[tf.Tensor],
    epsilon: float,
) -> tuple[tf.Tensor, ...]:
    """Returns the gradients of y of `told`: of x, scale and offset.

    Sends one message. The gradients of scale and offset are those of what is
    computed here.

    Args: as `fused_gradient`; the reserves are the last two results.
    """
    part, total = reserves
    to_x, to_total, *others = between_messages(
        _normalized_gradient,
        upstream,
        x,
        part,
        total,
        scale,
        epsilon=epsilon,
    )
    (to_part,) = all_reduce_sum([to_total])
    return to_x + between_messages(_moments_gradient, x, part, to_part), *others


def _moments(x: tf.Tensor) -> tf.Tensor:
    """Returns mean and mean square.

    The variance of all is the mean of the variances plus the variance of the
    means (Chan, Golub and LeVeque, "Algorithms for Computing the Sample
    Variance", 1983): one reduction tells both. The variance of the means is a
    difference of squares, whose digits float32 would lose where the mean is
    large; float64 does not.
    """
    x = tf.cast(x, wide(x.dtype))
    mean = tf.reduce_mean(x, [0, 1, 2])
    # Not E[x^2] - m^2, whose digits cancel where the mean is large.
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), [0, 1, 2])
    mean = tf.cast(mean, tf.float64)
    return tf.stack([mean, tf.square(mean) + tf.cast(variance, tf.float64)])


def _moments_gradient(
    x: tf.Tensor, part: tf.Tensor, upstream: tf.Tensor
) -> tf.Tensor:
    """Returns (d1 + 2 x d2) / n, where x may be far from 0."""
    dtype = wide(x.dtype)
    to_mean, to_square = tf.unstack(upstream / tf.cast(_count(x), tf.float64))
    common = tf.cast(to_mean + 2.0 * part[0] * to_square, dtype)
    centred = tf.cast(x, dtype) - tf.cast(part[0], dtype)
    to_x = centred * tf.cast(2.0 * to_square, dtype) + common
    return tf.cast(to_x, x.dtype)


def _normalized(
    x: tf.Tensor,
    part: tf.Tensor,
    total: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
    epsilon: float,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    centred, distance, mean, variance = _centred(x, part, total)
    factor = scale * tf.math.rsqrt(variance + epsilon)
    y = centred * factor + (offset + distance * factor)
    count = tf.cast(_count(x) * replicas_of_statistics(), variance.dtype)
    return tf.cast(y, x.dtype), mean, variance * count / (count - 1.0)


def _normalized_gradient(
    upstream: tf.Tensor,
    x: tf.Tensor,
    part: tf.Tensor,
    total: tf.Tensor,
    scale: tf.Tensor,
    epsilon: float,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the gradients of x, total, scale and offset.

    That of the part is 0: it is taken away and added again.
    """
    centred, distance, mean, variance = _centred(x, part, total)
    upstream = tf.cast(upstream, centred.dtype)
    inverse = tf.math.rsqrt(variance + epsilon)
    factor = scale * inverse
    whole = tf.reduce_sum(upstream, [0, 1, 2])
    along = tf.reduce_sum(upstream * centred, [0, 1, 2]) + distance * whole
    to_scale = along * inverse
    # variance = square - mean^2
    to_square = tf.cast(-0.5 * to_scale * factor * inverse, tf.float64)
    to_mean = -tf.cast(whole * factor, tf.float64)
    to_mean -= 2.0 * tf.cast(mean, tf.float64) * to_square
    to_total = tf.stack([to_mean, to_square]) / replicas_of_statistics()
    return tf.cast(upstream * factor, x.dtype), to_total, to_scale, whole


def _centred(
    x: tf.Tensor, part: tf.Tensor, total: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Returns x less its mean here, that less the mean, mean, variance."""
    dtype = wide(x.dtype)
    own = part[0]
    mean, square = tf.unstack(total / replicas_of_statistics())
    variance = tf.maximum(square - tf.square(mean), 0.0)
    return (
        tf.cast(x, dtype) - tf.cast(own, dtype),
        tf.cast(own - mean, dtype),
        tf.cast(mean, dtype),
        tf.cast(variance, dtype),
    )


def _count(x: tf.Tensor) -> tf.Tensor:
    """Returns how many values a channel has here."""
    return tf.size(x) // x.shape[-1]
