"""Batch normalisation through TensorFlow's fused kernel.

Keras' own layer is not fused (3x slower on CPU) and its second derivative is
wrong, because it stops the gradient in its moments; both matter here.
"""

from __future__ import annotations

import functools

import keras
import tensorflow as tf

from maenas_tf.ops.fused_kernel import (
    fused,
    fused_gradient,
    in_full,
    is_fused,
)
from maenas_tf.ops.probe import active_probe, apply, note
from maenas_tf.ops.replica import all_reduce_sum, replicas_of_statistics
from maenas_tf.ops.tape import Backward
from maenas_tf.ops.told_kernel import (
    between_messages,
    moments,
    normalized_by,
)

EPSILON = 1e-5
MOMENTUM = 0.9
# Names of the variables that hold them.
MOVING_STATISTICS = ("moving_mean", "moving_variance")


def batch_normalize(
    x: tf.Tensor,
    scale: tf.Tensor | None = None,
    offset: tf.Tensor | None = None,
    epsilon: float = EPSILON,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises each channel by the statistics of the batch.

    y = scale * (x - mean) / sqrt(variance + epsilon) + offset

    Under a distribution strategy the statistics are those of the global
    batch, so that the number of replicas does not change the result, or those
    of each replica's part (`ops.replica.synchronize_statistics`).

    Args:
        x: [B, H, W, C], floating.
        scale: [C] or scalar; None is 1. An architecture weight passed here
            multiplies the output at no cost.
        offset: [C]; None is 0.
        epsilon: added to the variance.

    Returns:
        y: like x; mean and variance: [C], float32 or wider. The variance is
        the fused kernel's, with Bessel's correction (factor n / (n - 1)).
    """
    scale, offset = in_full(x, scale, offset)
    if is_fused(x.dtype):
        return fused(x, scale, offset, epsilon)[:3]
    part = between_messages(moments, x)
    (total,) = all_reduce_sum([part])
    return between_messages(
        normalized_by, x, part, total, scale, offset, epsilon=epsilon
    )


@functools.lru_cache(maxsize=256)
def _neutral(channels: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns a scale and an offset that do nothing, and an empty tensor."""
    return tf.ones([channels]), tf.zeros([channels]), tf.zeros([0])


def _by_the_batch(x: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalises without scale and offset, and notes both ways back."""
    if x.dtype != tf.float32:
        variance = batch_normalize(x, epsilon=epsilon)[2]
        held = _with_variance(x, variance, epsilon)
        return apply(
            lambda x: batch_normalize(x, epsilon=epsilon)[0], x, held=held
        )
    scale, offset, nothing = _neutral(x.shape[-1])
    y, _, variance, *kept = fused(x, scale, offset, epsilon, nothing)

    def backward(upstream: tf.Tensor) -> list[tf.Tensor]:
        return fused_gradient(upstream, x, scale, kept, epsilon)[:1]

    return note(y, [x], backward, _with_variance(x, variance, epsilon))


def _with_variance(
    x: tf.Tensor, variance: tf.Tensor, epsilon: float
) -> Backward:
    """Returns the way back on which the statistics of x are constants.

    Args:
        x: [B, H, W, C].
        variance: [C], with Bessel's correction, which is taken out.
        epsilon: added to the variance.
    """
    count = x.shape.num_elements() // x.shape[-1]

    def backward(upstream: tf.Tensor) -> list[tf.Tensor]:
        biased = variance * ((count - 1) / count)
        factor = tf.math.rsqrt(biased + epsilon)
        return [upstream * tf.cast(factor, upstream.dtype)]

    return backward


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation as the search and the found network need it.

    The supernet normalises by the statistics of the batch, always: its
    weights serve many architectures, whose moving averages would belong to
    none of them (NAS-Bench-201's search does the same), and passes at virtual
    or perturbed weights then have nothing they could spoil.

    Args:
        affine: learn scale and offset.
        moving_statistics: keep moving averages (momentum 0.9), used when
            `training` is false. Without them the batch's statistics serve
            in both modes. The variance averaged is the biased one, of factor
            1/n over the n = B H W values of a channel, as in Keras; PyTorch,
            and so the DARTS reference, averages the unbiased one, which is
            n / (n - 1) times it (1.0002 for 96 images of 8x8).
        epsilon: added to the variance.

    Attributes:
        channels: of what is normalised, told by `build`.
    """

    def __init__(
        self,
        affine: bool,
        moving_statistics: bool = False,
        epsilon: float = EPSILON,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.affine = affine
        self.moving_statistics = moving_statistics
        self.gamma = self.beta = None

    def build(self, input_shape):
        self.channels = input_shape[-1]
        shape = (self.channels,)
        if self.affine:
            self.gamma = self.add_weight(
                name="gamma", shape=shape, initializer="ones", autocast=False
            )
            self.beta = self.add_weight(
                name="beta", shape=shape, initializer="zeros", autocast=False
            )
        if self.moving_statistics:
            self.moving_mean = self.add_weight(
                name="moving_mean",
                shape=shape,
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            self.moving_variance = self.add_weight(
                name="moving_variance",
                shape=shape,
                initializer="ones",
                trainable=False,
                autocast=False,
            )
        self.built = True

    def call(self, x, scale=None, training=False):
        probe = active_probe()
        if probe is not None:
            if probe.normalizes:
                x = _by_the_batch(x, self.epsilon)
            return x if scale is None else apply(tf.multiply, x, scale)
        gamma = None if self.gamma is None else tf.convert_to_tensor(self.gamma)
        beta = None if self.beta is None else tf.convert_to_tensor(self.beta)
        if scale is not None and gamma is None:
            gamma = scale
        elif scale is not None:
            scale = tf.cast(scale, gamma.dtype)
            gamma, beta = gamma * scale, beta * scale
        if self.moving_statistics and not training:
            return self._by_moving_statistics(x, gamma, beta)
        y, mean, variance = batch_normalize(x, gamma, beta, self.epsilon)
        if self.moving_statistics:
            # Keras averages the biased variance: undo Bessel's correction.
            count = tf.cast(tf.size(x) // x.shape[-1], variance.dtype)
            count *= replicas_of_statistics()
            self._update(mean, variance * (count - 1.0) / count)
        return y

    def told(
        self,
        x: tf.Tensor,
        part: tf.Tensor,
        total: tf.Tensor,
        scale: tf.Tensor | None,
    ) -> tf.Tensor:
        """Returns what `call` does in training, without asking replicas.

        For a layer without scale, offset and moving statistics of its own.

        Args:
            x: [B, H, W, C].
            part: its `told_kernel.moments`.
            total: the sum of those of all replicas.
            scale: as of `call`.
        """
        given = in_full(x, scale, None)
        return normalized_by(x, part, total, *given, self.epsilon)[0]

    def _by_moving_statistics(self, x, gamma, beta):
        variance = tf.convert_to_tensor(self.moving_variance)
        factor = tf.math.rsqrt(variance + self.epsilon)
        factor = factor if gamma is None else factor * gamma
        shift = -tf.convert_to_tensor(self.moving_mean) * factor
        shift = shift if beta is None else shift + beta
        return x * tf.cast(factor, x.dtype) + tf.cast(shift, x.dtype)

    def _update(self, mean, variance):
        for variable, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            old = tf.convert_to_tensor(variable)
            variable.assign(MOMENTUM * old + (1.0 - MOMENTUM) * value)
