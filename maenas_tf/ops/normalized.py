"""Convolutions and their normalisation, which are done twice to keep little."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.constants import shared_constant
from maenas_tf.ops.fused_kernel import (
    fused,
    fused_gradient,
    is_fused,
    scale_of_channels,
    wide,
)
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.probe import active_probe
from maenas_tf.ops.recompute import compute_again
from maenas_tf.ops.sharing import as_here
from maenas_tf.ops.told_kernel import told, told_gradient
from maenas_tf.ops.watched import are_watched


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
    Memory Cost", 2016). The moments are kept, which are small, so that they
    are not computed again, nor told again to other replicas.

    Args:
        norm: without scale, offset and moving statistics of its own; with
            them, or in a probe, everything is done once, and kept.
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
    ):
        return norm.call(compute(*arguments), scale, training)
    kernel, gradient_of = fused, fused_gradient
    if not is_fused(values[0].dtype):
        kernel, gradient_of = told, told_gradient
    dtype = wide(values[0].dtype)
    here = as_here()
    watched = are_watched(values)

    @tf.custom_gradient
    def keeping_arguments(*given):
        # Within a branch tensors of the branch: TensorFlow finds no other ones
        # where the gradient of the branch is taken within a function.
        *held, scale = (tf.identity(a) for a in given)
        x = compute(*held)
        offset = shared_constant(0.0, (x.shape[-1],), dtype)
        y, _, _, *reserves = kernel(x, scale, offset, norm.epsilon)

        def gradient(upstream):
            with here():
                x, to_arguments = compute_again(
                    compute, held, watched, upstream
                )
                upstream, to_scale, *_ = gradient_of(
                    upstream, x, scale, reserves, norm.epsilon
                )
                return *to_arguments(upstream), to_scale

        return y, gradient

    scale = scale_of_channels(scale, norm.channels, dtype)
    return keeping_arguments(*values, scale)
