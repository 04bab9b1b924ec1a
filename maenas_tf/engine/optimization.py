"""The one place where training scales by the number of replicas.

The replicas' shares of a loss add up to its mean over the global batch, and
their gradients are summed before they are clipped: each replica's own clip
would not be that of the whole. The optimizers here sum nothing themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.replica import all_reduce_sum, num_replicas


def share_of_mean(values: tf.Tensor) -> tf.Tensor:
    """Sums values [B] so that the replicas' results add up to the mean."""
    count = tf.shape(values)[0] * num_replicas()
    return tf.reduce_sum(values) / tf.cast(count, values.dtype)


class OfSummedGradients:
    """Makes a Keras optimizer take gradients that are summed already.

    Keras sums them over the replicas again, which costs as much once more.
    That also registers a gradient for ever, and with it keeps every graph in
    memory (TF 2.21).
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)


class Adam(OfSummedGradients, keras.optimizers.Adam):
    """Keras' Adam."""


class SGD(OfSummedGradients, keras.optimizers.SGD):
    """Keras' SGD with momentum, each variable by one kernel.

        u <- momentum u - rate g        w <- w + u
        (Nesterov: w <- w + momentum u - rate g)

    The same update to the rounding; Keras' own makes a dozen operations of
    it, which for a supernet's thousand variables is a third of the graph.
    """

    def update_step(self, gradient, variable, learning_rate):
        # Keras passes the `tf.Variable` (under a strategy this replica's).
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        dtype = tf.as_dtype(variable.dtype)
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=tf.cast(learning_rate, dtype),
            grad=tf.cast(gradient, dtype),
            momentum=tf.constant(self.momentum, dtype),
            use_nesterov=self.nesterov,
        )


def apply_summed(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    weight_decay: float,
    clip_norm: float = 0.0,
) -> None:
    """Applies gradients that are already summed over the replicas.

    Args:
        optimizer: built on the variables; one of this module's.
        gradients: of all replicas together.
        values: of the variables.
        weight_decay: L2 factor; its gradient is `weight_decay` times the
            value.
        clip_norm: global norm that the gradients, without that of the decay,
            are clipped to; 0 is off.

    Raises:
        ValueError: the optimizer would sum the gradients once more.
    """
    if num_replicas() > 1 and not isinstance(optimizer, OfSummedGradients):
        raise ValueError(
            f"optimizer={type(optimizer).__name__} would sum the gradients of "
            f"{num_replicas()} replicas again; use SGD or Adam of "
            f"{__name__}."
        )
    optimizer.apply(_regularized(gradients, values, weight_decay, clip_norm))


def _regularized(
    gradients: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    weight_decay: float,
    clip_norm: float = 0.0,
) -> list[tf.Tensor]:
    """Returns the clipped gradient + weight_decay * value of each.

    Args: as `apply_summed`.
    """
    if clip_norm:
        norm = tf.linalg.global_norm(gradients)
        scale = clip_norm / tf.maximum(norm, clip_norm)
        gradients = [gradient * scale for gradient in gradients]
    return [
        gradient + value * weight_decay
        for gradient, value in zip(gradients, values, strict=True)
    ]


def summed_metrics(metrics: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns each replica's shares added up, the same on all replicas."""
    keys = sorted(metrics)
    values = all_reduce_sum([metrics[key] for key in keys])
    return dict(zip(keys, values, strict=True))
