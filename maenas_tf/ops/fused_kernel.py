"""TensorFlow's fused kernel of batch normalisation, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maenas_tf.ops.constants import shared_constant
from maenas_tf.ops.replica import replicas_of_statistics

_FUSED_TYPES = (tf.float32, tf.bfloat16, tf.float16)


def is_fused(dtype: tf.DType) -> bool:
    """Whether the fused kernel normalises by what counts as the batch here."""
    return dtype in _FUSED_TYPES and replicas_of_statistics() == 1


def wide(dtype: tf.DType) -> tf.DType:
    """Returns the type of moments, scale and offset of what has a type."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def in_full(
    x: tf.Tensor, scale: tf.Tensor | None, offset: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns scale and offset of the channels of x, [C], `wide`.

    Args:
        x: [B, H, W, C].
        scale: as of `scale_of_channels`.
        offset: [C]; None is 0.
    """
    channels, dtype = x.shape[-1], wide(x.dtype)
    if offset is None:
        offset = shared_constant(0.0, (channels,), dtype)
    return scale_of_channels(scale, channels, dtype), offset


def scale_of_channels(
    scale: tf.Tensor | None, channels: int, dtype: tf.DType
) -> tf.Tensor:
    """Returns a scale, a scalar, [channels] or None for 1, as [channels]."""
    if scale is None:
        return shared_constant(1.0, (channels,), dtype)
    scale = tf.cast(scale, dtype)
    return tf.fill([channels], scale) if scale.shape.rank == 0 else scale


def fused(
    x: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
    epsilon: float,
    nothing: tf.Tensor | None = None,
) -> tuple[tf.Tensor, ...]:
    """Returns what the fused kernel does: y, mean, variance and its reserves.

    Without `tf.nn`'s wrapper, which makes two constants a call.

    Args:
        x: [B, H, W, C], float32 or narrower.
        scale: [C], float32.
        offset: [C], float32.
        epsilon: added to the variance.
        nothing: [0], float32; None makes it.
    """
    if nothing is None:
        nothing = shared_constant(0.0, (0,), tf.float32)
    return tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=scale,
        offset=offset,
        mean=nothing,
        variance=nothing,
        epsilon=epsilon,
        # Its default is an integer, which takes a way around four times as
        # long to the same kernel.
        exponential_avg_factor=1.0,
        is_training=True,
    )


def fused_gradient(
    upstream: tf.Tensor,
    x: tf.Tensor,
    scale: tf.Tensor,
    reserves: Sequence[tf.Tensor],
    epsilon: float,
) -> tuple[tf.Tensor, ...]:
    """Returns the gradients of `fused`: of x, scale, offset and two of none.

    Args:
        upstream: gradient of its first result.
        x: as given to it.
        scale: as given to it.
        reserves: its last three results.
        epsilon: as given to it.
    """
    return tf.raw_ops.FusedBatchNormGradV3(
        y_backprop=upstream,
        x=x,
        scale=scale,
        reserve_space_1=reserves[0],
        reserve_space_2=reserves[1],
        reserve_space_3=reserves[2],
        epsilon=epsilon,
        is_training=True,
    )
