"""The one place where training scales by the number of replicas.

The replicas' shares of a loss add up to its mean over the global batch, their
gradients are summed before they are clipped (each replica's own clip would
not be that of the whole), and Keras' optimizers, which sum once more, get a
part each.
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


def apply_summed(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    weight_decay: float,
) -> None:
    """Applies gradients that are already summed over the replicas.

    Args:
        optimizer: built on the variables; sums over the replicas again, hence
            the division.
        gradients: of all replicas together.
        values: of the variables.
        weight_decay: L2 factor; its gradient is `weight_decay` times the
            value.
    """
    optimizer.apply(
        [
            (gradient + weight_decay * value) / num_replicas()
            for gradient, value in zip(gradients, values, strict=True)
        ]
    )


def clip(gradients: Sequence[tf.Tensor], norm: float) -> list[tf.Tensor]:
    """Returns the gradients, their global norm at most `norm`; 0 is off."""
    if not norm:
        return list(gradients)
    return tf.clip_by_global_norm(gradients, norm)[0]


def summed_metrics(metrics: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns each replica's shares added up, the same on all replicas."""
    keys = sorted(metrics)
    values = all_reduce_sum([metrics[key] for key in keys])
    return dict(zip(keys, values, strict=True))
