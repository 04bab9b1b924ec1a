"""Convolutions and their normalisation, which are done twice to keep little."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.constants import shared_constant
from maenas_tf.ops.fused_kernel import (
    fused,
    fused_gradient,
    is_fused,
    scale_of_channels,
)
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.probe import active_probe
from maenas_tf.ops.watched import are_watched, watched_only


def normalized(
    norm: BatchNormalization,
    compute: Callable[..., tf.Tensor],
    arguments: Sequence[tf.Tensor | keras.Variable],
    scale: tf.Tensor | None,
    training: bool,
) -> tf.Tensor:
    """Returns norm(compute(*arguments), scale), keeping the arguments alone.

    The gradient of the normalisation asks for what it has normalised. That is
    computed again, and with it all that lies between, not before the gradient
    of the result is there (Chen et al., "Training Deep Nets with Sublinear
    Memory Cost", 2016). The moments are kept, which are small, so that the
    normalisation itself is not done again.

    Args:
        norm: without scale, offset and moving statistics of its own; with
            them, in a probe or by the statistics of several replicas
            everything is done once, and kept.
        compute: takes `arguments`, and reads no other variable.
        arguments: floating.
        scale: of the result, scalar or [C]; None is 1.
        training: without it everything is done once.

    Returns:
        [B, H, W, C].
    """
    values = [tf.convert_to_tensor(a) for a in arguments]
    if (
        not training
        or norm.affine
        or norm.moving_statistics
        or active_probe() is not None
        or not is_fused(values[0].dtype)
    ):
        return norm.call(compute(*arguments), scale, training)
    watched = are_watched(values)

    @tf.custom_gradient
    def keeping_arguments(*given):
        # Within a branch tensors of the branch: TensorFlow finds no other ones
        # where the gradient of the branch is taken within a function.
        *held, scale = (tf.identity(a) for a in given)
        x = compute(*held)
        offset = shared_constant(0.0, (x.shape[-1],), tf.float32)
        y, _, _, *reserves = fused(x, scale, offset, norm.epsilon)

        def gradient(upstream):
            # Waits for the upstream gradient: nothing is computed early, nor
            # found to be what the first pass has computed.
            with tf.control_dependencies([upstream]):
                again = [tf.identity(held[0]), *held[1:]]
            asked = list(itertools.compress(again, watched))
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(asked)
                with watched_only():
                    x = compute(*again)
            upstream, to_scale, *_ = fused_gradient(
                upstream, x, scale, reserves, norm.epsilon
            )
            found = iter(tape.gradient(x, asked, upstream))
            return *(next(found) if w else None for w in watched), to_scale

        return y, gradient

    scale = scale_of_channels(scale, norm.channels, tf.float32)
    return keeping_arguments(*values, scale)
